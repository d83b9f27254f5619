"""Predictions and corrections, kept for the next training.

Of the predictions a sample is kept: all of them at a person's pace, at most `SAMPLE_PER_SECOND`
of a program's. They are written by a thread, never while an answer is waited for. A correction is
stored before it is acknowledged. Of one image and digit there is one correction; who corrects the
same prediction twice replaces the first.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import sqlalchemy as sql
from numpy.typing import NDArray
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from serving import metrics
from serving.errors import Busy, NotFound
from serving.feedback.tables import METADATA, corrections, predictions, to_bytes

SAMPLE_PER_SECOND = 20
REMEMBERED = 100  # predictions that can be corrected by their request id alone, a worker
STORED = 200_000  # predictions; the oldest go
FLUSH_SECONDS = 0.5


class Prediction(NamedTuple):
    """What one request was answered."""

    request_id: str
    time: float
    model: str
    version: str
    digit: int
    confidence: float
    image: NDArray[np.float32]

    def row(self) -> dict[str, Any]:
        """As the table holds it."""
        return self._asdict() | {"image": to_bytes(self.image)}


class Feedback:
    """The store, and what was answered lately."""

    def __init__(self, url: str) -> None:
        """Open the store at an SQLAlchemy URL, in the thread, and create what is missing."""
        self._url = url
        self._recent: OrderedDict[str, Prediction] = OrderedDict()
        self._pending: deque[Prediction] = deque()
        self._allowance = float(SAMPLE_PER_SECOND)
        self._counted = time.monotonic()
        self._opened: sql.Engine | None = None
        self._opening = threading.Lock()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._write, name="feedback", daemon=True)
        self._thread.start()

    def remember(self, prediction: Prediction) -> None:
        """Take a prediction; never waits."""
        recent = self._recent
        recent[prediction.request_id] = prediction
        if len(recent) > REMEMBERED:
            recent.popitem(last=False)
        if self._allowance >= 1:
            self._allowance -= 1
            self._pending.append(prediction)

    def correct(self, fields: Mapping[str, Any]) -> str:
        """Store a correction; waits for the disk, so not for the event loop.

        Args:
            fields: digit, and request_id or image (28, 28), with model, version and predicted if
                they are known.

        Returns:
            "stored", "changed" (another digit was said before) or "known" (the same was).

        Raises:
            NotFound: the request id is not of a recent or a stored prediction.
            Busy: the store cannot be written.
        """
        row = {name: fields.get(name) for name in ("request_id", "model", "version", "predicted")}
        image = fields.get("image")
        content = None if image is None else to_bytes(image)
        try:
            with self._engine().begin() as connection:
                if row["request_id"] and (known := self._known(connection, row["request_id"])):
                    row |= {name: known[name] for name in ("model", "version")}
                    row["predicted"] = known["digit"]
                    content = known["image"]
                if content is None:
                    raise NotFound(
                        f"No prediction {row['request_id']!r} is remembered; send its 28×28 as "
                        '"image", too.'
                    )
                row |= {
                    "time": time.time(),
                    "digit": fields["digit"],
                    "image": content,
                    "image_sha256": hashlib.sha256(content).hexdigest(),
                }
                return _store(connection, row)
        except SQLAlchemyError as error:
            raise Busy(f"The correction cannot be stored now: {_first_line(error)}.") from error

    def close(self) -> None:
        """Write what is left, for at most five seconds."""
        self._closing.set()
        self._thread.join(5)

    def _known(self, connection: sql.Connection, request_id: str) -> Mapping[str, Any] | None:
        if recent := self._recent.get(request_id):
            return recent.row()
        newest = predictions.select().where(predictions.c.request_id == request_id)
        newest = newest.order_by(predictions.c.id.desc()).limit(1)
        row = connection.execute(newest).mappings().first()
        return dict(row) if row else None

    def _engine(self) -> sql.Engine:
        with self._opening:
            if self._opened is None:
                engine = sql.create_engine(self._url, pool_pre_ping=True)
                if engine.dialect.name == "sqlite":
                    sql.event.listen(engine, "connect", _configure_sqlite)
                _create(engine)
                self._opened = engine
        return self._opened

    def _write(self) -> None:
        ending = False
        while not ending:
            ending = self._closing.wait(FLUSH_SECONDS)
            now = time.monotonic()
            earned = SAMPLE_PER_SECOND * (now - self._counted)
            self._allowance = min(SAMPLE_PER_SECOND, self._allowance + earned)
            self._counted = now
            pending = [self._pending.popleft() for _ in range(len(self._pending))]
            if not pending:
                continue
            try:
                with self._engine().begin() as connection:
                    connection.execute(predictions.insert(), [p.row() for p in pending])
                    newest = sql.select(sql.func.max(predictions.c.id)).scalar_subquery()
                    connection.execute(
                        predictions.delete().where(predictions.c.id <= newest - STORED)
                    )
            except Exception:  # a full disk or an absent server costs the sample, not the service
                metrics.lost.labels("prediction").inc(len(pending))


def _store(connection: sql.Connection, row: dict[str, Any]) -> str:
    table = corrections.c
    same = corrections.select().where(
        table.image_sha256 == row["image_sha256"], table.digit == row["digit"]
    )
    if connection.execute(same).first():
        return "known"
    if row["request_id"]:
        earlier = corrections.update().where(table.request_id == row["request_id"])
        if connection.execute(earlier.values(row)).rowcount:
            return "changed"
    try:
        with connection.begin_nested():
            connection.execute(corrections.insert().values(row))
    except IntegrityError:  # another worker was faster
        return "known"
    return "stored"


def _create(engine: sql.Engine) -> None:
    try:
        METADATA.create_all(engine)
    except SQLAlchemyError:  # another worker is at it
        time.sleep(0.2)
        METADATA.create_all(engine)


def _configure_sqlite(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    connection.execute("PRAGMA busy_timeout=10000")


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
