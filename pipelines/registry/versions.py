"""A registered version: its number, its aliases, and the latest decision on it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from mlflow_reader.entities import ModelVersion
from pipelines.candidate import DIGIT_SOURCES, examples_of
from pipelines.errors import RegistryError
from pipelines.tracking import tags as keys


@dataclass(frozen=True)
class Version:
    """A version of a registered model, named by name and number.

    Attributes:
        name: the registered model, such as "mnist-digits".
        number: within that model, such as "3".
        run_id: the run that trained it.
        aliases: such as ("champion",).
        tags: all that is stored about it, as text; `tracking.tags` lists the keys.
    """

    name: str
    number: str
    run_id: str
    aliases: tuple[str, ...]
    tags: Mapping[str, str]

    def __str__(self) -> str:
        """Such as "mnist-digits version 3"."""
        return f"{self.name} version {self.number}"

    @property
    def data_source(self) -> str:
        """Of its training digits, such as "mnist".

        Raises:
            RegistryError: it has no such tag.
        """
        if source := self.tags.get(keys.VERSION_DATA_SOURCE):
            return source
        raise RegistryError(
            f"{self} has no tag {keys.VERSION_DATA_SOURCE}, which names what it was trained on: "
            "another tool registered it. Set the tag in MLflow, to mnist or offline-digits, or "
            "promote a version that has it; `ann models` lists them."
        )

    @property
    def examples(self) -> str:
        """What it classifies: "digits", or "pictures"; digits, if it is not known."""
        return examples_of(self.tags.get(keys.VERSION_DATA_SOURCE) or DIGIT_SOURCES[0])

    @property
    def variant(self) -> str:
        """The entry that it was trained from; "" if another tool registered it."""
        return self.tags.get(keys.VARIANT, "")

    @property
    def decision(self) -> str:
        """`promoted`, `refused`, `forced`, or `undecided` if it was not evaluated by the gate."""
        return self.tags.get(keys.DECISION, "undecided")

    @property
    def reasons(self) -> list[str]:
        """The gate's reasons."""
        return self.tags.get(keys.REASONS, "").splitlines()

    @property
    def metrics(self) -> dict[str, float]:
        """The gate's numbers, as far as it got; what another tool wrote as text is left out."""
        found = {keys.FORMER_NAMES.get(key, key): value for key, value in self.tags.items()}
        numbers = {name: _number(found[name]) for name in keys.GATE_NUMBERS if name in found}
        return {name: number for name, number in numbers.items() if number is not None}

    @property
    def robustness(self) -> dict[str, float]:
        """Its accuracy under each corruption; none if it was not measured, or by another tool."""
        try:
            found = json.loads(self.tags.get(keys.ROBUSTNESS_BY_CORRUPTION, "{}"))
            return {name: float(accuracy) for name, accuracy in found.items()}
        except (ValueError, TypeError, AttributeError):
            return {}

    @classmethod
    def of(cls, entry: ModelVersion, aliases: Mapping[str, str]) -> Version:
        """MLflow's entry of a version, with the registered model's aliases and their numbers."""
        own = tuple(sorted(alias for alias, holder in aliases.items() if holder == entry.version))
        return cls(entry.name, entry.version, entry.run_id, own, entry.tags)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
