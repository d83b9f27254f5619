"""How a search's trials are trained and pruned, and on which data."""

from dataclasses import replace

import optuna
import pytest

from ann_models import datasets, training
from ann_models.derive import derive
from ann_models.variants import VARIANTS
from pipelines.errors import WrongUse
from pipelines.flows import trials as module
from pipelines.flows.trials import SweepSpec, Trials
from tests.support.searches import ROW

# --- training -------------------------------------------------------------------------------------


class Trained:
    models = ()

    def __init__(self, interrupted: bool) -> None:
        self.interrupted = interrupted


def in_memory(search: Trials) -> optuna.Study:
    return optuna.create_study(pruner=search.study().pruner)


def trained(monkeypatch, losses: list[float], interrupted: bool = False) -> list:
    """A training that reports these losses; the seeds that it was asked for."""
    asked: list = []

    def train(variant, data, seeds, on_progress, on_validation):
        asked.append(seeds)
        for epoch, loss in enumerate(losses):
            on_validation(epoch, loss)
        return Trained(interrupted)

    monkeypatch.setattr(training, "train", train)
    monkeypatch.setattr(module, "objective", lambda origin, models, data: 0.5)
    return asked


def test_a_trial_trains_every_seed_and_reports_each_epoch(search, monkeypatch):
    asked = trained(monkeypatch, [0.9, 0.8])
    search.variant = replace(search.variant, seeds=3)
    study = in_memory(search)
    assert search._train(search.variant, search._ask(study)) == 0.5
    assert asked == [(0, 1, 2)]
    assert study.get_trials()[0].intermediate_values == {0: 0.9, 1: 0.8}


def test_a_trial_that_is_worse_than_the_others_were_is_pruned(search, monkeypatch):
    study = in_memory(search)
    for _ in range(module.STARTUP_TRIALS):
        trial = search._ask(study)
        trained(monkeypatch, [0.1])
        study.tell(trial, search._train(search.variant, trial))
    trained(monkeypatch, [9.0])
    with pytest.raises(optuna.TrialPruned):
        search._train(search.variant, search._ask(study))


def test_the_first_trials_are_never_pruned(search, monkeypatch):
    study = in_memory(search)
    for number in range(module.STARTUP_TRIALS):
        trial = search._ask(study)
        trained(monkeypatch, [float(number)])
        assert search._train(search.variant, trial) == 0.5
        study.tell(trial, 0.5)


def test_a_training_that_was_interrupted_is_no_result(search, monkeypatch):
    trained(monkeypatch, [], interrupted=True)
    with pytest.raises(KeyboardInterrupt):
        search._train(search.variant, search._ask(in_memory(search)))


# --- data -----------------------------------------------------------------------------------------


def test_points_are_generated_as_the_lecture_does(context):
    data = module._data(context, VARIANTS[ROW])
    assert data.digest == datasets.generate(VARIANTS[ROW].data, datasets.DATA_SEED).digest
    assert context.progress.notices == []


def test_without_mnist_the_offline_digits_stand_in_and_say_so(context):
    data = module._data(context, VARIANTS["mnist_ann"])
    assert data.source == "offline-digits"
    (notice,) = context.progress.notices
    assert "OFFLINE DIGITS take its place" in notice


@pytest.mark.parametrize(
    ("name", "changes", "used"),
    [
        ("mnist_ann", {}, 1197),
        ("mnist_ann", {"data.size": "50"}, 50),
        ("mnist_data_size_10000", {}, 1197),
        ("mnist_data_size_10000", {"epochs": "2"}, 1197),
    ],
)
def test_a_row_of_few_digits_gets_so_many_and_without_mnist_all(context, name, changes, used):
    variant = derive(VARIANTS[name], changes)
    assert len(module._data(context, variant).arrays["x_train"]) == used


def test_more_digits_than_there_are_are_refused(context):
    spec = SweepSpec(
        "mnist_ann", ("layers.1.units=3,4",), 1, None, {"data.size": "1198"}, "flow run"
    )
    with pytest.raises(WrongUse, match=r"data.size=1198, and offline-digits has 1,197"):
        Trials(context, spec)


def test_a_wrong_path_of_mnist_is_wrong_use(context, monkeypatch):
    monkeypatch.setenv("ANN_MNIST_PATH", __file__)
    with pytest.raises(WrongUse, match="ANN_MNIST_PATH"):
        Trials(context, SweepSpec("mnist_ann", ("layers.1.units=3,4",), 1, None, {}, ""))
