"""One line of the registry's ledger: a version, what was decided on it, and why."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

METRICS = (
    "val_accuracy",
    "val_mistakes",
    "only_challenger_right",
    "only_champion_right",
    "p_value",
    "onnx_ms",
    "champion_onnx_ms",
    "calibration_error",
    "robustness",
    "hands_accuracy",
    "non_digits_marked",
    "onnx_difference",
)


@dataclass(frozen=True)
class Version:
    """One line of the ledger: a registered version, promoted or refused, and why.

    Attributes:
        name: the registered model.
        number: MLflow's version number.
        run_id: the run that trained it.
        aliases: such as ("champion",).
        tags: everything on record, as text.
    """

    name: str
    number: str
    run_id: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]

    @property
    def decision(self) -> str:
        """`promoted`, `refused`, `forced`, or `undecided` if the gate never answered."""
        return self.tags.get("decision", "undecided")

    @property
    def reasons(self) -> list[str]:
        """The gate's sentences."""
        return self.tags.get("reasons", "").splitlines()

    @property
    def metrics(self) -> dict[str, float]:
        """The gate's numbers, as far as it got."""
        return {name: float(self.tags[name]) for name in METRICS if name in self.tags}

    @classmethod
    def of(cls, entry: ModelVersion, aliases: Mapping[str, str]) -> Version:
        """MLflow's entry of a version, with the registered model's aliases and their holders."""
        number = str(entry.version)
        mine = tuple(sorted(alias for alias, holder in aliases.items() if holder == number))
        return cls(entry.name, number, entry.run_id or "", mine, entry.tags)
