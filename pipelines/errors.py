"""What can go wrong in the pipelines, and the one place that turns any error into a sentence."""

from __future__ import annotations

import errno
import sqlite3


class PipelineError(Exception):
    """A mistake or misfortune that a person can act on."""


class WrongUse(PipelineError):
    """The command or the environment asks for something that cannot be."""


class RegistryError(PipelineError):
    """The registry's content forbids what was asked."""


class TrackingUnavailable(PipelineError):
    """The MLflow server does not answer."""


class StorageFull(PipelineError):
    """There is no room, or no permission, to write."""


FATAL = (TrackingUnavailable, StorageFull)  # no later variant can do better


def translate(error: BaseException) -> BaseException:
    """The error as a member of our trees where it is one in disguise; else the error itself."""
    chain = _chain(error)
    for link in chain:
        if isinstance(link, FATAL):
            return link
        if isinstance(link, OSError) and link.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
            return StorageFull(f"{link.strerror}: {link.filename or 'the disk'}. {_MAKE_ROOM}")
        if isinstance(link, sqlite3.OperationalError) and "full" in str(link):
            return StorageFull(f"the database could not grow: {link}. {_MAKE_ROOM}")
    if any(type(link).__name__ in _UNREACHABLE or _SAYS_UNREACHABLE in str(link) for link in chain):
        return TrackingUnavailable(
            "the MLflow server stopped answering. Start it again (or unset MLFLOW_TRACKING_URI "
            "to use the embedded store), then repeat the command; what is finished is kept."
        )
    return error


def in_a_sentence(error: BaseException) -> str:
    """What went wrong, in one line without a traceback."""
    text = str(error).strip().splitlines()
    known = type(error).__module__.split(".")[0] in ("ann_models", "pipelines", "serving")
    sentence = text[0] if text else "no further word"
    return sentence if known else f"{type(error).__name__}: {sentence}"


_MAKE_ROOM = "Make room, then repeat the command; what is finished is kept."
_UNREACHABLE = ("ConnectionError", "ConnectTimeout", "ReadTimeout", "MaxRetryError", "ConnectError")
_SAYS_UNREACHABLE = "API request to"


def _chain(error: BaseException) -> list[BaseException]:
    """The error and all that led to it."""
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None and link not in chain:
        chain.append(link)
        link = link.__cause__ or link.__context__
    return chain
