"""A model of other pictures than digits answers under its own name, in every protocol."""

import base64
import io
import json
import sqlite3
from contextlib import closing

import numpy as np
import pytest
from PIL import Image

from serving.images import to_digit
from serving.model.status import Listing
from tests.support.small_service import NAME, Service, a_one, answers_of, png_of, put_copy, status
from tests.support.waiting import wait_for

LABELS = ("A", "B", "Coat", "D", "E", "F", "G", "H", "I", "J", "K", "L")
EXPECTED = answers_of(7, a_one()[None], LABELS)[0]
BEST = int(EXPECTED.argmax())
PIXELS = a_one().ravel().tolist()
LISTINGS = {NAME: Listing(("3",), {"champion": "3"}), "letters": Listing(("1",), {"champion": "1"})}


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    put_copy(home, "3", seed=1)
    put_copy(home, "1", seed=7, name="letters", labels=LABELS)
    service = Service(home)
    service.run(service.models.follow(status("3", listings=LISTINGS), 0.0))
    yield service
    service.close()


def close_to(found) -> bool:
    return bool(np.allclose(np.ravel(found), EXPECTED, atol=1e-5))


def test_the_digits_stay_the_default(service):
    answer = service.post("/predict", json=PIXELS).json()
    assert answer["model"] == NAME
    assert "digit" in answer
    assert "label" not in answer


def test_predict_names_the_class_of_the_model_that_is_asked(service):
    answer = service.post("/predict?model=letters", json=PIXELS).json()
    assert (answer["model"], answer["class"], answer["label"]) == ("letters", BEST, LABELS[BEST])
    assert "digit" not in answer
    assert close_to(answer["probabilities"])


def test_an_answer_that_is_not_sure_names_the_two_classes(service):
    grey = service.post("/predict?model=letters", json=[0.0] * 784).json()
    assert grey["uncertain"]
    assert grey["reason"].startswith("not sure between ")
    assert set(grey["reason"].removeprefix("not sure between ").split(" and ")) <= set(LABELS)


def test_a_picture_of_28_by_28_pixels_is_taken_as_it_is(service):
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    headers = {"Content-Type": "image/png"}
    answer = service.post(
        "/predict?model=letters&image=1", content=small_png(pixels), headers=headers
    )
    assert np.allclose(np.array(answer.json()["image"]), pixels / 255, atol=1e-6)
    larger = png_of(a_one())  # is brought to MNIST's form
    drawn = service.post("/predict?model=letters", content=larger, headers=headers).json()
    expected = answers_of(7, to_digit(larger)[None], LABELS)[0]
    assert np.allclose(drawn["probabilities"], expected, atol=1e-5)


def test_open_inference(service):
    tensor = {"name": "images", "datatype": "FP32", "shape": [1, 28, 28], "data": PIXELS}
    answer = service.post("/v2/models/letters/infer", json={"inputs": [tensor]}).json()
    assert (answer["model_name"], answer["outputs"][0]["shape"]) == ("letters", [1, len(LABELS)])
    assert close_to(answer["outputs"][0]["data"])
    wanted = [{"name": "probabilities", "parameters": {"classification": 99}}]
    named = service.post("/v2/models/letters/infer", json={"inputs": [tensor], "outputs": wanted})
    (output,) = named.json()["outputs"]
    assert output["shape"] == [1, len(LABELS)]
    assert output["data"][0].endswith(f":{BEST}:{LABELS[BEST]}")
    metadata = service.get("/v2/models/letters").json()
    assert metadata["outputs"][0]["shape"] == [-1, len(LABELS)]
    config = service.get("/v2/models/letters/config").json()
    assert json.loads(config["parameters"]["labels"]["string_value"]) == list(LABELS)
    index = service.post("/v2/repository/index").json()
    assert {entry["name"] for entry in index} == {NAME, "letters"}


def test_tensorflow_serving(service):
    answer = service.post("/v1/models/letters:predict", json={"instances": [PIXELS]}).json()
    assert close_to(answer["predictions"])
    explained = service.post("/v1/models/letters:explain", json={"instances": [PIXELS]}).json()
    assert np.shape(explained["explanations"][0]["saliency"]) == (28, 28)
    assert service.get("/v1/models").json() == {"models": [NAME, "letters"]}
    metadata = service.get("/v1/models/letters/metadata").json()["metadata"]["signature_def"]
    output = metadata["signature_def"]["serving_default"]["outputs"]["probabilities"]
    assert output["tensor_shape"]["dim"][1]["size"] == str(len(LABELS))


def test_a_correction_names_a_class_of_the_model_that_answered(service):
    answer = service.post("/predict?model=letters", json=PIXELS).json()
    correction = {"request_id": answer["request_id"], "digit": 11}
    assert service.post("/feedback", json=correction).status_code == 201
    refused = service.post("/feedback", json=correction | {"digit": 12})
    assert refused.status_code == 422
    assert "less than or equal to 11" in refused.json()["error"]
    digit = service.post("/predict", json=PIXELS).json()
    wrong = service.post("/feedback", json={"request_id": digit["request_id"], "digit": 11})
    assert "less than or equal to 9" in wrong.json()["error"]


def small_png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("model", [NAME, "letters"])
def test_a_corrections_picture_is_prepared_as_the_model_that_answered_saw_it(service, model):
    pixels = np.zeros((28, 28), np.uint8)
    pixels[2:14, 3:6] = 255  # neither centred nor of MNIST's size
    encoded = base64.b64encode(small_png(pixels)).decode()
    answer = service.post(f"/predict?model={model}&image=1", json={"image": encoded}).json()
    unknown = {"request_id": f"unknown-{model}", "model": model, "image": encoded, "digit": 3}
    assert service.post("/feedback", json=unknown).json() == {"feedback": "stored"}
    known = {"request_id": answer["request_id"], "digit": 3}
    assert service.post("/feedback", json=known).json() == {"feedback": "known"}  # the same image


def is_stored(service: Service, request_id: str) -> bool:
    with closing(sqlite3.connect(service.models._settings.home / "feedback.db")) as database:
        query = "SELECT 1 FROM predictions WHERE request_id = ?"
        return bool(database.execute(query, [request_id]).fetchall())


@pytest.mark.parametrize(("model", "other"), [(NAME, "letters"), ("letters", NAME)])
def test_a_correction_of_a_stored_answer_names_a_class_of_its_model(service, model, other):
    shade = [0.4 + 0.1 * (model == NAME)] * 784
    answer = service.post(f"/predict?model={model}", json=shade).json()
    service.records.flush()
    wait_for(lambda: is_stored(service, answer["request_id"]))
    service.feedback._recent.clear()
    correction = {"request_id": answer["request_id"], "model": other, "digit": 11}
    found = service.post("/feedback", json=correction)
    assert found.status_code == (422 if model == NAME else 201), found.text
    del correction["model"]
    found = service.post("/feedback", json=correction)
    assert found.status_code == (422 if model == NAME else 200), found.text


def test_a_model_that_is_not_there_is_refused_with_those_that_are(service):
    answer = service.post("/predict?model=letter", json=PIXELS)
    assert answer.status_code == 404
    assert f"this service has {NAME}, letters." in answer.json()["error"]  # no offline digits


def test_it_is_served_again_after_a_restart_without_the_registry(service, tmp_path):
    put_copy(tmp_path, "1", seed=7, name="letters", labels=LABELS)
    alone = Service(tmp_path)
    try:
        assert alone.post("/predict", json=PIXELS).json()["label"] == LABELS[BEST]
    finally:
        alone.close()


def test_its_answers_are_counted_by_class(service):
    service.post(
        "/v2/models/letters/infer",
        json={
            "inputs": [{"name": "images", "datatype": "FP32", "shape": [1, 784], "data": PIXELS}]
        },
    )
    text = service.get("/metrics").text
    assert f'ann_digits_total{{digit="{BEST}",model="letters",version="1"}}' in text
