"""What can go wrong in the pipelines, and the one place that translates other libraries' errors."""

from __future__ import annotations

import errno
import os
import re
import shutil
import sqlite3
from pathlib import Path

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
        if isinstance(link, OSError) and link.errno == errno.EROFS:
            return StorageFull(
                f"{link.strerror}: {link.filename or 'the disk'}. Mount it for writing, or set "
                f"ANN_HOME to a folder of another disk; {_REPEAT}"
            )
        if isinstance(link, PermissionError) and link.filename:  # a port's has no name
            return StorageFull(
                f"{link.strerror}: {link.filename}. Change its owner or its permissions; {_REPEAT}"
            )
        if isinstance(link, sqlite3.OperationalError) and "readonly" in str(link):
            return StorageFull(
                f"{_unwritable() or state_folder()} cannot be written ({link}). Change its owner "
                f"or its permissions, or set ANN_HOME to another folder; {_REPEAT}"
            )
        if isinstance(link, OSError) and link.errno in _NO_ROOM:
            return StorageFull(f"{link.strerror}: {link.filename or 'the disk'}. {_MAKE_ROOM}")
        if isinstance(link, sqlite3.OperationalError) and any(w in str(link) for w in _NO_GROWTH):
            return StorageFull(f"the database cannot be written: {link}. {_MAKE_ROOM}")
        if isinstance(link, sqlite3.OperationalError) and any(w in str(link) for w in _LOCKED):
            return TrackingUnavailable(
                f"a database in {state_folder()} is locked ({link}): another process writes to it. "
                f"Wait until it has finished (`ann status` and `lsof` find it) or end it; {_REPEAT}"
            )
    for link in chain:
        if type(link).__name__ == "ValidationError" and (found := _wrong_setting(link)):
            return WrongUse(found)
    for link in chain:  # a full disk can make a server fail, too
        library = type(link).__module__.partition(".")[0]
        if library in _CLIENTS_OF_MLFLOW:
            return _without_mlflow(chain)
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
                f"the runs{_at_server()} cannot be read ({format_error(link).rstrip('.')}). Repair "
                "the store or its server, or set MLFLOW_TRACKING_URI to another or to none."
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


def _wrong_setting(error: BaseException) -> str:
    """What is wrong with a variable that Prefect reads its settings from; "" if nothing is."""
    if not str(getattr(error, "title", "")).endswith("Settings"):
        return ""
    for fault in error.errors():  # type: ignore[attr-defined]  # pydantic's
        end = "_" + "_".join(map(str, fault["loc"])).upper()
        given = str(fault["input"]).casefold()  # Prefect may have changed its case
        for name, value in os.environ.items():
            ours = name.startswith("PREFECT_") and name.endswith(end)
            if ours and value.casefold() == given:
                return f"{name} is {value!r}. {fault['msg']}; set it so, or unset it."
    return ""


def _without_mlflow(chain: list[BaseException]) -> TrackingUnavailable:
    """Why a client of the MLflow server failed, and what to do about it."""
    server = f"the MLflow server{_at_server()}"
    kinds = {kind.__name__ for link in chain for kind in type(link).__mro__}
    found = (getattr(link, "response", None) for link in chain)
    answers = [response for response in found if response is not None]  # an error's is falsy
    refused = [answer for answer in answers if answer.status_code in (401, 403)]
    cause = format_error(chain[-1])
    if refused:
        return TrackingUnavailable(
            f"{server} refuses what is asked (HTTP {refused[0].status_code}). Set "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, to "
            f"those of somebody who may; {_REPEAT}"
        )
    if "ProxyError" in kinds:
        return TrackingUnavailable(
            f"{server} is behind a proxy that does not answer ({cause}). Correct http_proxy and "
            f"https_proxy, or name the server's host in no_proxy; {_REPEAT}"
        )
    if "SSLError" in kinds:
        return TrackingUnavailable(
            f"{server} cannot be trusted ({cause}). Name the certificate of who signed its own "
            f"with REQUESTS_CA_BUNDLE, or correct the address; {_REPEAT}"
        )
    if "JSONDecodeError" in kinds or answers:
        return TrackingUnavailable(
            f"{server} does not answer as MLflow does ({cause}). Is the address right, or does it "
            "lead to a page for signing in? Correct MLFLOW_TRACKING_URI, or unset it to use the "
            f"embedded store; {_REPEAT}"
        )
    return TrackingUnavailable(
        f"{server} does not answer ({cause}). Start it, or unset MLFLOW_TRACKING_URI to use the "
        f"embedded store; {_REPEAT}"
    )


def _at_server() -> str:
    """Words on where the MLflow server is that the environment names; "" if it names none."""
    address = os.environ.get("MLFLOW_TRACKING_URI", "")
    return f" at {without_credentials(address)}" if address.startswith("http") else ""


def _unwritable() -> Path | None:
    """The database of the state folder that this user cannot write, if there is one."""
    paths = (state_folder() / name for name in _DATABASES)
    return next((p for p in paths if p.exists() and not os.access(p, os.W_OK)), None)


def _full_disk() -> StorageFull | None:
    folder = state_folder()
    there = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(there).free
    if free >= LEAST_ROOM:
        return None
    return StorageFull(f"only {free:,} bytes are left for {folder}. {_MAKE_ROOM}")


_REPEAT = "then repeat the command; what is finished is kept."
_MAKE_ROOM = f"Make room; {_REPEAT}"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_GROWTH = ("is full", "disk I/O")
_DATABASES = ("mlflow.db", "prefect/prefect.db", "feedback.db")
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
