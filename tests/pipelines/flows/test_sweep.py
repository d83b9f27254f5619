"""`ann sweep`: trials as child runs, resumed by the same call, never judged by test digits."""

import shlex

import pytest

from ann_models.errors import InvalidSetting, TrainingDiverged
from pipelines.cli import sweep as printed
from pipelines.errors import WrongUse
from pipelines.flows import sweep as module
from pipelines.flows.context import Context
from pipelines.flows.progress import ProgressReporter
from pipelines.flows.sweep import NoCompleteTrial, sweep
from pipelines.flows.trials import SweepSpec, Trials
from pipelines.locks import exclusive_lock
from pipelines.tracking.tags import changes_of
from tests.support.served import enter

pytestmark = pytest.mark.usefixtures("prefect")

ROW = "relu_regression_1"
SPACE = ["optimizer.learning_rate=1e-3..1e-1:log", "layers.0.activation=relu,tanh"]
SHORT = {"epochs": "2", "data.size": "64"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    enter(tmp_path, monkeypatch)
    return tmp_path


def runs(report: module.SweepReport) -> list:
    return Context.open().tracking.runs(f"tags.mlflow.parentRunId = '{report.run_id}'")


def test_every_trial_is_a_child_run_and_the_best_can_be_run(home):
    report = sweep(ROW, SPACE, trials=4, seeds=1, changes=SHORT)
    assert [trial["state"] for trial in report.trials] == ["complete"] * 4
    assert len(runs(report)) == 4
    best = min(report.trials, key=lambda trial: trial["objective"])
    assert report.best == best
    rate = best["settings"]["optimizer.learning_rate"]
    assert report.command.startswith(f"ann run {ROW} --set epochs=2 --set data.size=64")
    assert f"--set optimizer.learning_rate={rate}" in report.command
    tracking = Context.open().tracking
    parent = tracking.client.get_run(report.run_id)
    assert parent.data.metrics["objective"] == best["objective"]
    figures = tracking.client.list_artifacts(report.run_id, "figures")
    assert "figures/search.png" in [item.path for item in figures]
    experiment = tracking.client.get_experiment(parent.info.experiment_id)
    assert any(report.view.split("=")[1].split("&")[0] in key for key in experiment.tags)


def test_one_more_layer_can_be_searched(home):
    space = ["layers.0+=dense 2 tanh,dense 3 tanh", SPACE[0]]
    report = sweep(ROW, space, trials=5, seeds=1, changes=SHORT)
    assert [trial["state"] for trial in report.trials] == ["complete"] * 5
    parent = Context.open().tracking.client.get_run(report.run_id)
    assert "importance.layers.0.plus" in parent.data.metrics
    for run in runs(report):
        assert run.data.params["layers.0.plus"] == changes_of(run.data.tags)["layers.0+"]


def test_the_printed_command_is_read_by_a_shell_as_it_was_meant():
    best = {"state": "complete", "objective": 0.1, "settings": {"layers.0": "dense 8 tanh"}}
    command = module.SweepReport(ROW, "", {"epochs": "2"}, [best]).command
    words = ["ann", "run", ROW, "--set", "epochs=2", "--set", "layers.0=dense 8 tanh"]
    assert shlex.split(command) == words


def test_an_interrupted_sweep_keeps_what_is_finished_and_is_resumed(home, monkeypatch):
    train = Trials._train
    trained: list[str] = []

    def interrupted(self, variant, trial):
        if len(trained) == 2:
            raise KeyboardInterrupt
        trained.append(variant.name)
        return train(self, variant, trial)

    monkeypatch.setattr(Trials, "_train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sweep(ROW, SPACE, trials=4, seeds=1, changes=SHORT)
    monkeypatch.setattr(Trials, "_train", train)
    tracking = Context.open().tracking
    assert not tracking.runs("attributes.status = 'RUNNING'")
    report = sweep(ROW, SPACE, trials=5, seeds=1, changes=SHORT)
    states = [trial["state"] for trial in report.trials]
    assert states == ["complete", "complete", "interrupted", *["complete"] * 3]
    proposals = [trial["settings"]["optimizer.learning_rate"] for trial in report.trials]
    assert len(set(proposals)) == len(proposals)  # resumed, it does not propose the same again


def test_a_trial_that_was_killed_before_its_proposal_is_made_up_for(home, capsys):
    Trials(Context.open(), SweepSpec(ROW, tuple(SPACE), 2, 1, SHORT, "")).study().ask()
    report = sweep(ROW, SPACE, trials=2, seeds=1, changes=SHORT)
    states = [trial["state"] for trial in report.trials]
    assert states == ["interrupted", "complete", "complete"]
    printed._show(report, Context.open().settings, as_json=False)
    shown = capsys.readouterr().out
    assert "optimizer.learning_rate" in shown.splitlines()[0]
    assert "2 trials, 0 pruned, diverged or refused" in shown


def test_a_sweep_that_is_running_is_left_alone_by_the_same_command(home):
    trials = Trials(Context.open(), SweepSpec(ROW, tuple(SPACE), 2, 1, SHORT, ""))
    running = trials.study().ask()
    lock = Context.open().settings.work / f"sweep-{trials.key}.lock"
    with exclusive_lock(lock), pytest.raises(WrongUse, match=f"sweep of {ROW}.* is running"):
        sweep(ROW, SPACE, trials=2, seeds=1, changes=SHORT)
    (trial,) = trials.study().get_trials()
    assert (trial.number, trial.state.name) == (running.number, "RUNNING")
    assert not Context.open().tracking.runs("attributes.status = 'RUNNING'")


def test_another_space_is_another_sweep(home):
    first = sweep(ROW, SPACE, trials=1, seeds=1, changes=SHORT)
    second = sweep(ROW, SPACE[:1], trials=1, seeds=1, changes=SHORT)
    assert len(first.trials) == len(second.trials) == 1


def test_trials_that_diverge_do_not_end_a_sweep_unless_all_do(home, monkeypatch):
    def diverges(self, variant, trial):
        raise TrainingDiverged("the training loss is nan")

    monkeypatch.setattr(Trials, "_train", diverges)
    with pytest.raises(NoCompleteTrial, match=r"every one of the 3 trials.*smaller learning"):
        sweep(ROW, SPACE, trials=3, seeds=1, changes=SHORT)


def test_a_combination_that_cannot_be_trained_does_not_end_a_sweep(home):
    space = ["layers.0=none,dense 3 relu", "layers.0.units=2,4"]  # there are none of no layer
    report = sweep(ROW, space, trials=6, seeds=1, changes=SHORT)
    for trial in report.trials:
        removed = trial["settings"]["layers.0"] == "none"
        assert trial["state"] == ("refused" if removed else "complete")
    assert {trial["state"] for trial in report.trials} == {"refused", "complete"}
    assert {run.data.tags["trial_state"] for run in runs(report)} == {"refused", "complete"}


def test_a_sweep_of_impossible_combinations_alone_says_why(home, monkeypatch):
    def refuses(self, variant, trial):
        raise InvalidSetting("layers.0=none removes this layer.")

    monkeypatch.setattr(Trials, "_train", refuses)
    with pytest.raises(InvalidSetting, match=r"no combination .*layers.0=none removes"):
        sweep(ROW, SPACE, trials=2, seeds=1, changes=SHORT)


def test_points_in_unusual_units_are_noticed_before_the_trials(home, monkeypatch):
    path = home / "years.csv"
    path.write_text("".join(f"{1990 + i},{i % 3}\n" for i in range(12)))
    notices = []
    monkeypatch.setattr(ProgressReporter, "notice", lambda _, text: notices.append(text))
    sweep(ROW, SPACE, trials=1, seeds=1, changes={"epochs": "1", "data": str(path)})
    assert sum("x lies between 1990 and 2001" in text for text in notices) == 1


def test_what_cannot_be_searched_is_refused_before_a_run_is_made(home):
    with pytest.raises(InvalidSetting, match="did you mean tanh"):
        sweep(ROW, ["layers.0.activation=relu,tan"], trials=1)
    with pytest.raises(WrongUse, match="is a question"):
        sweep("neurons", SPACE, trials=1)
    for name in ("handwriting_cnn", "best_100_units"):
        with pytest.raises(WrongUse, match="learns from more than its data set"):
            sweep(name, ["epochs=1,2"], trials=1)
    assert not Context.open().tracking.runs()


@pytest.mark.slow
def test_workers_share_the_trials_of_one_study(home):
    report = sweep(ROW, SPACE, trials=5, seeds=1, changes=SHORT, workers=2)
    assert [trial["state"] for trial in report.trials] == ["complete"] * 5
    proposals = [trial["settings"]["optimizer.learning_rate"] for trial in report.trials]
    assert len(set(proposals)) == 5
    assert {run.info.status for run in runs(report)} == {"FINISHED"}
    resumed = sweep(ROW, SPACE, trials=6, seeds=1, changes=SHORT)
    assert len(resumed.trials) == 6
