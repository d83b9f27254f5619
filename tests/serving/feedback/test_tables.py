"""The two tables: what they refuse, and how they keep an image."""

import numpy as np
import pytest
import sqlalchemy as sql
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from serving.feedback.tables import METADATA, corrections, predictions, to_bytes

CORRECTION = {"request_id": "x", "time": 1.0, "digit": 7, "image": b"", "image_sha256": "a"}
PREDICTION = {"request_id": "x", "time": 1.0, "model": "m", "version": "3", "digit": 7}
PREDICTION |= {"confidence": 0.5, "image": b""}


@pytest.fixture
def connection():
    engine = sql.create_engine("sqlite://")
    METADATA.create_all(engine)
    with engine.begin() as connection:
        yield connection


def put(connection: sql.Connection, table: sql.Table, *rows: dict) -> int:
    for row in rows:
        connection.execute(table.insert().values(row))
    return connection.execute(sql.select(sql.func.count()).select_from(table)).scalar_one()


def test_of_one_image_and_digit_there_is_one_correction(connection):
    others = [{"request_id": "y", "digit": 1}, {"request_id": "z", "image_sha256": "b"}]
    assert put(connection, corrections, CORRECTION, *(CORRECTION | other for other in others)) == 3
    with pytest.raises(IntegrityError):
        put(connection, corrections, CORRECTION | {"request_id": "new"})


def test_of_one_request_there_is_one_correction_and_any_number_of_none(connection):
    rows = [CORRECTION | {"request_id": None, "digit": digit} for digit in range(3)]
    assert put(connection, corrections, CORRECTION, *rows) == 4
    with pytest.raises(IntegrityError):
        put(connection, corrections, CORRECTION | {"image_sha256": "c"})


def test_of_one_request_there_may_be_several_predictions(connection):
    assert put(connection, predictions, PREDICTION, PREDICTION) == 2


@pytest.mark.parametrize(
    ("table", "row", "needed"),
    [
        *((predictions, PREDICTION, name) for name in PREDICTION),
        *((corrections, CORRECTION, name) for name in ("time", "digit", "image", "image_sha256")),
    ],
)
def test_what_a_row_needs_may_not_be_missing(connection, table, row, needed):
    with pytest.raises(IntegrityError):
        put(connection, table, row | {needed: None})


def test_rows_are_numbered_and_predictions_are_found_by_their_id():
    for table in (predictions, corrections):
        assert [column.name for column in table.primary_key] == ["id"]
    assert [[*index.columns] for index in predictions.indexes] == [[predictions.c.request_id]]


@given(st.integers(0, 255))
def test_an_image_comes_back_from_its_bytes(level):
    image = np.zeros((28, 28), np.float32)
    image[3, 5] = np.float32(level) / np.float32(255)
    kept = np.frombuffer(to_bytes(image), np.uint8).reshape(28, 28)
    assert (kept[3, 5], kept.sum(), kept.size) == (level, level, 784)


def test_a_pixel_between_two_levels_becomes_the_nearer():
    image = np.array([0.4, 0.6, 254.4, 254.6], np.float32) / 255
    assert to_bytes(image) == bytes([0, 1, 254, 255])
