"""The form of MLflow's own scoring server: /invocations.

https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import InvalidRequest, WrongMediaType
from serving.http import JSON, Request, Response, json_response
from serving.protocols.digits import Images, Pictures, from_json, parse_json, the_one
from serving.protocols.tables import COLUMN, from_csv, rows_by_name

CSV = "text/csv"
TABLES = ("dataframe_split", "dataframe_records")
FORMS = (*TABLES, "instances", "inputs")


def parse(request: Request) -> tuple[Images | Pictures, bool]:
    """Images (n, 28, 28), and whether they came as a table.

    Raises:
        InvalidRequest, InvalidDigits, TooLarge, WrongMediaType: what is wrong.
    """
    if request.media_type == CSV:
        return from_json(from_csv(request.body, request.charset)), True
    if request.media_type != JSON:
        raise WrongMediaType(
            f"The content type is {request.media_type or 'missing'}; expected {JSON} or {CSV}."
        )
    content = parse_json(request.body)
    if type(content) is not dict:
        raise InvalidRequest(f"Expected an object with exactly one of {', '.join(FORMS)}.")
    value = the_one(content, *FORMS)
    if content.get("dataframe_split") is not None:
        return from_json(_split_rows(value)), True
    if content.get("dataframe_records") is not None:
        return from_json(_record_rows(value)), True
    return from_json(_named(value)), False


def _named(value: Any) -> Any:
    """The tensor itself, that of {"images": tensor}, or those of a list of such objects."""
    if type(value) is dict and "b64" not in value:
        return the_one(value, COLUMN)
    if type(value) is list and value and all(type(row) is dict for row in value):
        return [_named(row) for row in value]
    return value


def _split_rows(table: Any) -> list[Any]:
    if type(table) is not dict or type(table.get("data")) is not list or not table["data"]:
        raise InvalidRequest('dataframe_split has no "data" with at least one row.')
    rows, names = table["data"], table.get("columns")
    if not all(type(row) is list for row in rows):
        raise InvalidRequest('A row of "data" is no list.')
    if names is not None and type(names) is not list:
        raise InvalidRequest('"columns" is no list of names.')
    return rows_by_name(names, rows)


def _record_rows(records: Any) -> list[Any]:
    if type(records) is not list or not records or not all(type(row) is dict for row in records):
        raise InvalidRequest("dataframe_records is no list of objects, one a row.")
    names = list(records[0])
    if any(row.keys() != records[0].keys() for row in records):
        raise InvalidRequest("The records of dataframe_records have different columns.")
    return rows_by_name(names, [[row[name] for name in names] for row in records])


def answer(probabilities: NDArray[np.float32], table: bool) -> Response:
    """As MLflow's server answers: by the output's name, a record a row for a table."""
    if table:
        return json_response({"predictions": [{"probabilities": row} for row in probabilities]})
    return json_response({"predictions": {"probabilities": probabilities}})


def failure(message: str, status: int, request: Request) -> Response:
    """{"error_code", "message"}; the protocol knows no 422."""
    status = 400 if status == 422 else status
    return json_response(
        {"error_code": _CODES.get(status, "BAD_REQUEST"), "message": message}, status
    )


_CODES = {
    401: "UNAUTHENTICATED",
    404: "NOT_FOUND",
    500: "INTERNAL_ERROR",
    503: "TEMPORARILY_UNAVAILABLE",
}
