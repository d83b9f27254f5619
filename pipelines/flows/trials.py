"""The trials of a search: proposed by Optuna, trained, tracked; here or on a worker.

A study is in one SQLite file of the state folder, which the workers of this machine share: each
trial is proposed where it is trained, from all that are finished by then.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from prefect import task
from prefect.cache_policies import NO_CACHE

from ann_models import datasets, limits
from ann_models.derive import derive
from ann_models.errors import InvalidSetting, TrainingDiverged
from ann_models.search import Interval, objective, parse_space, setting_text, with_validation
from ann_models.selection import select
from pipelines.errors import WrongUse
from pipelines.flows.context import Context, require_examples
from pipelines.flows.dask_workers import WorkerProgress
from pipelines.flows.worker_environment import WorkerEnvironment
from pipelines.tracking import tags

if TYPE_CHECKING:
    import optuna

    from ann_models.datasets import Dataset
    from ann_models.entry import Variant

SEED = 0  # of the proposals
STARTUP_TRIALS = 5  # random ones, before the estimator and the pruner know anything
DIVERGED, PRUNED, COMPLETE = "diverged", "pruned", "complete"
REFUSED = "refused"  # a combination of settings that cannot be trained, each of which alone can
INTERRUPTED = "interrupted"  # such a trial does not count: another one takes its place


@dataclass(frozen=True)
class SweepSpec:
    """What is searched: all that a worker needs to run a trial.

    Attributes:
        name: the variant whose settings are searched.
        over: the settings, as `ann_models.search.parse_space` reads them.
        trials: how many in all.
        seeds: initialisations of each trial; None: as the table says.
        changes: settings that differ from the table in every trial.
        pipeline_run_id: the Prefect flow run.
        run_id: the parent run.
        table: the path of a table of one's own that has the variant; None: the lecture's.
    """

    name: str
    over: tuple[str, ...]
    trials: int
    seeds: int | None
    changes: Mapping[str, str]
    pipeline_run_id: str
    run_id: str = ""
    table: str | None = None


@dataclass(frozen=True)
class TrialResult:
    """How one trial ended."""

    shown: str
    state: str
    seconds: float

    @property
    def failed(self) -> bool:
        """Whether it diverged, was refused or was interrupted."""
        return self.state in (DIVERGED, REFUSED, INTERRUPTED)


def state_of(trial: optuna.trial.FrozenTrial) -> str:
    """How a trial of a study ended; Optuna has one state for what diverged and was interrupted."""
    if trial.state.name == "FAIL":
        return DIVERGED if DIVERGED in trial.user_attrs else INTERRUPTED
    if REFUSED in trial.user_attrs:
        return REFUSED
    return {"COMPLETE": COMPLETE, "PRUNED": PRUNED}.get(trial.state.name, INTERRUPTED)


class Trials:
    """The trials of one search: its data and its Optuna study.

    Attributes:
        space: what is searched.
        key: of the study: the same search has the same one.
        judged_by: the validation examples, in words.
    """

    def __init__(self, context: Context, spec: SweepSpec) -> None:
        """Find the variant, its space and its data.

        Raises:
            UnknownName, InvalidSetting, WrongUse: they cannot be meant.
        """
        self.context, self.spec = context, spec
        found, _ = select([spec.name], {}, spec.table)
        if len(found) > 1:
            listed = ", ".join(v.name for v in found)
            raise WrongUse(f"{spec.name} is a question; name one of {listed}.")
        self.origin = derive(found[0], spec.changes)
        if self.origin.other_hands or self.origin.distillation:
            raise WrongUse(
                f"{spec.name} learns from more than its data set: from generated handwriting or "
                "from other networks. A sweep trains on the data set alone; name another variant."
            )
        self.space = parse_space(self.origin, spec.over)
        if spec.seeds is not None:
            limits.check("seeds", spec.seeds)
            self.origin = replace(self.origin, seeds=spec.seeds)
        self.variant, self.data, self.judged_by = with_validation(
            self.origin, _data(context, self.origin)
        )
        said = f"{self.origin!r} {sorted(self.space.items())} {self.data.digest}"
        self.key = f"{spec.name}-{hashlib.sha256(said.encode()).hexdigest()[:8]}"

    def study(self) -> optuna.Study:
        """Optuna's study of this search, made by the first call."""
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        penalised = any(key.startswith("penalty") for key in self.space)
        return optuna.create_study(
            study_name=self.key,
            storage=f"sqlite:///{self.context.settings.home / 'sweeps.db'}",
            load_if_exists=True,
            # the trained loss contains the penalty, so that it cannot be compared between penalties
            pruner=optuna.pruners.NopPruner()
            if penalised or "loss" in self.space
            else optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
        )

    def _ask(self, study: optuna.Study) -> optuna.Trial:
        """A new trial, whose proposal is seeded by its number: no two workers propose the same."""
        import optuna

        trial = study.ask()
        study.sampler = optuna.samplers.TPESampler(
            seed=SEED + trial.number,
            n_startup_trials=STARTUP_TRIALS,
            constant_liar=True,  # what other workers are at counts as a bad trial
        )
        return trial

    def close_killed(self, study: optuna.Study) -> None:
        """Mark trials whose process was killed; to be called while none runs."""
        import optuna

        for trial in study.get_trials(deepcopy=False, states=[optuna.trial.TrialState.RUNNING]):
            study.tell(trial.number, state=optuna.trial.TrialState.FAIL)

    def run(self, study: optuna.Study, experiment: str, number: int) -> TrialResult:
        """One trial: proposed, trained, tracked as a child run."""
        import optuna

        trial = self._ask(study)
        settings = self._proposal(trial)
        shown = ", ".join(f"{key}={value}" for key, value in settings.items())
        about = {
            tags.VARIANT: self.spec.name,
            tags.SWEEP: self.key,
            tags.PARENT_RUN: self.spec.run_id,
            tags.PIPELINE_RUN_ID: self.spec.pipeline_run_id,
            tags.QUICK: "false",
            **tags.of_changes(settings),
        }
        started = time.perf_counter()
        state, value = DIVERGED, None
        with (
            self.context.progress.training(f"{number + 1}/{self.spec.trials} {shown}"),
            self._finished(study, trial),
            self.context.tracking.run(experiment, f"trial {trial.number}", about) as run_id,
        ):
            try:
                value = self._train(derive(self.variant, settings), trial)
                state = COMPLETE
                study.tell(trial, value)
            except TrainingDiverged:
                trial.set_user_attr(DIVERGED, True)
                study.tell(trial, state=optuna.trial.TrialState.FAIL)
            except InvalidSetting as error:
                state = REFUSED
                trial.set_user_attr(REFUSED, str(error))
                # Pruned for Optuna: unlike a failed trial, it counts as a bad proposal.
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
                self.context.progress.notice(str(error))
            except optuna.TrialPruned:
                state = PRUNED
                study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            self._log(run_id, settings, state, value)
        shown = f"{shown}: {state if value is None else f'{value:.4g}'}"
        return TrialResult(shown, state, time.perf_counter() - started)

    @contextmanager
    def _finished(self, study: optuna.Study, trial: optuna.Trial) -> Iterator[None]:
        """End a trial that is interrupted; another one takes its place."""
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
            params=[Param(tags.name_of_setting(key), text) for key, text in settings.items()],
        )
        client.set_tag(run_id, tags.TRIAL_STATE, state)


def _data(context: Context, variant: Variant) -> Dataset:
    """The data of a variant; the digits are MNIST, or the offline digits if it is nowhere.

    Raises:
        WrongUse: ANN_MNIST_PATH does not lead to MNIST, or there are fewer digits than asked for.
    """
    from ann_models.errors import DataUnavailable, InvalidData

    if variant.data != "digits":
        data = datasets.generate(variant.data, datasets.DATA_SEED)
    else:
        try:
            data = datasets.digits("mnist")
        except InvalidData as error:
            raise WrongUse(str(error)) from error
        except DataUnavailable as error:
            context.progress.notice(f"No MNIST: {error} The OFFLINE DIGITS take its place.")
            data = datasets.digits("offline-digits")
    if variant.train_size is None:
        return data
    require_examples(variant, data)
    return datasets.digits_subset(data, min(variant.train_size, len(data.arrays["x_train"])))


@task(name="trial", task_run_name="trial {number}", cache_policy=NO_CACHE)
def run_on_worker(
    spec: SweepSpec, experiment: str, number: int, environment: WorkerEnvironment
) -> TrialResult:
    """On a worker: one trial of a search."""
    return _run_on_worker(spec, experiment, number, environment)


def _run_on_worker(
    spec: SweepSpec, experiment: str, number: int, environment: WorkerEnvironment
) -> TrialResult:
    with environment.applied():
        progress = WorkerProgress(f"trial {number + 1}", spec.pipeline_run_id)
        trials = Trials(Context.open(progress), spec)
        try:
            return trials.run(trials.study(), experiment, number)
        except KeyboardInterrupt:  # the sweep was interrupted; Dask would end this worker
            return TrialResult(INTERRUPTED, INTERRUPTED, 0.0)
