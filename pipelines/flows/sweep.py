"""A search over settings as a Prefect flow: trials in, the best settings out.

Optuna proposes (tree-structured Parzen estimator, Bergstra et al. 2011) and prunes trials that are
worse than the median at the same epoch. An interrupted sweep is resumed by the same command. The
validation data decides.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from prefect import flow
from prefect.runtime import flow_run

from ann_models.errors import InvalidSetting
from ann_models.figures import search as figures
from ann_models.findings import Findings
from ann_models.search import Interval, setting_text
from pipelines.errors import PipelineError
from pipelines.flows import ad_hoc, dask_workers, tasks
from pipelines.flows.context import Context
from pipelines.flows.trials import (
    COMPLETE,
    INTERRUPTED,
    REFUSED,
    SEED,
    SweepSpec,
    TrialResult,
    Trials,
    run_on_worker,
    state_of,
)
from pipelines.flows.worker_environment import WorkerEnvironment
from pipelines.locks import only_one
from pipelines.tracking import saved_views, tags
from pipelines.tracking.saved_views import Section, View

if TYPE_CHECKING:
    import optuna

EXPERIMENT = "Sweeps"
NOTE = "Searches over settings: a parent run a sweep, a child run a trial. Validation data decides."


@dataclass
class SweepReport:
    """What a sweep found.

    Attributes:
        name: the variant whose settings were searched.
        judged_by: the validation examples.
        changes: settings in which every trial differs from the table.
        trials: the state and objective of each trial, and its settings; interrupted ones, too.
        run_id: the parent run.
        view: the path of the sweep's saved view in MLflow's UI.
        table: the path of a table of one's own that has the variant; None: the lecture's.
    """

    name: str
    judged_by: str
    changes: Mapping[str, str] = field(default_factory=dict)
    trials: list[dict[str, Any]] = field(default_factory=list)
    run_id: str = ""
    view: str = ""
    table: str | None = None

    @property
    def best(self) -> dict[str, Any] | None:
        """The complete trial with the smallest objective."""
        done = [trial for trial in self.trials if trial["state"] == COMPLETE]
        return min(done, key=lambda trial: float(trial["objective"])) if done else None

    @property
    def command(self) -> str:
        """What runs the best trial's settings as a variant."""
        best = self.best
        changes = {**self.changes, **(best["settings"] if best else {})}
        words = [word for key, value in changes.items() for word in ("--set", f"{key}={value}")]
        table = ["--table", self.table] if self.table else []
        return shlex.join(["ann", "run", self.name, *table, *words])


class NoCompleteTrial(PipelineError):
    """No trial of a sweep ended with a finite loss."""


@flow(name="sweep", flow_run_name="sweep {name}", validate_parameters=True)
def sweep(
    name: str,
    over: list[str],
    trials: int = 30,
    seeds: int | None = None,
    changes: dict[str, str] | None = None,
    workers: int = 1,
    table: str | None = None,
) -> SweepReport:
    """Search the settings of a variant; the validation data decides.

    Args:
        name: a variant of the table with a network of its own.
        over: what is searched, as `key=lo..hi`, `key=lo..hi:log` or `key=a,b,c`.
        trials: how many trials the sweep has in all, those that an earlier call of the same
            sweep finished included.
        seeds: initialisations of each trial; none: as the table says.
        changes: settings that differ from the table in every trial.
        workers: processes of this machine that share the trials.
        table: the path of a TOML file or Python module with variants of one's own, in place of the
            lecture's.

    Raises:
        UnknownName: the name is not in the table.
        InvalidSetting: the table has a fault, or a setting, a value or every combination of them
            cannot be meant.
        WrongUse: the name is a question's, there is no memory for so many workers, or the same
            sweep is running already.
        NoCompleteTrial: no trial ended with a finite loss.
        TrackingUnavailable: the MLflow server became unavailable; what was finished is there.
    """
    with ad_hoc.untagged():
        context = Context.open()
        job = str(flow_run.id)
        spec = SweepSpec(name, tuple(over), trials, seeds, changes or {}, job, table=table)
        return _Sweep(context, spec, workers).run()


class _Sweep:
    """One search: its trials, and the parent run that sums them up."""

    def __init__(self, context: Context, spec: SweepSpec, workers: int) -> None:
        self.context, self.spec, self.workers = context, spec, workers
        self.trials = Trials(context, spec)
        self.space, self.key = self.trials.space, self.trials.key
        self.report = SweepReport(spec.name, self.trials.judged_by, spec.changes)
        self.report.table = spec.table

    def run(self) -> SweepReport:
        def refusal() -> str:
            return (
                f"this sweep of {self.report.name} is running already on this machine; wait until "
                "it has ended, or end it, and the same command resumes it."
            )

        # each ends the trials of a killed one
        with only_one(self.context.settings.work / f"sweep-{self.key}.lock", refusal):
            return self._run()

    def _run(self) -> SweepReport:
        tracking, wanted = self.context.tracking, self.spec.trials
        tasks.notice_scale(self.context, self.trials.data)
        experiment = tracking.monitoring_experiment(EXPERIMENT, NOTE)
        about = {
            tags.VARIANT: self.report.name,
            tags.SWEEP: self.key,
            tags.PIPELINE_RUN_ID: self.spec.pipeline_run_id,
            tags.QUICK: "false",
        }
        with tracking.run(experiment, f"sweep {self.report.name}", about) as run_id:
            self.report.run_id = run_id
            trials = self.trials
            trials.spec = replace(self.spec, run_id=run_id)
            self._make_view(experiment)
            study = trials.study()
            trials.close_killed(study)
            states = [state_of(trial) for trial in study.get_trials(deepcopy=False)]
            finished = len(states) - states.count(INTERRUPTED)
            if finished:
                self.context.progress.notice(
                    f"This sweep is resumed: {finished} of {wanted} trials are done."
                    if finished < wanted
                    else f"This sweep has {finished} trials already, {wanted} were asked for."
                )
            numbers = range(finished, wanted)
            several = self.workers > 1 and len(numbers) > 1
            results = (
                self._on_workers(trials, experiment, numbers)
                if several
                else (trials.run(study, experiment, number) for number in numbers)
            )
            try:
                for number, result in zip(numbers, results, strict=True):
                    self.context.progress.ended(
                        result.shown, number + 1, wanted, not result.failed, result.seconds
                    )
            finally:
                trials.close_killed(study)
                self._summarise(study, run_id)
        states = [trial["state"] for trial in self.report.trials]
        if set(states) == {REFUSED}:
            said = study.get_trials(deepcopy=False)[-1].user_attrs[REFUSED]
            raise InvalidSetting(f"no combination can be trained; the last one: {said}")
        if self.report.best is None:
            raise NoCompleteTrial(
                f"every one of the {len(numbers) + finished} trials of {self.report.name} "
                "diverged, was pruned or refused; search smaller learning rates, such as "
                "--over optimizer.learning_rate=1e-5..1e-2:log."
            )
        return self.report

    def _on_workers(self, trials: Trials, experiment: str, numbers: range) -> Iterator[TrialResult]:
        """The trials on several processes, in the order of their ends."""
        environment = WorkerEnvironment.of_this_process(self.context.settings)
        parameters = {
            f"trial {number + 1}": {
                "spec": trials.spec,
                "experiment": experiment,
                "number": number,
                "environment": environment,
            }
            for number in numbers
        }
        self.context.progress.stage("starting workers")
        modules = (run_on_worker.fn.__module__, "ann_models.training")
        job, progress = self.spec.pipeline_run_id, self.context.progress
        try:
            with dask_workers.cluster(
                self.context.settings, self.workers, None, modules
            ) as cluster:
                apart: dict[str, list[str]] = {name: [] for name in parameters}
                for _, result in cluster.results(run_on_worker, parameters, apart, job, progress):
                    if isinstance(result, Exception):
                        raise result
                    yield result
        finally:
            self.context.tracking.end_unfinished_runs(job, parent=self.report.run_id)

    def _summarise(self, study: optuna.Study, run_id: str) -> None:
        """The table of trials, the figure, and the best settings, also of an interrupted sweep."""
        for trial in study.get_trials(deepcopy=False):
            state = state_of(trial)
            settings = {
                key: setting_text(value, w.is_whole) if isinstance(w, Interval) else str(value)
                for key, w in self.space.items()
                if (value := trial.params.get(key)) is not None
            }
            value = trial.value if state == COMPLETE else None
            self.report.trials.append({"state": state, "objective": value, "settings": settings})
        best = self.report.best
        if best is None:
            return
        done = [t for t in self.report.trials if t["state"] == COMPLETE]
        findings = Findings(metrics={"objective": best["objective"], "trials": float(len(done))})
        findings.tables["trials"] = {
            "state": [t["state"] for t in self.report.trials],
            "objective": [t["objective"] for t in self.report.trials],
            **{key: [t["settings"].get(key, "") for t in self.report.trials] for key in self.space},
        }
        findings.figures["search"] = figures.parallel_coordinates(
            self.report.name,
            {key: [t["settings"][key] for t in done] for key in self.space},
            [float(t["objective"]) for t in done],
            frozenset(k for k, w in self.space.items() if isinstance(w, Interval) and w.is_log),
        )
        if importances := _importances(study):
            findings.figures["importance"] = figures.importances(self.report.name, importances)
            findings.metrics |= {
                f"importance.{tags.name_of_setting(key)}": share
                for key, share in importances.items()
            }
        self.context.tracking.log_findings(run_id, findings, {})
        self.context.tracking.note(
            run_id,
            [f"Judged by {self.report.judged_by}.", f"Best: `{self.report.command}`"],
            findings.figures,
        )

    def _make_view(self, experiment: str) -> None:
        """Parallel coordinates of this sweep's trials, in the menu of views."""
        keys = [tags.name_of_setting(key) for key in self.space]
        view = View(
            self.key,
            f"Sweep {self.key}",
            ("metrics.objective", *(f"params.{key}" for key in keys)),
            (
                Section(
                    "From the settings to the objective",
                    (saved_views.parallel_of(keys, "objective"),),
                    columns=1,
                ),
            ),
            f"tags.{tags.SWEEP} = '{self.key}' AND tags.{tags.TRIAL_STATE} = '{COMPLETE}'",
        )
        for key, value in saved_views.tags((view,)).items():
            self.context.tracking.client.set_experiment_tag(experiment, key, value)
        self.report.view = saved_views.link("", experiment, view.id)


def _importances(study: optuna.Study) -> dict[str, float]:
    """The share of the objective's variance by setting (fANOVA, Hutter et al. 2014)."""
    import optuna

    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=SEED)
    try:
        return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))
    except (ValueError, RuntimeError):
        return {}  # too few trials, or all alike
