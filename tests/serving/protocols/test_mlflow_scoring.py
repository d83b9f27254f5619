"""The form of MLflow's own scoring server: tensors and tables, by the output's name."""

import numpy as np
import pytest

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
