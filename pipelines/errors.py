"""What can go wrong in the pipelines, and the one place that turns any error into a sentence."""

from __future__ import annotations

import errno
import shutil
import sqlite3


class PipelineError(Exception):
    """A mistake or misfortune that a person can act on."""


class WrongUse(PipelineError):
    """The command or the environment asks for something that cannot be."""


class RegistryError(PipelineError):
    """The registry's content forbids what was asked."""


class TrackingUnavailable(PipelineError):
    """The MLflow server does not answer, or its store cannot be opened."""


class OrchestrationUnavailable(PipelineError):
    """The Prefect server does not answer."""


class ClusterUnavailable(PipelineError):
    """The Dask scheduler does not answer."""


class StorageFull(PipelineError):
    """There is no room, or no permission, to write."""


LEAST_ROOM = 1_000_000  # bytes; with less, databases cannot be written

# No later variant can do better.
FATAL = (TrackingUnavailable, OrchestrationUnavailable, ClusterUnavailable, StorageFull)


def translate(error: BaseException) -> BaseException:
    """The error as a member of our trees where it is one in disguise; else the error itself."""
    if isinstance(error, PipelineError):
        return error  # who raised it knew what was wrong, whatever led to it
    chain = _chain(error)
    for link in chain:
        if isinstance(link, FATAL):
            return link
        if isinstance(link, OSError) and link.errno in _NO_ROOM:
            return StorageFull(f"{link.strerror}: {link.filename or 'the disk'}. {_MAKE_ROOM}")
        if isinstance(link, sqlite3.OperationalError) and any(w in str(link) for w in _NO_GROWTH):
            return StorageFull(f"the database cannot be written: {link}. {_MAKE_ROOM}")
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
                f"the Prefect server does not answer as it should ({in_a_sentence(link)}). Start "
                "it anew, or unset PREFECT_API_URL to use a temporary one, whose words are in the "
                f"state folder's ann.log; {_REPEAT}"
            )
    return error


def in_a_sentence(error: BaseException) -> str:
    """What went wrong, in one line without a traceback."""
    text = str(error).strip().splitlines()
    known = type(error).__module__.split(".")[0] in ("ann_models", "pipelines", "serving")
    sentence = text[0] if text else "no further word"
    return sentence if known else f"{type(error).__name__}: {sentence}"


def _full_disk() -> StorageFull | None:
    from pipelines.home import state_folder

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
_CLIENTS_OF_MLFLOW = ("requests", "urllib3")
_CLIENTS_OF_PREFECT = ("httpx", "httpcore")


def _chain(error: BaseException) -> list[BaseException]:
    """The error and all that led to it."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain
