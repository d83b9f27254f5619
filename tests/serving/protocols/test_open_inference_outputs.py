"""The Open Inference Protocol: outputs, named classes, and descriptions of models."""

import json

import numpy as np
import pytest

from serving.errors import InvalidRequest
from serving.metrics import ModelTotals
from serving.model.loaded_model import load
from serving.model.runner import ModelRunner
from serving.protocols import open_inference
from serving.protocols.open_inference import Inference
from tests.support.a_request import a_request
from tests.support.open_inference_requests import BATCH, INFER, V2, expected, parsed, tensor
from tests.support.refusals import says
from tests.support.small_service import NAME, Service, put_copy


@pytest.mark.parametrize("binary", [False, True])
def test_v2_names_the_best_classes_where_that_is_wanted(service: Service, binary):
    parameters = {"classification": 3, "binary_data": binary}
    outputs = [{"name": "probabilities", "parameters": parameters}]
    answer = service.post(f"{V2}/infer", json={"inputs": [tensor()], "outputs": outputs})
    assert answer.status_code == 200, answer.text
    content = answer.content
    if binary:
        length = int(answer.headers["inference-header-content-length"])
        output, tail, texts = json.loads(content[:length])["outputs"][0], content[length:], []
        while tail:
            size = int.from_bytes(tail[:4], "little")
            texts.append(tail[4 : 4 + size].decode())
            tail = tail[4 + size :]
    else:
        output = answer.json()["outputs"][0]
        texts = output["data"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [2, 3])
    for row, start in zip(expected(BATCH), (0, 3), strict=True):
        best = np.argsort(-row)[:3]
        assert texts[start : start + 3] == [f"{row[digit]:f}:{digit}" for digit in best]


@pytest.mark.parametrize("classes", [-1, "3", 1.5, [3]])
def test_v2_refuses_a_number_of_classes_that_is_none(service: Service, classes):
    outputs = [{"name": "probabilities", "parameters": {"classification": classes}}]
    answer = service.post(f"{V2}/infer", json={"inputs": [tensor()], "outputs": outputs})
    assert (answer.status_code, "1 to 10" in answer.json()["error"]) == (400, True)


# Outputs: probabilities and reasons

BLANK, NOISE = np.zeros((28, 28)), np.random.default_rng(0).random((28, 28))
DOUBTFUL = {"name": "images", "shape": [2, 28, 28], "datatype": "FP32"} | {
    "data": np.stack([BLANK, NOISE]).tolist()
}
REASONS = ["faint", "not one digit"]


def outputs(*names: str, **parameters: object) -> list[dict]:
    return [{"name": name, "parameters": parameters} for name in names]


def test_open_inference_answers_all_outputs_where_none_is_named(service: Service):
    content = service.post(INFER, json={"inputs": [DOUBTFUL]}).json()
    assert [output["name"] for output in content["outputs"]] == ["probabilities", "reasons"]
    assert content["outputs"][1] == {
        "name": "reasons",
        "shape": [2],
        "datatype": "BYTES",
        "data": REASONS,
    }


def test_open_inference_answers_the_outputs_that_are_named(service: Service):
    for name in ("probabilities", "reasons"):
        answer = service.post(INFER, json={"inputs": [DOUBTFUL], "outputs": outputs(name)})
        assert [output["name"] for output in answer.json()["outputs"]] == [name]


def test_open_inference_describes_both_outputs(service: Service):
    content = service.get(f"/v2/models/{NAME}").json()
    assert content["outputs"] == [
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
        {"name": "reasons", "datatype": "BYTES", "shape": [-1]},
    ]


def test_binary_reasons_follow_the_probabilities(service: Service):
    asked = {"inputs": [DOUBTFUL], "parameters": {"binary_data_output": True}}
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
    answer = service.post(INFER, json={"inputs": [DOUBTFUL], "outputs": wanted})
    length = int(answer.headers["inference-header-content-length"])
    first, second = json.loads(answer.content[:length])["outputs"]
    assert (first["data"], second["parameters"]) == (REASONS, {"binary_data_size": 80})
    assert np.frombuffer(answer.content[length:], "<f4").reshape(2, 10).sum() == pytest.approx(2)


@pytest.mark.parametrize(
    "wanted",
    [outputs("reasons", "reasons"), outputs("digit"), [{"name": ["reasons"]}], ["reasons"]],
)
def test_outputs_that_there_are_not_are_refused(service: Service, wanted):
    answer = service.post(INFER, json={"inputs": [DOUBTFUL], "outputs": wanted})
    assert (answer.status_code, "reasons" in answer.json()["error"]) == (400, True)


def test_no_model_is_loaded_or_unloaded_by_hand(service: Service):
    for action in ("load", "unload"):
        answer = service.post(f"/v2/repository/models/{NAME}/{action}", json={})
        assert (answer.status_code, answer.json().keys()) == (400, {"error"})
        assert answer.json()["error"].startswith("explicit model load / unload is not allowed: ")


# What is asked for


@pytest.mark.parametrize(
    ("asked", "outputs"),
    [
        ({}, {"probabilities": False, "reasons": False}),
        ({"outputs": []}, {"probabilities": False, "reasons": False}),
        (
            {"parameters": {"binary_data_output": True}},
            {"probabilities": True, "reasons": True},
        ),
        (
            {"parameters": {"binary_data_output": 1}},
            {"probabilities": False, "reasons": False},
        ),
        ({"outputs": outputs("reasons", binary_data=True)}, {"reasons": True}),
        (
            {
                "parameters": {"binary_data_output": True},
                "outputs": outputs("probabilities", binary_data=False),
            },
            {"probabilities": False},
        ),
        (
            {
                "parameters": {"binary_data_output": True},
                "outputs": outputs("probabilities", binary_data=None),
            },
            {"probabilities": True},
        ),
    ],
)
def test_each_output_is_binary_where_it_or_the_request_says_so(asked, outputs):
    assert parsed(**asked).outputs == outputs


def test_classes_are_asked_of_the_probabilities():
    assert parsed().classes == 0
    assert parsed(outputs=outputs("probabilities", classification=None)).classes == 0
    assert parsed(outputs=outputs("probabilities", "reasons", classification=3)).classes == 3
    assert parsed(outputs=outputs("reasons", classification=3)).classes == 0


def test_a_wrong_output_is_named_with_those_there_are():
    with says(InvalidRequest, "is named 'digit'; expected 'probabilities' or 'reasons', each once"):
        parsed(outputs=outputs("digit"))
    with says(InvalidRequest, '"outputs" is no list of tensors named "probabilities" or'):
        parsed(outputs={"name": "probabilities"})


# Answers


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> ModelRunner:
    """A model of three named classes."""
    home = tmp_path_factory.mktemp("letters")
    put_copy(home, "2", seed=1, name="letters", labels=["a", "b", "c"])
    return ModelRunner(load(home, "letters", "2", "champion"), "http://mlflow")


SHARES = np.array([[0.25, 0.5, 0.25], [0.125, 0.125, 0.75]], np.float32)


def answered_by(runner: ModelRunner, classes: int = 0, binary: bool = False, id: str = "") -> dict:
    inference = Inference(id, BATCH, {"probabilities": binary}, classes)
    return json.loads(open_inference.answer(runner, inference, SHARES, []).body)


def test_named_classes_are_answered_the_best_first_and_of_equal_ones_the_first(letters):
    (output,) = answered_by(letters, classes=2)["outputs"]
    assert (output["shape"], output["datatype"]) == ([2, 2], "BYTES")
    assert output["data"] == ["0.500000:1:b", "0.250000:0:a", "0.750000:2:c", "0.125000:0:a"]


def test_more_classes_than_there_are_are_all(letters):
    (output,) = answered_by(letters, classes=9)["outputs"]
    assert (output["shape"], len(output["data"])) == ([2, 3], 6)


def test_an_answer_names_its_model_and_repeats_an_id(letters):
    content = answered_by(letters, id="seven")
    assert (content["model_name"], content["model_version"]) == ("letters", "2")
    assert content["id"] == "seven"
    assert "id" not in answered_by(letters)
    assert content["outputs"][0]["shape"] == [2, 3]
    assert content["outputs"][0]["data"] == SHARES.ravel().tolist()


# Descriptions


def content_of(response) -> dict:
    return json.loads(response.body)


def test_the_configuration_says_the_most_images_and_the_names_of_classes():
    digits = content_of(open_inference.model_config("digits", 10))
    assert digits["max_batch_size"] == 2000
    assert digits["input"] == [{"name": "images", "data_type": "TYPE_FP32", "dims": [28, 28]}]
    assert [output["dims"] for output in digits["output"]] == [[10], [1]]
    assert digits["output"][1]["reshape"] == {"shape": []}  # with the batch, metadata's [-1]
    assert "parameters" not in digits
    letters = content_of(open_inference.model_config("letters", 2, ["ä", "b"]))
    assert json.loads(letters["parameters"]["labels"]["string_value"]) == ["ä", "b"]


def test_statistics_have_what_is_measured_and_zeros():
    total = ModelTotals("digits", "3", requests=2, images=5, nanoseconds=7, last_milliseconds=11)
    (stats,) = content_of(open_inference.statistics([total]))["model_stats"]
    assert (stats["name"], stats["version"], stats["last_inference"]) == ("digits", "3", 11)
    assert (stats["inference_count"], stats["execution_count"]) == (5, 2)
    assert stats["inference_stats"]["success"] == {"count": 2, "ns": 7}
    assert stats["inference_stats"]["compute_infer"] == {"count": 2, "ns": 7}
    for none in ("fail", "queue", "compute_input", "compute_output"):
        assert stats["inference_stats"][none] == {"count": 0, "ns": 0}


def test_the_index_says_which_versions_have_yet_to_be_loaded():
    index = content_of(
        open_inference.repository_index([("digits", "1", False), ("digits", "2", True)])
    )
    assert [(one["version"], one["state"]) for one in index] == [("1", "READY"), ("2", "READY")]
    assert [one["reason"] for one in index] == ["loaded when it is asked for", ""]


@pytest.mark.parametrize(("status", "said"), [(422, 400), (400, 400), (413, 413), (503, 503)])
def test_an_error_that_the_protocol_does_not_know_is_400(status, said):
    response = open_inference.failure("why", status, a_request())
    assert (response.status, content_of(response)) == (said, {"error": "why"})
