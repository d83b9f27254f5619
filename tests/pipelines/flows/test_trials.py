"""A search's trials: proposed from all that are finished, tracked as child runs."""

from dataclasses import replace
from typing import Any

import optuna
import pytest

from ann_models.errors import InvalidSetting, TrainingDiverged
from ann_models.search import Choices, Interval
from ann_models.variants import VARIANTS
from pipelines.errors import WrongUse
from pipelines.flows import trials as module
from pipelines.flows.trials import COMPLETE, DIVERGED, INTERRUPTED, PRUNED, REFUSED, Trials
from pipelines.flows.worker_environment import WorkerEnvironment
from pipelines.tracking import tags
from tests.support.searches import ROW, SPACE, SPEC, Recorder


@pytest.fixture
def experiment(context) -> str:
    return context.tracking.monitoring_experiment("Sweeps", "")


def test_a_variant_of_a_table_of_ones_own_is_searched(context, tmp_path):
    (tmp_path / "mine.toml").write_text(
        '[[question]]\nkey = "smooth"\ntitle = "Which?"\nlook_at = "Look."\n'
        '[[variant]]\nname = "mine"\nlike = "relu_regression_1"\nquestion = "smooth"\nepochs = 7\n'
    )
    spec = replace(SPEC, name="mine", changes={}, table=str(tmp_path / "mine.toml"))
    assert Trials(context, spec).variant.epochs == 7


def ends_with(monkeypatch, end: float | BaseException) -> list:
    """Trials are not trained: they end so; the variants that would have been trained."""
    asked: list = []

    def train(self, variant, trial):
        asked.append(variant)
        if isinstance(end, BaseException):
            raise end
        return end

    monkeypatch.setattr(Trials, "_train", train)
    return asked


def the_run(context) -> Any:
    (run,) = context.tracking.runs()
    return run


# --- one search -----------------------------------------------------------------------------------


def test_a_question_is_refused_with_the_names_of_its_variants(context):
    with pytest.raises(WrongUse, match=r"neurons is a question; name one of .*relu_regression_1, "):
        Trials(context, replace(SPEC, name="neurons"))


@pytest.mark.parametrize(
    "spec",
    [
        replace(SPEC, over=SPACE[:1]),
        replace(SPEC, over=(SPACE[0], "layers.0.units=1..8")),
        replace(SPEC, changes={"epochs": "3", "data.size": "64"}),
        replace(SPEC, changes={"epochs": "2", "data.size": "65"}),
        replace(SPEC, seeds=2),
    ],
    ids=["fewer settings", "another interval", "other epochs", "other data", "more seeds"],
)
def test_another_search_has_another_key(search, context, spec):
    other = Trials(context, spec)
    assert search.key.startswith(f"{ROW}-")
    assert other.key != search.key


def test_the_same_search_has_the_same_key_for_any_number_of_trials(search, context):
    again = replace(SPEC, over=SPACE[::-1], trials=9, pipeline_run_id="another", run_id="")
    assert Trials(context, again).key == search.key


@pytest.mark.parametrize(("seeds", "used"), [(None, VARIANTS[ROW].seeds), (3, 3)])
def test_each_trial_has_as_many_seeds_as_asked_for_or_those_of_the_table(context, seeds, used):
    assert Trials(context, replace(SPEC, seeds=seeds)).variant.seeds == used


@pytest.mark.parametrize("seeds", [0, 101])
def test_a_number_of_seeds_out_of_range_is_refused(context, seeds):
    with pytest.raises(InvalidSetting, match=f"seeds={seeds}: expected 1 to 100"):
        Trials(context, replace(SPEC, seeds=seeds))


def test_the_validation_examples_are_named_and_no_test_example_is_there(search):
    assert search.judged_by == "64 other points"
    assert not [name for name in search.data.arrays if name.endswith("_test")]


def test_a_study_is_made_once_and_keeps_its_trials(search):
    search.study().ask()
    assert [trial.number for trial in search.study().get_trials()] == [0]
    assert (search.context.settings.home / "sweeps.db").exists()


@pytest.mark.parametrize(
    ("over", "pruner"),
    [
        ("optimizer.learning_rate=1e-3..1e-1", optuna.pruners.MedianPruner),
        ("penalty.strength=0.001..0.1", optuna.pruners.NopPruner),
        ("penalty.norm=l1,l2", optuna.pruners.NopPruner),
    ],
)
def test_where_losses_cannot_be_compared_no_trial_is_pruned(context, over, pruner):
    changes = {"penalty.norm": "l2", "penalty.strength": "0.1", **SPEC.changes}
    search = Trials(context, replace(SPEC, over=(over,), changes=changes))
    assert isinstance(search.study().pruner, pruner)


def test_no_trial_is_pruned_where_the_loss_itself_is_searched(search):
    search.space = {"loss": Choices(("mse", "categorical_crossentropy"))}
    assert isinstance(search.study().pruner, optuna.pruners.NopPruner)


# --- proposals ------------------------------------------------------------------------------------


def proposals(search: Trials, count: int) -> list[dict[str, str]]:
    study = optuna.create_study()
    found = []
    for _ in range(count):
        trial = search._ask(study)
        found.append(search._proposal(trial))
        study.tell(trial, float(len(found)))
    return found


def test_proposals_lie_in_the_space_and_are_texts(search):
    search.space = {
        "optimizer.learning_rate": Interval(1e-3, 1e-1, False, True),
        "layers.0.units": Interval(1, 3, True, False),
        "layers.0.activation": Choices(("relu", "tanh")),
    }
    found = proposals(search, 12)
    rates = [float(settings["optimizer.learning_rate"]) for settings in found]
    assert all(1e-3 <= rate <= 1e-1 for rate in rates)
    assert min(rates) < 1e-2 < max(rates)
    assert {settings["layers.0.units"] for settings in found} == {"1", "2", "3"}
    assert {settings["layers.0.activation"] for settings in found} == {"relu", "tanh"}


def test_a_logarithmic_interval_is_drawn_so(search):
    scales = {key: Interval(1, 1000, key == "a", log) for key, log in (("a", True), ("b", True))}
    scales["c"], scales["d"] = Interval(1, 1000, True, False), Interval(1, 1000, False, False)
    search.space = scales
    trial = optuna.create_study().ask()
    search._proposal(trial)
    distributions = {key: found.log for key, found in trial.distributions.items()}
    assert distributions == {"a": True, "b": True, "c": False, "d": False}


def test_the_same_study_from_the_start_proposes_the_same_and_nothing_twice(search):
    first = proposals(search, 8)
    assert len({str(settings) for settings in first}) == 8
    assert proposals(search, 8) == first


def test_workers_that_ask_at_once_get_different_proposals(search):
    one, two = search.study(), search.study()
    trials = [search._ask(one), search._ask(two)]
    first, second = map(search._proposal, trials)
    assert [trial.number for trial in trials] == [0, 1]
    assert first != second


# --- how a trial ends -----------------------------------------------------------------------------


def test_a_complete_trial_is_a_child_run_with_its_settings_and_objective(
    search, context, experiment, monkeypatch
):
    asked = ends_with(monkeypatch, 0.123456)
    result = search.run(search.study(), experiment, 2)
    (settings,) = [trial.params for trial in search.study().get_trials()]
    rate = f"{settings['optimizer.learning_rate']:.6g}"
    units = str(settings["layers.0.units"])
    shown = f"optimizer.learning_rate={rate}, layers.0.units={units}"
    assert (result.shown, result.state, result.failed) == (f"{shown}: 0.1235", COMPLETE, False)
    assert context.progress.trained == [f"3/4 {shown}"]
    run = the_run(context)
    assert (run.info.status, run.info.run_name) == ("FINISHED", "trial 0")
    assert run.data.metrics == {"objective": 0.123456}
    assert run.data.params == {"optimizer.learning_rate": rate, "layers.0.units": units}
    assert run.data.tags[tags.PARENT_RUN] == "parent"
    assert run.data.tags[tags.SWEEP] == search.key
    assert run.data.tags[tags.TRIAL_STATE] == COMPLETE
    assert tags.changes_of(run.data.tags) == run.data.params
    assert asked[0].layers[0].units == int(units)
    assert 0 <= result.seconds < 60


@pytest.mark.parametrize(
    ("error", "state", "failed"),
    [
        (TrainingDiverged("nan"), DIVERGED, True),
        (optuna.TrialPruned(), PRUNED, False),
        (InvalidSetting("no such layer."), REFUSED, True),
    ],
)
def test_a_trial_without_an_objective_says_how_it_ended(
    search, context, experiment, monkeypatch, error, state, failed
):
    ends_with(monkeypatch, error)
    study = search.study()
    result = search.run(study, experiment, 0)
    assert result.shown.endswith(f": {state}")
    assert (result.state, result.failed) == (state, failed)
    assert [module.state_of(trial) for trial in study.get_trials()] == [state]
    run = the_run(context)
    assert run.info.status == "FINISHED"
    assert run.data.metrics == {}
    assert run.data.tags[tags.TRIAL_STATE] == state


def test_an_interrupted_trial_leaves_no_run_open_and_does_not_count(
    search, context, experiment, monkeypatch
):
    ends_with(monkeypatch, KeyboardInterrupt())
    study = search.study()
    with pytest.raises(KeyboardInterrupt):
        search.run(study, experiment, 0)
    assert [module.state_of(trial) for trial in study.get_trials()] == [INTERRUPTED]
    assert the_run(context).info.status == "KILLED"


def test_the_trials_of_a_killed_process_are_closed_and_no_other(search):
    study = search.study()
    study.tell(study.ask(), 1.0)
    study.ask()
    assert module.state_of(study.get_trials()[1]) == INTERRUPTED
    search.close_killed(study)
    states = [trial.state.name for trial in study.get_trials()]
    assert states == ["COMPLETE", "FAIL"]


# --- on a worker ----------------------------------------------------------------------------------


@pytest.fixture
def environment(context, monkeypatch) -> WorkerEnvironment:
    monkeypatch.setattr(module, "WorkerProgress", lambda name, job: Recorder())
    return WorkerEnvironment.of_this_process(context.settings)


def test_a_worker_runs_a_trial_of_the_same_study(
    search, context, experiment, environment, monkeypatch
):
    ends_with(monkeypatch, 0.25)
    result = module._run_on_worker(SPEC, experiment, 3, environment)
    assert result.state == COMPLETE
    assert [trial.value for trial in search.study().get_trials()] == [0.25]
    assert the_run(context).data.tags[tags.PARENT_RUN] == "parent"


def test_an_interrupted_worker_says_so_and_lives_on(experiment, environment, monkeypatch):
    ends_with(monkeypatch, KeyboardInterrupt())
    result = module._run_on_worker(SPEC, experiment, 0, environment)
    assert (result.shown, result.state, result.failed) == (INTERRUPTED, INTERRUPTED, True)
    assert result.seconds == 0
