"""What can go wrong in the pipelines, and the one place that translates other libraries' errors."""

from __future__ import annotations

import errno
import re
import shutil
import sqlite3

from mlflow_reader.entities import StoreUnavailable
from pipelines.home import state_folder
from serving.credentials import without_credentials


class PipelineError(Exception):
    """An error whose message says what was wrong and what to do, and holds no password."""

    def __init__(self, message: str = "") -> None:
        """Take the message; credentials are cut out of its addresses."""
        super().__init__(without_credentials(message))


class WrongUse(PipelineError):
    """The command or the environment asks for something impossible: exit code 2."""


class RegistryError(PipelineError):
    """The registry's content rules out what was asked."""


class UnknownVersion(RegistryError, WrongUse):
    """The registry has no such version."""


class TrackingUnavailable(PipelineError):
    """The MLflow server does not answer, or its store cannot be opened."""


class OrchestrationUnavailable(PipelineError):
    """The Prefect server does not answer."""


class ClusterUnavailable(PipelineError):
    """The Dask scheduler does not answer."""


class Locked(PipelineError):
    """Another process of this machine holds a lock."""


class StorageFull(PipelineError):
    """There is no room, or no permission, to write."""


LEAST_ROOM = 1_000_000  # bytes; with less, databases cannot be written

# No later variant can do better.
FATAL = (TrackingUnavailable, OrchestrationUnavailable, ClusterUnavailable, StorageFull)


def translate(error: BaseException) -> BaseException:
    """The error as one of ours, where its cause is known; else the error itself."""
    if isinstance(error, PipelineError):
        return error  # its message is more specific than its cause
    chain = _chain(error)
    for link in chain:
        if isinstance(link, FATAL):
            return link
        if isinstance(link, OSError) and link.errno in _NO_ROOM:
            return StorageFull(f"{link.strerror}: {link.filename or 'the disk'}. {_MAKE_ROOM}")
        if isinstance(link, sqlite3.OperationalError) and any(w in str(link) for w in _NO_GROWTH):
            return StorageFull(f"the database cannot be written: {link}. {_MAKE_ROOM}")
        if isinstance(link, sqlite3.OperationalError) and any(w in str(link) for w in _LOCKED):
            return TrackingUnavailable(
                f"a database in {state_folder()} is locked ({link}): another process writes to it. "
                f"Wait until it has finished (`ann status` and `lsof` find it) or end it; {_REPEAT}"
            )
    for link in chain:  # a full disk can make a server fail, too
        library = type(link).__module__.partition(".")[0]
        if library in _CLIENTS_OF_MLFLOW:
            return TrackingUnavailable(
                "the MLflow server does not answer. Start it, or unset MLFLOW_TRACKING_URI to use "
                f"the embedded store; {_REPEAT}"
            )
        if library in _CLIENTS_OF_PREFECT:
            if full := _full_disk():  # the temporary server writes there, too
                return full
            return OrchestrationUnavailable(
                f"the Prefect server does not answer as it should ({format_error(link)}). Restart "
                "it, or unset PREFECT_API_URL to use a temporary one, which logs to the state "
                f"folder's ann.log; {_REPEAT}"
            )
    for link in chain:
        if isinstance(link, StoreUnavailable):
            return TrackingUnavailable(
                f"the runs cannot be read ({format_error(link)}). Repair the store or its server, "
                "or set MLFLOW_TRACKING_URI to another or to none."
            )
    return error


def was_interrupted(error: BaseException) -> bool:
    """Whether it is a KeyboardInterrupt, or arose while one was handled, as of a locked database.

    Of each link both the cause and the context count: a library that translates an error leaves the
    interruption in the context of the original.
    """
    left, seen = [error], set[int]()
    while left:
        link = left.pop()
        if isinstance(link, KeyboardInterrupt):
            return True
        if id(link) not in seen:
            seen.add(id(link))
            left += [each for each in (link.__cause__, link.__context__) if each]
    return False


def format_error(error: BaseException) -> str:
    """The error's whole message in one line, without traceback, SQL statement and passwords."""
    message = without_credentials(" ".join(_SQL.sub("", str(error)).split()))
    known = type(error).__module__.split(".")[0] in (
        "ann_models",
        "mlflow_reader",
        "pipelines",
        "serving",
    )
    message = message or "no message"
    return message if known else f"{type(error).__name__}: {message}"


def _full_disk() -> StorageFull | None:
    folder = state_folder()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free >= LEAST_ROOM:
        return None
    return StorageFull(f"only {free:,} bytes are left for {folder}. {_MAKE_ROOM}")


_REPEAT = "then repeat the command; what is finished is kept."
_MAKE_ROOM = f"Make room; {_REPEAT}"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_NO_GROWTH = ("is full", "readonly", "disk I/O")
_LOCKED = ("database is locked", "table is locked", "schema is locked")
_SQL = re.compile(r"\[SQL: .*|\(Background on this error at: .*", re.DOTALL)
_CLIENTS_OF_MLFLOW = ("requests", "urllib3")
_CLIENTS_OF_PREFECT = ("httpx", "httpcore")


def _chain(error: BaseException) -> list[BaseException]:
    """The error and its causes."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain
