"""The form of MLflow's own scoring server: tensors and tables, by the output's name."""

import json
import re

import numpy as np
import pytest

from serving.errors import InvalidDigits, InvalidRequest, WrongMediaType
from serving.protocols import mlflow_scoring
from tests.support.a_request import a_request
from tests.support.small_service import Service, a_one, answers_of

ONE = a_one()
BATCH = np.stack([ONE, ONE.T])
CSV = "\n".join([",".join(map(str, range(784))), *(",".join(map(str, i.ravel())) for i in BATCH)])
FLAT = BATCH.reshape(2, 784)
COLUMNS = [str(number) for number in range(784)]


def expected(images: np.ndarray) -> np.ndarray:
    return answers_of(1, images)


@pytest.mark.parametrize(
    "body",
    [
        {"instances": BATCH.tolist()},
        {"instances": [{"images": image.tolist()} for image in BATCH]},
        {"inputs": BATCH.tolist()},
        {"inputs": {"images": BATCH.tolist()}},
    ],
)
def test_invocations_answers_tensors_by_the_outputs_name(service: Service, body):
    got = service.post("/invocations", json=body).json()["predictions"]["probabilities"]
    np.testing.assert_allclose(got, expected(BATCH), atol=1e-6)


@pytest.mark.parametrize(
    "body",
    [
        {"dataframe_split": {"columns": COLUMNS, "data": FLAT.tolist()}},
        {"dataframe_split": {"columns": ["images"], "data": [[i.tolist()] for i in BATCH]}},
        {"dataframe_records": [dict(zip(COLUMNS, row, strict=True)) for row in FLAT.tolist()]},
        {"dataframe_records": [{"images": image.tolist()} for image in BATCH]},
        CSV,
    ],
)
def test_invocations_answers_tables_row_by_row(service: Service, body):
    if isinstance(body, str):
        answer = service.post("/invocations", content=body, headers={"content-type": "text/csv"})
    else:
        answer = service.post("/invocations", json=body)
    got = [row["probabilities"] for row in answer.json()["predictions"]]
    np.testing.assert_allclose(got, expected(BATCH), atol=1e-6)


def test_invocations_has_mlflows_other_routes(service: Service):
    assert [service.get(p).status_code for p in ("/ping", "/health", "/version")] == [200] * 3


BAD_INVOCATIONS = {
    "not JSON": (b"{", "application/json", 400),
    "a bare list": (b"[]", "application/json", 400),
    "no form": (b"{}", "application/json", 400),
    "two forms": (b'{"inputs": [], "instances": []}', "application/json", 400),
    "split without data": (b'{"dataframe_split": {}}', "application/json", 400),
    "split of numbers": (b'{"dataframe_split": {"data": [1]}}', "application/json", 400),
    "records of numbers": (b'{"dataframe_records": [1]}', "application/json", 400),
    "unequal records": (b'{"dataframe_records": [{"a": 1}, {"b": 1}]}', "application/json", 400),
    "CSV of texts": (b"a,b\nc,d", "text/csv", 400),
    "narrow CSV": (b"a,b\n0,1", "text/csv", 400),
    "ragged CSV": (b"a,b\n0,1\n1", "text/csv", 400),
    "empty CSV": (b"", "text/csv", 400),
    "CSV in UTF-16": ("a,b".encode("utf-16"), "text/csv", 400),
    "parquet": (b"PAR1", "application/x-parquet", 415),
}


@pytest.mark.parametrize(("body", "kind", "status"), BAD_INVOCATIONS.values(), ids=BAD_INVOCATIONS)
def test_invocations_refuses_in_mlflows_form(service: Service, body, kind, status):
    answer = service.post("/invocations", content=body, headers={"content-type": kind})
    assert (answer.status_code, answer.json().keys()) == (status, {"error_code", "message"})


# The functions themselves

PICTURES = ["YQ==", "Yg=="]  # of the bytes a and b
RECORDS = [{"id": 1, "images": "YQ=="}, {"images": "Yg==", "id": 2}]


@pytest.mark.parametrize(
    ("content", "table"),
    [
        ({"instances": PICTURES}, False),
        ({"inputs": PICTURES}, False),
        ({"inputs": {"images": PICTURES, "more": 1}}, False),
        ({"instances": [{"images": picture} for picture in PICTURES]}, False),
        ({"instances": [{"b64": picture} for picture in PICTURES]}, False),
        ({"inputs": PICTURES, "dataframe_split": None}, False),
        ({"dataframe_split": {"columns": ["images"], "data": [[p] for p in PICTURES]}}, True),
        ({"dataframe_split": {"columns": None, "data": [[p] for p in PICTURES]}}, True),
        ({"dataframe_split": {"data": [["YQ=="], ["Yg=="]]}, "inputs": None}, True),
        ({"dataframe_records": RECORDS}, True),
    ],
)
def test_tensors_and_tables_are_told_apart_and_read_in_order(content, table):
    assert mlflow_scoring.parse(a_request(content)) == ([b"a", b"b"], table)


def test_csv_is_a_table():
    images, table = mlflow_scoring.parse(a_request(CSV.encode(), "text/csv; charset=utf-8"))
    np.testing.assert_array_equal(images, BATCH)
    assert table


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([], "one of dataframe_split, dataframe_records, instances, inputs."),
        ({"dataframe_split": []}, 'dataframe_split has no "data" with at least one row.'),
        ({"dataframe_split": {"data": {}}}, 'has no "data" with at least one row.'),
        ({"dataframe_split": {"data": []}}, 'has no "data" with at least one row.'),
        ({"dataframe_split": {"data": [[0], 1]}}, 'A row of "data" is no list.'),
        (
            {"dataframe_split": {"columns": "images", "data": [[0]]}},
            '"columns" is no list of names.',
        ),
        ({"dataframe_records": {}}, "dataframe_records is no list of objects, one a row."),
        ({"dataframe_records": []}, "dataframe_records is no list of objects, one a row."),
        ({"dataframe_records": [{}, 1]}, "dataframe_records is no list of objects, one a row."),
        (
            {"dataframe_records": [{"images": 1}, {"images": 1, "more": 1}]},
            "The records of dataframe_records have different columns.",
        ),
    ],
)
def test_what_is_wrong_is_named_with_what_is_expected(content, reason):
    with pytest.raises(InvalidRequest, match=re.escape(reason)):
        mlflow_scoring.parse(a_request(content))


@pytest.mark.parametrize("content", [{}, {"inputs": PICTURES, "instances": PICTURES}])
def test_one_form_is_expected(content):
    with pytest.raises(InvalidDigits, match="expected one of dataframe_split, dataframe_records"):
        mlflow_scoring.parse(a_request(content))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"inputs": {}}, "The object has the fields []; expected images."),
        (
            {"inputs": {"pixels": PICTURES}},
            "The object has the fields ['pixels']; expected images.",
        ),
        ({"inputs": {"images": None}}, "images is null; expected a value."),
        (
            {"instances": [{"images": "YQ=="}, {"pixels": "Yg=="}]},
            "The object has the fields ['pixels']; expected images.",
        ),
    ],
)
def test_an_object_without_images_is_told_what_it_has_in_their_place(content, reason):
    with pytest.raises(InvalidDigits, match=re.escape(reason)):
        mlflow_scoring.parse(a_request(content))


@pytest.mark.parametrize(("kind", "seen"), [("", "missing"), ("text/plain", "text/plain")])
def test_another_content_type_is_told_those_that_are_read(kind, seen):
    reason = f"The content type is {seen}; expected application/json or text/csv."
    with pytest.raises(WrongMediaType, match=re.escape(reason)):
        mlflow_scoring.parse(a_request({"inputs": PICTURES}, kind))


def test_a_table_is_answered_with_a_record_a_row():
    shares = np.array([[0.25, 0.75], [1, 0]], np.float32)
    table, tensor = (json.loads(mlflow_scoring.answer(shares, way).body) for way in (True, False))
    assert table == {"predictions": [{"probabilities": [0.25, 0.75]}, {"probabilities": [1, 0]}]}
    assert tensor == {"predictions": {"probabilities": [[0.25, 0.75], [1, 0]]}}


@pytest.mark.parametrize(
    ("status", "said", "code"),
    [
        (400, 400, "BAD_REQUEST"),
        (401, 401, "UNAUTHENTICATED"),
        (404, 404, "NOT_FOUND"),
        (413, 413, "BAD_REQUEST"),
        (422, 400, "BAD_REQUEST"),
        (500, 500, "INTERNAL_ERROR"),
        (503, 503, "TEMPORARILY_UNAVAILABLE"),
    ],
)
def test_an_error_has_mlflows_code(status, said, code):
    response = mlflow_scoring.failure("why", status, a_request())
    assert response.status == said
    assert json.loads(response.body) == {"error_code": code, "message": "why"}
