"""Predictions and corrections, kept for the next training.

Of the predictions a sample is kept: all of them at a person's pace, at most `SAMPLE_PER_SECOND`
of a program's. They are written by a thread, never while an answer is waited for. A correction is
stored before it is acknowledged. Of one image and digit there is one correction; who corrects the
same prediction twice replaces the first.
"""

from __future__ import annotations

import base64
import hashlib
import re
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import numpy as np
import sqlalchemy as sql
from numpy.typing import NDArray
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from serving import metrics
from serving.errors import Busy, Conflict, NotFound
from serving.feedback.tables import METADATA, corrections, predictions, to_bytes

SAMPLE_PER_SECOND = 20
REMEMBERED = 100  # answers that can be corrected by their id alone; more would fill its caches
PENDING = 1000  # predictions that wait to be written; more are lost
STORED = 200_000  # predictions; the oldest go
FLUSH_SECONDS = 0.5
MOST_OF_ONE_ID = 8  # answers, of the newest

T = TypeVar("T")


class Prediction(NamedTuple):
    """One image's answer."""

    request_id: str
    time: float
    model: str
    version: str
    digit: int
    confidence: float
    image: NDArray[np.float32] | bytes  # (28, 28) in [0, 1], or as the table holds it

    def row(self) -> dict[str, Any]:
        """As the table holds it."""
        return self._asdict() | {"image": _content(self.image)}

    def to_fields(self) -> dict[str, Any]:
        """As a message to another process holds it."""
        row = self.row()
        return row | {"image": base64.b64encode(row["image"]).decode()}

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Prediction:
        """The prediction of such a message."""
        return cls(**{**fields, "image": base64.b64decode(fields["image"])})


def _content(image: NDArray[np.float32] | bytes) -> bytes:
    return image if isinstance(image, bytes) else to_bytes(image)


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
            if len(self._pending) < PENDING:
                self._pending.append(prediction)
            else:  # the store has not answered for long
                metrics.lost.labels("prediction").inc()

    def recent(self, answer_id: str) -> list[Prediction]:
        """What was answered lately under an id; or under a sender's own, which several may have."""
        if found := self._recent.get(answer_id):
            return [found]
        of_own = [one for key, one in self._recent.items() if _is_of(answer_id, key)]
        return of_own[-MOST_OF_ONE_ID:]

    def stored(self, answer_id: str) -> list[Prediction]:
        """The newest stored answers of an id; or of a sender's own, which several may have.

        Raises:
            Busy: the store cannot be read.
        """
        fault = "The answer cannot be looked up"
        return self._in_transaction(lambda connection: _stored(connection, answer_id), fault)

    def correct(self, fields: Mapping[str, Any], answer: Prediction | None = None) -> str:
        """Store a correction; waits for the disk, so not for the event loop.

        Args:
            fields: digit, and request_id or image (28, 28), with model, version and predicted if
                they are known.
            answer: what is corrected, if it is known.

        Returns:
            "stored", "changed" (another digit was said before) or "known" (the same was).

        Raises:
            NotFound: neither the answer nor the image is known.
            Busy: the store cannot be written.
        """
        row = {name: fields.get(name) for name in ("request_id", "model", "version", "predicted")}
        image = fields.get("image")
        if answer is not None:
            row |= {"request_id": answer.request_id, "model": answer.model}
            row |= {"version": answer.version, "predicted": answer.digit}
            image = answer.image
        if image is None:
            raise NotFound(
                f'No prediction {row["request_id"]!r} is remembered; send its 28×28 as "image", '
                "too."
            )
        content = _content(image)
        row |= {
            "time": time.time(),
            "digit": fields["digit"],
            "image": content,
            "image_sha256": hashlib.sha256(content).hexdigest(),
        }
        fault = "The correction cannot be stored"
        return self._in_transaction(lambda connection: _store(connection, dict(row)), fault)

    def _in_transaction(self, work: Callable[[sql.Connection], T], fault: str) -> T:
        """Do some work in a transaction, at most twice; `fault` says what cannot be done.

        Raises:
            Busy: the store cannot be read or written.
        """
        try:
            with self._engine().begin() as connection:
                return work(connection)
        except SQLAlchemyError:
            self._opened = None  # the file may be another than before, and without tables
        try:
            with self._engine().begin() as connection:
                return work(connection)
        except SQLAlchemyError as error:
            raise Busy(f"{fault} now: {_first_line(error)}.") from error

    def close(self) -> None:
        """Write what is left, for at most five seconds."""
        self._closing.set()
        self._thread.join(5)

    def _engine(self) -> sql.Engine:
        with self._opening:
            if self._opened is None:
                if sql.make_url(self._url).get_backend_name() == "sqlite":
                    # Opened each time: the file may be replaced by a restored backup.
                    engine = sql.create_engine(self._url, poolclass=sql.NullPool)
                    sql.event.listen(engine, "connect", _configure_sqlite)
                else:
                    engine = sql.create_engine(self._url, pool_pre_ping=True)
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
                self._insert([prediction.row() for prediction in pending])
            except Exception:  # a full disk or an absent server costs the sample, not the service
                self._opened = None  # the file may be another than before, and without tables
                metrics.lost.labels("prediction").inc(len(pending))

    def _insert(self, rows: list[dict[str, Any]]) -> None:
        with self._engine().begin() as connection:
            connection.execute(predictions.insert(), rows)
            newest = sql.select(sql.func.max(predictions.c.id)).scalar_subquery()
            connection.execute(predictions.delete().where(predictions.c.id <= newest - STORED))


def _stored(connection: sql.Connection, request_id: str) -> list[Prediction]:
    """The newest stored predictions of an id; or of a sender's own, which several may have."""
    column = predictions.c.request_id
    of_it = column == request_id
    escaped = re.sub(r"([/%_])", r"/\1", request_id)
    made = escaped + "-" + "_" * 8  # of other ids' rows none counts
    of_own = sql.and_(
        column >= f"{request_id}-",  # by the index …
        column < f"{request_id}.",  # … since "." follows "-"
        sql.or_(column.like(made, escape="/"), column.like(f"{made}.%", escape="/")),
    )
    of_batch = sql.and_(  # its images' ids end in a dot and a number
        column >= f"{request_id}.",
        column < f"{request_id}/",  # "/" follows "."
        column.like(f"{escaped}.%", escape="/"),
        sql.not_(column.like(f"{escaped}.%-%", escape="/")),
    )
    for condition in (of_it, of_own, of_batch):
        query = predictions.select().where(condition).order_by(predictions.c.id.desc())
        rows = connection.execute(query.limit(MOST_OF_ONE_ID)).mappings().all()
        if found := [row for row in rows if _is_of(request_id, row["request_id"])]:
            return [Prediction(*(row[name] for name in Prediction._fields)) for row in found]
    return []


def _is_of(own_id: str, answer_id: str) -> bool:
    """Whether an answer has this id, or one that was made of it: a sender's, or a batch's."""
    made = re.fullmatch(r"(-[0-9a-f]{8})?(\.\d+)?", answer_id.removeprefix(own_id))
    return answer_id.startswith(own_id) and made is not None


def the_one(
    found: Sequence[Prediction], image: NDArray[np.float32] | None, request_id: str | None
) -> Prediction | None:
    """The answer that is meant: the only image's, or that of the image that was sent, too.

    Raises:
        Conflict: the id is that of several images, or of another image than the one that was sent.
    """
    images = {_content(one.image) for one in found}
    if image is not None:
        sent = to_bytes(image)
        meant = [one for one in found if _content(one.image) == sent]
        if found and not meant:
            raise Conflict(
                f"{request_id!r} is the id of another image than the one that was sent; send the "
                "request_id or the image alone."
            )
        return meant[0] if meant else None
    if len(images) > 1:
        raise Conflict(
            f"{request_id!r} is the id of {len(images)} images; name the request_id of the one "
            'answer, or send its 28×28 as "image", too.'
        )
    return found[0] if found else None


def _store(connection: sql.Connection, row: dict[str, Any]) -> str:
    table = corrections.c
    same = corrections.select().where(
        table.image_sha256 == row["image_sha256"], table.digit == row["digit"]
    )
    of_id = table.request_id == row["request_id"]
    of_image = table.image_sha256 == row["image_sha256"]
    if connection.execute(same).first():
        withdrawn = corrections.delete().where(of_id, of_image, table.digit != row["digit"])
        taken_back = row["request_id"] and connection.execute(withdrawn).rowcount
        return "changed" if taken_back else "known"
    if row["request_id"]:
        earlier = corrections.update().where(of_id, of_image)
        if connection.execute(earlier.values(row)).rowcount:
            return "changed"
        if connection.execute(corrections.select().where(of_id)).first():
            row |= {"request_id": None}  # that of another image, which keeps its correction
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
