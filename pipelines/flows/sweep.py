"""A search over settings as a Prefect flow: trials in, the best settings out.

Optuna proposes (tree-structured Parzen estimator, Bergstra et al. 2011) and prunes trials that are
worse than the median at the same epoch; its studies are in one SQLite file of the state folder, so
that an interrupted sweep is resumed by the same command. The validation data decides.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from prefect import flow
from prefect.runtime import flow_run

from ann_models import datasets, variants
from ann_models.derive import derive
from ann_models.errors import TrainingDiverged
from ann_models.figures import search as figures
from ann_models.findings import Findings
from ann_models.search import (
    Interval,
    Space,
    objective,
    parse_space,
    setting_text,
    with_validation,
)
from pipelines.errors import PipelineError, WrongUse
from pipelines.flows import ad_hoc
from pipelines.flows.context import Context
from pipelines.tracking import saved_views, tags
from pipelines.tracking.saved_views import Section, View

if TYPE_CHECKING:
    import optuna

    from ann_models.datasets import Dataset
    from ann_models.entry import Variant

EXPERIMENT = "Sweeps"
NOTE = "Searches over settings: a parent run a sweep, a child run a trial. Validation data decides."
SEED = 0  # of the proposals
STARTUP_TRIALS = 5  # random ones, before the estimator and the pruner know anything
FAILED, PRUNED, COMPLETE = "diverged", "pruned", "complete"


@dataclass
class SweepReport:
    """What a sweep found.

    Attributes:
        name: the variant whose settings were searched.
        judged_by: the validation examples.
        changes: settings in which every trial differs from the table.
        trials: the state and objective of each trial, and its settings.
        run_id: the parent run.
        view: the path of the sweep's saved view in MLflow's UI.
    """

    name: str
    judged_by: str
    changes: Mapping[str, str] = field(default_factory=dict)
    trials: list[dict[str, Any]] = field(default_factory=list)
    run_id: str = ""
    view: str = ""

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
        return " ".join(["ann run", self.name, *(f"--set {k}={v}" for k, v in changes.items())])


class EveryTrialDiverged(PipelineError):
    """No trial of a sweep ended with a finite loss."""


@flow(name="sweep", flow_run_name="sweep {name}", validate_parameters=True)
def sweep(
    name: str,
    over: list[str],
    trials: int = 30,
    seeds: int | None = None,
    changes: dict[str, str] | None = None,
) -> SweepReport:
    """Search the settings of a variant; the validation data decides.

    Args:
        name: a variant of the table with a network of its own.
        over: what is searched, as `key=lo..hi`, `key=lo..hi:log` or `key=a,b,c`.
        trials: how many trials the sweep has in all, earlier ones of the same sweep included.
        seeds: initialisations of each trial; none: as the table says.
        changes: settings that differ from the table in every trial.

    Raises:
        UnknownName: the name is not in the table.
        InvalidSetting: a setting or a value cannot be meant.
        EveryTrialDiverged: no trial ended with a finite loss.
        TrackingUnavailable: the MLflow server went away; what was finished is there.
    """
    with ad_hoc.untagged():
        context = Context.open()
        origin = _origin(name, changes or {})
        space = parse_space(origin, over)
        if seeds:
            origin = replace(origin, seeds=seeds)
        return _Sweep(context, name, changes or {}, origin, space).run(trials)


def _origin(name: str, changes: Mapping[str, str]) -> Variant:
    found = variants.find([name])
    if len(found) > 1:
        raise WrongUse(f"{name} is a question; name one of {', '.join(v.name for v in found)}.")
    return derive(found[0], changes)


class _Sweep:
    """One search: its data, its Optuna study, and its runs."""

    def __init__(
        self,
        context: Context,
        name: str,
        changes: Mapping[str, str],
        origin: Variant,
        space: Space,
    ) -> None:
        self.context, self.space, self.changes = context, space, changes
        self.variant, self.data, judged_by = with_validation(origin, _data(context, origin))
        self.origin = origin
        self.report = SweepReport(name, judged_by, changes)
        said = f"{origin!r} {sorted(space.items())} {self.data.digest}"
        self.key = f"{name}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"

    def run(self, trials: int) -> SweepReport:
        tracking = self.context.tracking
        experiment = tracking.monitoring_experiment(EXPERIMENT, NOTE)
        about = {
            tags.VARIANT: self.report.name,
            tags.SWEEP: self.key,
            tags.PIPELINE_RUN_ID: str(flow_run.id),
            tags.QUICK: "false",
        }
        study = self._study()
        with tracking.run(experiment, f"sweep {self.report.name}", about) as run_id:
            self.report.run_id = run_id
            self._make_view(experiment)
            finished = sum(trial.state.is_finished() for trial in study.trials)
            if finished:
                self.context.progress.notice(
                    f"This sweep is resumed: {finished} of {trials} trials are done."
                )
            try:
                for number in range(finished, trials):
                    self._trial(study, experiment, number, trials)
            finally:
                self._summarise(study, run_id)
        if self.report.best is None:
            raise EveryTrialDiverged(
                f"every one of the {len(self.report.trials)} trials of {self.report.name} diverged "
                f"or was pruned; search smaller learning rates, such as "
                "--over optimizer.learning_rate=1e-5..1e-2:log."
            )
        return self.report

    def _study(self) -> optuna.Study:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        storage = f"sqlite:///{self.context.settings.home / 'sweeps.db'}"
        penalised = any(key.startswith("penalty") for key in self.space)
        study = optuna.create_study(
            study_name=self.key,
            storage=storage,
            load_if_exists=True,
            # the trained loss contains the penalty, so that it cannot be compared between penalties
            pruner=optuna.pruners.NopPruner()
            if penalised or "loss" in self.space
            else optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
        )
        for trial in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)  # its process was killed
        seed = SEED + len(study.trials)  # resumed, it proposes something new
        study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS)
        return study

    def _trial(self, study: optuna.Study, experiment: str, number: int, trials: int) -> None:
        import optuna

        trial = study.ask()
        settings = self._proposal(trial)
        variant = derive(self.variant, settings) if settings else self.variant
        shown = ", ".join(f"{key}={value}" for key, value in settings.items())
        about = {
            tags.VARIANT: self.report.name,
            tags.SWEEP: self.key,
            tags.PARENT_RUN: self.report.run_id,
            tags.QUICK: "false",
            **{f"{tags.CHANGE}{key}": value for key, value in settings.items()},
        }
        started = time.perf_counter()
        state, value = FAILED, None
        with (
            self.context.progress.training(f"{number + 1}/{trials} {shown}"),
            self._finished(study, trial),
            self.context.tracking.run(experiment, f"trial {trial.number}", about) as run_id,
        ):
            try:
                value = self._train(variant, trial)
                state = COMPLETE
                study.tell(trial, value)
            except TrainingDiverged:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            except optuna.TrialPruned:
                state = PRUNED
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            self._log(run_id, settings, state, value)
        seconds = time.perf_counter() - started
        self.context.progress.ended(
            f"{shown}: {state if value is None else f'{value:.4g}'}",
            number + 1,
            trials,
            state != FAILED,
            seconds,
        )

    @contextmanager
    def _finished(self, study: optuna.Study, trial: optuna.Trial) -> Iterator[None]:
        """A trial that is interrupted is forgotten by the next command."""
        import optuna

        try:
            yield
        except BaseException:
            study.tell(trial, state=optuna.trial.TrialState.FAIL, skip_if_finished=True)
            raise

    def _proposal(self, trial: optuna.Trial) -> dict[str, str]:
        settings = {}
        for key, wanted in self.space.items():
            if isinstance(wanted, Interval):
                if wanted.is_whole:
                    number: float = trial.suggest_int(
                        key, int(wanted.low), int(wanted.high), log=wanted.is_log
                    )
                else:
                    number = trial.suggest_float(key, wanted.low, wanted.high, log=wanted.is_log)
                settings[key] = setting_text(number, wanted.is_whole)
            else:
                settings[key] = str(trial.suggest_categorical(key, wanted.values))
        return settings

    def _train(self, variant: Variant, trial: optuna.Trial) -> float:
        import optuna

        from ann_models.training import train

        def validated(epoch: int, loss: float) -> None:
            trial.report(loss, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        trained = train(
            variant,
            self.data,
            tuple(range(variant.seeds)),
            on_progress=self.context.progress.epochs,
            on_validation=validated,
        )
        if trained.interrupted:
            raise KeyboardInterrupt
        return objective(self.origin, trained.models, self.data)

    def _log(self, run_id: str, settings: dict[str, str], state: str, value: float | None) -> None:
        from mlflow.entities import Metric, Param

        client = self.context.tracking.client
        now = int(time.time() * 1000)
        client.log_batch(
            run_id,
            metrics=[] if value is None else [Metric("objective", value, now, 0)],
            params=[Param(key, text) for key, text in settings.items()],
        )
        client.set_tag(run_id, tags.TRIAL_STATE, state)

    def _summarise(self, study: optuna.Study, run_id: str) -> None:
        """The table of trials, the figure, and the best settings, also of an interrupted sweep."""
        for trial in study.get_trials(deepcopy=False):
            state = {"COMPLETE": COMPLETE, "PRUNED": PRUNED}.get(trial.state.name, FAILED)
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
            findings.metrics |= {f"importance.{k}": v for k, v in importances.items()}
        self.context.tracking.log_findings(run_id, findings, {})
        self.context.tracking.note(
            run_id,
            [f"Judged by {self.report.judged_by}.", f"Best: `{self.report.command}`"],
            findings.figures,
        )

    def _make_view(self, experiment: str) -> None:
        """Parallel coordinates of this sweep's trials, in the menu of views."""
        keys = list(self.space)
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


def _data(context: Context, variant: Variant) -> Dataset:
    """The data of a variant; the digits are MNIST, or the offline digits if it is nowhere."""
    from ann_models.errors import DataUnavailable

    if variant.data != "digits":
        data = datasets.generate(variant.data, datasets.DATA_SEED)
    else:
        try:
            data = datasets.digits("mnist")
        except DataUnavailable as error:
            context.progress.notice(f"No MNIST: {error} The OFFLINE DIGITS take its place.")
            data = datasets.digits("offline-digits")
    if variant.train_size is None:
        return data
    return datasets.digits_subset(data, min(variant.train_size, len(data.arrays["x_train"])))


def _importances(study: optuna.Study) -> dict[str, float]:
    """The share of the objective's variance by setting (fANOVA, Hutter et al. 2014)."""
    import optuna

    evaluator = optuna.importance.FanovaImportanceEvaluator(seed=SEED)
    try:
        return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))
    except (ValueError, RuntimeError):
        return {}  # too few trials, or all alike
