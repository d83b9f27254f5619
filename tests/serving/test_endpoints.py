"""What each route does: bounds, explanations, reasons and counts of whole answers."""

import asyncio
import threading

import httpx
import numpy as np
import pytest
from PIL import Image

from serving import endpoints, metrics
from serving.endpoints import QUICK_BYTES, QUICK_IMAGES
from serving.errors import Busy
from serving.model import uncertainty
from serving.model.status import Refusal
from tests.support.a_request import a_request
from tests.support.small_service import NAME, Service, a_one, png_of, put_copy, status

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


def ready(service: Service) -> dict:
    return service.get("/health/ready").json()


def test_readiness_names_the_version_and_how_old_its_confirmation_is(service: Service):
    service.run(service.models.follow(status("3"), 1.26))
    content = ready(service)
    assert (content["ready"], content["status"], content["refused"]) == (True, "ok", None)
    assert (content["model"], content["version"], content["run_id"]) == (NAME, "3", "a-run")
    assert content["registry_age_seconds"] == pytest.approx(1.3, abs=0.5)
    assert content["registry_age_seconds"] == round(content["registry_age_seconds"], 1)


def test_readiness_is_degraded_once_the_registry_has_long_been_silent(service: Service):
    service.run(service.models.follow(status("3", registry_error="silent"), 1e6))
    assert (ready(service)["ready"], ready(service)["status"]) == (True, "degraded")
    service.run(service.models.follow(status("3"), 0.0))
    assert ready(service)["status"] == "ok"


def test_readiness_without_a_model_is_unavailable(tmp_path):
    service = Service(tmp_path)
    content = ready(service)
    assert (content["status"], content["registry_age_seconds"]) == ("unavailable", None)
    assert "version" not in content
    service.close()


def test_readiness_names_a_refused_version_without_the_machines_paths(service: Service):
    home = service.routes.table[0].endpoint.__self__._settings.home
    refusal = Refusal(NAME, "4", f"the model in {home}/served/x is wrong")
    service.run(service.models.follow(status("3", refused=refusal), 0.0))
    assert ready(service)["refused"] == {
        "name": NAME,
        "version": "4",
        "reason": "the model in ANN_HOME/served/x is wrong",
    }
    service.run(service.models.follow(status("3"), 0.0))


# Versions and models


def test_the_index_lists_every_version_and_which_are_loaded(tmp_path):
    put_copy(tmp_path, "3", seed=1)
    service = Service(tmp_path)
    service.run(service.models.follow(status("3"), 0.0))
    index = service.post("/v2/repository/index", json={}).json()
    assert [(one["name"], one["version"], one["reason"] == "") for one in index] == [
        (NAME, "1", False),
        (NAME, "2", False),
        (NAME, "3", True),
        (NAME, "4", False),
    ]
    assert service.get(V2).json()["versions"] == ["1", "2", "3", "4"]
    assert service.get("/v1/models").json() == {"models": [NAME]}
    service.close()


def test_statistics_are_of_one_version_or_of_all_that_are_loaded(tmp_path):
    for version in ("3", "2"):
        put_copy(tmp_path, version, seed=1)
    service = Service(tmp_path)
    service.run(service.models.follow(status("3"), 0.0))
    service.get(f"{V2}/versions/2/ready")

    def versions(path: str) -> list[str]:
        return [one["version"] for one in service.get(path).json()["model_stats"]]

    assert versions("/v2/models/stats") == ["2", "3"]
    assert versions(f"{V2}/versions/2/stats") == ["2"]
    assert versions(f"{V2}/stats") == ["3"]
    service.close()


def test_the_documents_examples_name_the_model_that_answers(service: Service, tmp_path):
    empty = Service(tmp_path)
    values = [each.routes.table[0].endpoint.__self__.path_values() for each in (service, empty)]
    assert values == [{"name": NAME, "version": "3"}, {}]
    empty.close()


def test_a_ping_is_an_empty_line_and_the_version_a_text(service: Service):
    assert service.get("/ping").content == b"\n"
    version = service.get("/version")
    assert version.headers["content-type"].startswith("text/plain")
    assert version.text == service.get("/v2").json()["version"]


# Corrections


def correct(service: Service, **fields) -> httpx.Response:
    return service.post("/feedback", json=fields)


def test_a_stored_correction_is_201_and_a_known_one_200_and_both_are_counted(service: Service):
    def counted() -> list[float]:
        labels = ("stored", "known")
        return [metrics.corrections.labels(each)._value.get() for each in labels]

    before = counted()
    answers = [correct(service, image=ONE.tolist(), digit=2) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]
    assert [answer.json()["feedback"] for answer in answers] == ["stored", "known"]
    assert [now - then for now, then in zip(counted(), before, strict=True)] == [1, 1]


def test_each_of_many_images_can_be_corrected_up_to_a_number(service: Service, monkeypatch):
    monkeypatch.setattr(endpoints, "REMEMBERED", 2)

    def last_id(count: int) -> str:
        images = [(shade * ONE).tolist() for shade in np.linspace(0.6, 0.9, count)]
        rows = service.post("/predict", json={"images": images}).json()["predictions"]
        return rows[-1]["request_id"]

    assert correct(service, request_id=last_id(2), digit=3).status_code == 201
    assert correct(service, request_id=last_id(3), digit=3).status_code == 404


def test_the_eleventh_class_of_digits_is_none(service: Service):
    assert correct(service, image=ONE.tolist(), digit=9).status_code == 201
    refused = correct(service, image=ONE.tolist(), digit=10)
    assert (refused.status_code, "less than or equal to 9" in refused.json()["error"]) == (
        422,
        True,
    )


# What is counted and what is bounded


def test_each_answer_that_is_uncertain_is_counted(service: Service):
    def uncertain() -> float:
        return metrics.uncertain._value.get()

    before = uncertain()
    service.post("/predict", json={"image": BLANK.tolist()})
    assert uncertain() - before == 1
    images = [BLANK.tolist(), NOISE.tolist()]
    rows = service.post("/predict", json={"images": [*images, ONE.tolist()]}).json()["predictions"]
    said = sum(row["uncertain"] for row in rows)
    assert said >= 2
    assert uncertain() - before == 1 + said


def test_as_many_images_are_explained_as_may_be(service: Service, monkeypatch):
    monkeypatch.setattr(endpoints, "MAX_EXPLAINED", 1)
    for path, field in (("/predict?explain=1", "images"), (f"{V1}:explain", "instances")):
        assert service.post(path, json={field: [ONE.tolist()]}).status_code == 200
        refused = service.post(path, json={field: BATCH.tolist()})
        assert "2 images are to be explained; send at most 1 at once." in refused.json()["error"]


@pytest.mark.parametrize(
    ("path", "field"), [("/predict?explain=1", "images"), (f"{V1}:explain", "instances")]
)
def test_a_refused_explanation_counts_as_no_answer_and_nothing_of_it_is_kept(
    service: Service, monkeypatch, path, field
):
    def answered() -> int:
        return service.get(f"{V2}/stats").json()["model_stats"][0]["inference_count"]

    monkeypatch.setattr(endpoints, "MAX_EXPLAINED", 1)
    before = answered()
    headers = {"x-request-id": f"refused {field}"}
    refused = service.post(path, json={field: BATCH.tolist()}, headers=headers)
    assert refused.status_code in (400, 422)
    assert answered() == before
    correction = {"request_id": headers["x-request-id"], "digit": 3}
    assert service.post("/feedback", json=correction).status_code == 404


# Where the work is done


def thread_of(*_: object) -> str:
    return threading.current_thread().name.partition("_")[0]


@pytest.mark.parametrize(
    ("size", "thread"), [(QUICK_BYTES, "MainThread"), (QUICK_BYTES + 1, "reading")]
)
def test_a_large_body_is_read_in_a_thread_and_a_small_one_at_once(size, thread):
    assert asyncio.run(endpoints._read(thread_of, a_request(bytes(size)))) == thread


@pytest.mark.parametrize("count", [2, QUICK_IMAGES, QUICK_IMAGES + 1])
def test_many_answers_are_judged_in_a_thread(service: Service, monkeypatch, count):
    threads = []
    reasons = uncertainty.reasons
    monkeypatch.setattr(
        uncertainty, "reasons", lambda *given: threads.append(thread_of()) or reasons(*given)
    )
    service.post("/predict", json={"images": [ONE.tolist()] * count})
    assert threads == ["reading" if count > 32 else "MainThread"]


@pytest.mark.parametrize(
    ("side", "count", "thread"), [(28, 1, "MainThread"), (28, 2, "reading"), (280, 1, "reading")]
)
def test_a_picture_is_decoded_in_a_thread_unless_it_is_one_tiny_one(
    service: Service, monkeypatch, tmp_path, side, count, thread
):
    threads = []
    decoded = endpoints.decoded
    monkeypatch.setattr(
        endpoints, "decoded", lambda *given: threads.append(thread_of()) or decoded(*given)
    )
    path = tmp_path / "one.png"
    Image.fromarray((255 * ONE).astype(np.uint8)).resize((side, side)).save(path)
    files = [path.read_bytes()] * count
    asyncio.run(endpoints._decoded(files, service.models.champion()))
    assert threads == [thread]


def test_a_store_that_hangs_keeps_no_picture_waiting(service: Service, monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(service.feedback, "correct", lambda *_: released.wait(60) and "stored")

    async def ask() -> list[int]:
        post = service._client.post
        corrections = [
            asyncio.create_task(post("/feedback", json={"image": ONE.tolist(), "digit": 1}))
            for _ in range(3)
        ]
        await asyncio.sleep(0)
        headers = {"content-type": "image/png"}
        picture = await post("/predict", content=png_of(ONE), headers=headers)
        released.set()
        return [picture.status_code, *[(await each).status_code for each in corrections]]

    assert service.run(ask()) == [200, 201, 201, 201]


def test_what_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(endpoints, "LIMIT_SECONDS", 0.01)
    released = threading.Event()
    with pytest.raises(Busy, match=r"The answer took longer than 0\.01 s; send less at once\."):
        asyncio.run(endpoints._in_thread(released.wait, 10))
    released.set()
