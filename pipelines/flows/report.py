"""A job's specification and results, and how Prefect's UI shows them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from prefect.artifacts import create_link_artifact, create_markdown_artifact

from ann_models import datasets
from ann_models.entry import Variant
from pipelines.errors import FATAL, PipelineError, format_error, translate, was_interrupted
from pipelines.flows.context import DataFile
from pipelines.registry.client import MODEL_NAMES
from pipelines.settings import ui_address
from pipelines.tracking import tags, views

if TYPE_CHECKING:
    from pipelines.flows.context import Context

METRICS = ("final_train_loss", "val_accuracy", "test_accuracy", "train_seconds")  # in the table


@dataclass(frozen=True)
class VariantJob:
    """One variant to train, evaluate and log: the job specification that a worker receives.

    Attributes:
        variant: what is trained.
        file: its data.
        pipeline_run_id: of the flow run.
        quick: whether it was shortened for a look.
        other_hands: what it learns from besides the data, if that was generated already.
    """

    variant: Variant
    file: DataFile
    pipeline_run_id: str
    quick: bool = False
    other_hands: DataFile | None = None

    @property
    def about(self) -> dict[str, str]:
        """The tags of its MLflow run."""
        return {
            **self.changes,
            tags.VARIANT: self.variant.name,
            tags.ROW: str(self.variant.row),
            tags.PIPELINE_RUN_ID: self.pipeline_run_id,
            tags.DATA_SOURCE: self.file.source,
            tags.SEEDS: str(self.variant.seeds),
            tags.QUICK: str(self.quick).lower(),
            tags.RUN_COLOR: views.colour(self.variant),
        }

    @property
    def changes(self) -> dict[str, str]:
        """Tags that say of which entry the variant is a changed copy, and what differs."""
        if not (origin := self.variant.derived_from):
            return {}
        return {tags.DERIVED_FROM: origin} | tags.of_changes(dict(self.variant.changes))

    def with_local_data(self, context: Context) -> VariantJob:
        """The same, its data made again on a machine that does not share the state folder."""
        if Path(self.file.path).exists():
            return self
        if self.variant.data == "digits":
            made = datasets.digits(self.file.source)
        else:
            made = datasets.generate(self.variant.data, datasets.DATA_SEED)
        saved = context.save_dataset(made)
        return replace(self, file=replace(saved, data_set=self.file.data_set))


@dataclass
class VariantResult:
    """How one variant of a job ended.

    Attributes:
        name: the variant's.
        status: "finished", "failed" or "killed".
        run_id: of its MLflow run, if that was begun.
        seconds: until it was trained, evaluated and registered.
        metrics: what was measured.
        error: why it failed.
        model: the registered model of which it became a version, if it is a candidate.
        version: that version's number.
    """

    name: str
    status: str = "failed"
    run_id: str | None = None
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    error: str | None = None
    model: str | None = None
    version: str | None = None

    @property
    def finished(self) -> bool:
        """Whether its run has everything that belongs in it."""
        return self.status == "finished"


@dataclass
class JobReport:
    """What a job did.

    Attributes:
        pipeline_run_id: the Prefect flow run.
        data: source of the digits, or of other pictures, if a variant uses them.
        quick: whether it was a quick look.
        rows: one a variant, in the table's order.
        views: by question, the path of its comparison page in MLflow's UI.
        champion: name and version of the champion after the job.
        decisions: the gate's, as sentences.
        failed: what failed, by name.
        page: the path, in MLflow's UI, of the run with the report of the whole lecture.
    """

    pipeline_run_id: str
    data: str | None
    quick: bool
    rows: list[VariantResult] = field(default_factory=list)
    views: dict[str, str] = field(default_factory=dict)
    champion: dict[str, str] | None = None
    decisions: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    page: str = ""


class VariantsFailed(PipelineError):
    """Some variants failed; the others are finished and logged."""

    def __init__(self, report: JobReport) -> None:
        """Name what failed in a job."""
        super().__init__(f"{', '.join(report.failed)} failed; all else is finished and logged.")
        self.report = report


def explain(error: Exception) -> str:
    """Why something failed, as one message.

    Raises:
        PipelineError: what every later variant would meet, too, such as a full disk.
        KeyboardInterrupt: the job was interrupted, and the error arose from that.
    """
    if was_interrupted(error):
        raise KeyboardInterrupt from error
    cause = translate(error)
    if isinstance(cause, FATAL):
        raise cause from error
    return format_error(cause)


def publish(context: Context, report: JobReport) -> None:
    """Results and the gate's decisions as artifacts in Prefect's UI; note the champion."""
    create_markdown_artifact(
        results_table(report, ui_address(context.settings)),
        key="results",
        description="Every variant of this run",
    )
    create_markdown_artifact(
        "\n".join(f"- {sentence}" for sentence in report.decisions) or "No candidate this time.",
        key="decisions",
        description="What the gate decided, and why",
    )
    if report.page:
        create_link_artifact(
            link=f"{ui_address(context.settings)}/{report.page}",
            link_text="The lecture as one page",
            key="report",
            description="report.html: questions, figures, numbers, the champion",
        )
    registry = context.registry
    own = report.data not in (None, *MODEL_NAMES)
    champion = registry.champion(str(report.data)) if own else registry.current_champion()
    if champion and report.data and not report.quick:
        report.champion = {"name": champion.name, "version": champion.number}


def results_table(report: JobReport, address: str) -> str:
    """The results as a Markdown table with links to MLflow's UI at that address."""
    head = ["variant", "status", *(name.replace("_", " ") for name in METRICS), "MLflow run"]
    lines = [head, ["---"] * len(head)]
    for row in report.rows:
        numbers = [f"{row.metrics[n]:.4g}" if n in row.metrics else "" for n in METRICS]
        run = f"[{row.run_id[:8]}]({run_link(address, row.run_id)})" if row.run_id else ""
        lines.append([row.name, row.error or row.status, *numbers, run])
    table = "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
    pages = [f"- [{question}]({address}/{page})" for question, page in report.views.items()]
    return "\n".join([table, "", "Comparisons:", *pages]) if pages else table


def run_link(address: str, run_id: str) -> str:
    """The page of a run in MLflow's UI, which finds its experiment by itself."""
    return f"{address}/#/runs/{run_id}"
