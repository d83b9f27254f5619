"""The exit codes of `ann`, and how it reports an error."""

from __future__ import annotations

from pathlib import Path

from pipelines.cli.printing import say

DONE, FAILED, WRONG_USE = 0, 1, 2


def report(error: BaseException) -> int:
    """Print the error's message, keep its traceback in the log, choose the exit code."""
    from ann_models.errors import AnnError, UnknownName
    from pipelines.errors import PipelineError, WrongUse, format_error, translate
    from serving.errors import ServingError

    if isinstance(error, KeyboardInterrupt):
        say("interrupted; a run at work is marked KILLED, what is finished is kept.")
        return FAILED
    cause = translate(error)
    say(format_error(cause))
    if isinstance(cause, UnknownName | WrongUse):
        return WRONG_USE
    log = _keep_traceback(error)
    if log and not isinstance(cause, AnnError | PipelineError | ServingError):
        say(f"unexpected error; the traceback is in {log}")
    return FAILED


def _keep_traceback(error: BaseException) -> Path | None:
    import traceback

    from pipelines.home import state_folder

    log = state_folder() / "ann.log"
    try:
        with log.open("a") as file:
            file.writelines(traceback.format_exception(error))
    except OSError:
        return None  # the folder is what is wrong, and the sentence says so
    return log
