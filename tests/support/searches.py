"""A search of four short trials, and a recorder of what it reports."""

from typing import Any

from pipelines.flows.progress import ProgressReporter
from pipelines.flows.trials import SweepSpec

ROW = "relu_regression_1"
SPACE = ("optimizer.learning_rate=1e-3..1e-1:log", "layers.0.units=1..9")
SPEC = SweepSpec(ROW, SPACE, 4, 1, {"epochs": "2", "data.size": "64"}, "flow run", "parent")


class Recorder(ProgressReporter):
    def __init__(self) -> None:
        self.notices: list[str] = []
        self.trained: list[str] = []

    def notice(self, text: str) -> None:
        self.notices.append(text)

    def training(self, name: str) -> Any:
        self.trained.append(name)
        return super().training(name)
