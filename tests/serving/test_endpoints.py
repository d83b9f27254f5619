"""What each route does: bounds, explanations, reasons and counts of whole answers."""

import numpy as np

from tests.support.small_service import NAME, Service, a_one, put_copy, status

ONE = a_one()
BATCH = np.stack([ONE, ONE.T])
V1, V2 = f"/v1/models/{NAME}", f"/v2/models/{NAME}"
TENSOR = {"name": "images", "shape": [2, 28, 28], "datatype": "FP32", "data": BATCH.tolist()}
BLANK, NOISE = np.zeros((28, 28)), np.random.default_rng(0).random((28, 28))
REASONS = ["faint", "not one digit"]


def test_the_images_of_many_answers_are_not_returned(service: Service):
    few, many = ({"images": [ONE.tolist()] * number} for number in (32, 33))
    answers = service.post("/predict?image=1", json=few).json()["predictions"]
    assert np.allclose(answers[-1]["image"], ONE)
    refused = service.post("/predict?image=1", json=many)
    assert (refused.status_code, "at most 32" in refused.json()["error"]) == (422, True)
    assert len(service.post("/predict", json=many).json()["predictions"]) == 33


def test_v1_explains(service: Service):
    content = service.post(f"{V1}:explain", json={"instances": BATCH.tolist()}).json()
    assert len(content["predictions"]) == len(content["explanations"]) == 2
    too_many = {"instances": [ONE.tolist()] * 9}
    assert service.post(f"{V1}:explain", json=too_many).status_code == 400


def test_predict_and_explain_say_why(service: Service):
    images = [BLANK.tolist(), NOISE.tolist()]
    rows = service.post("/predict", json={"images": images}).json()["predictions"]
    assert [row["reason"] for row in rows] == REASONS
    explained = service.post(f"/v1/models/{NAME}:explain", json={"instances": images}).json()
    assert explained["reasons"] == REASONS


def test_v2_counts_what_a_version_answered(service: Service):
    def stats() -> dict:
        return service.get(f"{V2}/stats").json()["model_stats"][0]

    before = stats()
    service.post(f"{V2}/infer", json={"inputs": [TENSOR]})
    service.post("/predict", json={"image": ONE.tolist()})
    after = stats()
    assert (after["name"], after["version"]) == (NAME, "3")
    assert after["inference_count"] - before["inference_count"] == 3
    assert after["execution_count"] - before["execution_count"] == 2
    success = after["inference_stats"]["success"]
    assert success["count"] == after["execution_count"]
    assert success["ns"] > before["inference_stats"]["success"]["ns"]
    assert after["last_inference"] > 1.7e12  # milliseconds since 1970


# Readiness


def test_without_a_model_the_service_lives_and_says_why_it_cannot_answer(tmp_path):
    service = Service(tmp_path)
    answer = service.post("/predict", json={"image": ONE.tolist()})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "no model to answer with yet" in answer.json()["error"]
    assert service.post("/invocations", json={}).json().keys() == {"error_code", "message"}
    ready = service.get("/health/ready")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert service.get("/ping").status_code == 503
    assert service.get("/health/live").status_code == 200
    service.close()


def test_a_damaged_last_good_copy_is_not_served_and_named(tmp_path):
    copy = put_copy(tmp_path, "3", seed=1)
    (copy / "model.onnx").write_bytes(b"damaged")
    service = Service(tmp_path)
    ready = service.get("/health/ready").json()
    assert (ready["ready"], "SHA-256" in ready["refused"]["reason"]) == (False, True)
    service.close()


def test_readiness_reports_a_registry_that_is_unavailable(service: Service):
    service.run(service.models.follow(status("3", registry_error="it is unavailable"), None))
    ready = service.get("/health/ready")
    assert (ready.status_code, ready.json()["registry_error"]) == (200, "it is unavailable")
    assert "ann_registry_up 0.0" in service.get("/metrics").text
    service.run(service.models.follow(status("3"), 0.0))
    assert "ann_registry_up 1.0" in service.get("/metrics").text
