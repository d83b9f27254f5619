"""A registered version: its number, its aliases, and the latest decision on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from mlflow_reader.entities import ModelVersion
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
        """Of its training digits, such as "mnist"."""
        return self.tags[keys.VERSION_DATA_SOURCE]

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
        """The gate's numbers, as far as it got."""
        found = {keys.FORMER_NAMES.get(key, key): value for key, value in self.tags.items()}
        return {name: float(found[name]) for name in keys.GATE_NUMBERS if name in found}

    @classmethod
    def of(cls, entry: ModelVersion, aliases: Mapping[str, str]) -> Version:
        """MLflow's entry of a version, with the registered model's aliases and their numbers."""
        own = tuple(sorted(alias for alias, holder in aliases.items() if holder == entry.version))
        return cls(entry.name, entry.version, entry.run_id, own, entry.tags)
