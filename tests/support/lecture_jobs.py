"""What a job of the lecture reports, and the states of its runs."""

from typing import Any

from pipelines.flows.progress import ProgressReporter
from pipelines.tracking.client import Tracking


class Recorder(ProgressReporter):
    """Records what a person would have seen."""

    def __init__(self) -> None:
        self.notices: list[str] = []
        self.failures: list[str] = []
        self.epochs_done: list[int] = []
        self.ends: list[tuple[str, bool]] = []
        self.positions: list[tuple[int, int]] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def failure(self, text: str) -> None:
        self.failures.append(text)

    def epochs(self, done: int, total: int, loss: float) -> None:
        self.epochs_done.append(done)

    def ended(self, name: str, position: int, total: int, succeeded: bool, seconds: float) -> None:
        self.ends.append((name, succeeded))
        self.positions.append((position, total))


def statuses(tracking: Tracking, report_or_failure: Any) -> dict[str, str]:
    identity = report_or_failure.pipeline_run_id
    runs = tracking.runs(f"tags.pipeline_run_id = '{identity}'")
    return {run.info.run_name: run.info.status for run in runs}
