"""What a job is made of, how it ended, and what Prefect's UI says of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from prefect.artifacts import create_markdown_artifact, create_table_artifact

from ann_models import datasets
from ann_models.entry import Variant
from pipelines.errors import PipelineError
from pipelines.flows import context
from pipelines.flows.context import DataFile

DATA_SEED = 0  # of the generated data; the runs' seeds are the networks'


@dataclass(frozen=True)
class Work:
    """A variant to study in a job: what a worker is handed."""

    variant: Variant
    file: DataFile
    pipeline_run_id: str
    quick: bool

    def with_data_at_hand(self) -> Work:
        """The same, its data made anew on a machine that does not share the state folder."""
        if Path(self.file.path).exists():
            return self
        if self.variant.data == "digits":
            made = datasets.digits(self.file.source)
        else:
            made = datasets.generate(self.variant.data, DATA_SEED)
        return replace(self, file=context.saved(made))


@dataclass
class Row:
    """How one variant of a job ended.

    Attributes:
        version: of the registered model that it became, for the gate to decide on.
    """

    name: str
    status: str
    run_id: str | None = None
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    error: str | None = None
    version: str | None = None


@dataclass
class Report:
    """What a job did: a row a variant, where the runs are, and who is champion now."""

    pipeline_run_id: str
    data: str | None
    quick: bool
    rows: list[Row] = field(default_factory=list)
    views: dict[str, str] = field(default_factory=dict)  # question: path of its comparison page
    champion: dict[str, str] | None = None
    decisions: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)


class VariantsFailed(PipelineError):
    """Some variants failed; the others are finished and logged."""

    def __init__(self, report: Report) -> None:
        """Name what failed of a job."""
        super().__init__(f"{', '.join(report.failed)} failed; all else is finished and logged.")
        self.report = report


def publish(report: Report) -> None:
    """The result table and the gate's words, where a person looks in Prefect's UI."""
    table = [{"variant": r.name, "status": r.status, "run": r.run_id} for r in report.rows]
    create_table_artifact(table, key="results", description="Every variant of this run")
    create_markdown_artifact(
        "\n".join(f"- {sentence}" for sentence in report.decisions) or "No candidate this time.",
        key="decisions",
        description="What the gate decided, and why",
    )
    champion = context.registry().current_champion()
    if champion and report.data and not report.quick:
        report.champion = {"name": champion.name, "version": champion.number}
