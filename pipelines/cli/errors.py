"""The exit codes of `ann`, and how it reports an error."""

from __future__ import annotations

from pathlib import Path

from pipelines.cli.terminal import notify

DONE, FAILED, WRONG_USE = 0, 1, 2


def report(error: BaseException) -> int:
    """Print the error's message, keep its traceback in the log, choose the exit code."""
    from pipelines import errors

    if errors.was_interrupted(error):
        notify("interrupted; an active run is marked KILLED, what is finished is kept.")
        if not isinstance(error, KeyboardInterrupt):  # such as a locked database
            notify("its end may not be recorded; the next command marks it then.")
            _keep_traceback(error)
        return FAILED
    from ann_models.errors import AnnError, InvalidSetting, UnknownName
    from serving.errors import CannotListen, ServingError, WrongSetting

    cause = errors.translate(error)
    notify(errors.format_error(cause))
    wrong_use = UnknownName, InvalidSetting, errors.WrongUse, WrongSetting, CannotListen
    if isinstance(cause, wrong_use):
        return WRONG_USE
    log = _keep_traceback(error)
    if log and not isinstance(cause, AnnError | errors.PipelineError | ServingError):
        notify(f"unexpected error; the traceback is in {log}")
    return FAILED


def _keep_traceback(error: BaseException) -> Path | None:
    import traceback

    from pipelines.home import state_folder

    log = state_folder() / "ann.log"
    try:
        with log.open("a", encoding="utf-8") as file:
            file.writelines(traceback.format_exception(error))
    except OSError:
        return None  # the folder is what is wrong, and the message says so
    return log
