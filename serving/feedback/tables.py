"""The two tables of predictions and corrections: the service writes them, the pipelines read."""

from __future__ import annotations

import numpy as np
import sqlalchemy as sql
from numpy.typing import NDArray

METADATA = sql.MetaData()
predictions = sql.Table(
    "predictions",
    METADATA,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("request_id", sql.String(200), nullable=False, index=True),
    sql.Column("time", sql.Float, nullable=False),  # seconds since 1970
    sql.Column("model", sql.String(200), nullable=False),
    sql.Column("version", sql.String(20), nullable=False),
    sql.Column("digit", sql.Integer, nullable=False),
    sql.Column("confidence", sql.Float, nullable=False),
    sql.Column("image", sql.LargeBinary, nullable=False),  # 784 bytes, ink 255 on 0
)
corrections = sql.Table(
    "corrections",
    METADATA,
    sql.Column("id", sql.Integer, primary_key=True),
    sql.Column("request_id", sql.String(200), unique=True),
    sql.Column("time", sql.Float, nullable=False),
    sql.Column("model", sql.String(200)),  # that answered; unknown with an image alone
    sql.Column("version", sql.String(20)),
    sql.Column("predicted", sql.Integer),
    sql.Column("digit", sql.Integer, nullable=False),  # the right one, a person says
    sql.Column("image", sql.LargeBinary, nullable=False),
    sql.Column("image_sha256", sql.String(64), nullable=False),
    sql.UniqueConstraint("image_sha256", "digit"),
)


def to_bytes(image: NDArray[np.float32]) -> bytes:
    """784 bytes, as MNIST keeps its pixels."""
    return np.rint(image * np.float32(255)).astype(np.uint8).tobytes()
