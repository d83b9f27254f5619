"""Every protocol that has room for it says why an answer is uncertain."""

import json

import numpy as np
import pytest

from tests.support.small_service import NAME, Service

INFER = f"/v2/models/{NAME}/infer"
BLANK, NOISE = np.zeros((28, 28)), np.random.default_rng(0).random((28, 28))
BATCH = {"name": "images", "shape": [2, 28, 28], "datatype": "FP32"} | {
    "data": np.stack([BLANK, NOISE]).tolist()
}
REASONS = ["faint", "not one digit"]


def outputs(*names: str, **parameters: object) -> list[dict]:
    return [{"name": name, "parameters": parameters} for name in names]


def test_open_inference_answers_all_outputs_where_none_is_named(service: Service):
    content = service.post(INFER, json={"inputs": [BATCH]}).json()
    assert [output["name"] for output in content["outputs"]] == ["probabilities", "reasons"]
    assert content["outputs"][1] == {
        "name": "reasons",
        "shape": [2],
        "datatype": "BYTES",
        "data": REASONS,
    }


def test_open_inference_answers_the_outputs_that_are_named(service: Service):
    for name in ("probabilities", "reasons"):
        answer = service.post(INFER, json={"inputs": [BATCH], "outputs": outputs(name)})
        assert [output["name"] for output in answer.json()["outputs"]] == [name]


def test_open_inference_describes_both_outputs(service: Service):
    content = service.get(f"/v2/models/{NAME}").json()
    assert content["outputs"] == [
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
        {"name": "reasons", "datatype": "BYTES", "shape": [-1]},
    ]


def test_binary_reasons_follow_the_probabilities(service: Service):
    asked = {"inputs": [BATCH], "parameters": {"binary_data_output": True}}
    answer = service.post(INFER, json=asked)
    length = int(answer.headers["inference-header-content-length"])
    described = json.loads(answer.content[:length])["outputs"]
    sizes = [output["parameters"]["binary_data_size"] for output in described]
    tail = answer.content[length:]
    assert sum(sizes) == len(tail)
    texts, rest = [], tail[sizes[0] :]
    while rest:
        size = int.from_bytes(rest[:4], "little")
        texts.append(rest[4 : 4 + size].decode())
        rest = rest[4 + size :]
    assert texts == REASONS


def test_one_output_may_be_binary_and_the_other_not(service: Service):
    wanted = [*outputs("reasons"), *outputs("probabilities", binary_data=True)]
    answer = service.post(INFER, json={"inputs": [BATCH], "outputs": wanted})
    length = int(answer.headers["inference-header-content-length"])
    first, second = json.loads(answer.content[:length])["outputs"]
    assert (first["data"], second["parameters"]) == (REASONS, {"binary_data_size": 80})
    assert np.frombuffer(answer.content[length:], "<f4").reshape(2, 10).sum() == pytest.approx(2)


@pytest.mark.parametrize(
    "wanted",
    [outputs("reasons", "reasons"), outputs("digit"), [{"name": ["reasons"]}], ["reasons"]],
)
def test_outputs_that_there_are_not_are_refused(service: Service, wanted):
    answer = service.post(INFER, json={"inputs": [BATCH], "outputs": wanted})
    assert (answer.status_code, "reasons" in answer.json()["error"]) == (400, True)


def test_predict_and_explain_say_why(service: Service):
    images = [BLANK.tolist(), NOISE.tolist()]
    rows = service.post("/predict", json={"images": images}).json()["predictions"]
    assert [row["reason"] for row in rows] == REASONS
    explained = service.post(f"/v1/models/{NAME}:explain", json={"instances": images}).json()
    assert explained["reasons"] == REASONS
