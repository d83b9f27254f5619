"""The closed loop on a real store: corrections in, a challenger out, the gate decides."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from ann_models.errors import UnknownName
from pipelines.errors import WrongUse
from pipelines.feedback.requests import FeedbackUnavailable
from pipelines.flows import lecture, retraining, tasks, training_corrections
from pipelines.flows.context import Context
from pipelines.flows.retraining import (
    NOTHING_NEW,
    ChallengerResult,
    NoChampion,
    RetrainingFailed,
    RetrainingReport,
    retrain,
)
from tests.support.served import DIGITS, NAME, asked, copied, corrected, enter, tilted

TILTED, LABELS = tilted(DIGITS["x_train"][:240]), DIGITS["y_train"][:240]


pytestmark = pytest.mark.usefixtures("prefect")


@pytest.fixture
def home(home_with_champion):
    return home_with_champion


def runs(name: str) -> list:
    tracking = Context.open().tracking
    experiment = tracking.monitoring_experiment(
        training_corrections.EXPERIMENT, training_corrections.NOTE
    )
    condition = f"attributes.run_name = '{name}'"
    return list(tracking.client.search_runs([experiment], condition))


def registered() -> int:
    return len(Context.open().registry.versions(NAME))


# --- corrections that help ------------------------------------------------------------------------


@pytest.fixture(scope="module")
def loop(champion_home, tmp_path_factory):
    """A folder in which people corrected tilted digits, and what the retraining reported."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        home = copied(champion_home, tmp_path_factory.mktemp("loop") / "home", monkeypatch)
        corrected(home, TILTED, LABELS)
        asked(home, np.concatenate([TILTED[:60], DIGITS["x_train"][300:420]]))
        return home, retrain()


@pytest.fixture
def retrained(loop, monkeypatch):
    enter(loop[0], monkeypatch)
    return loop[1]


def test_honest_corrections_are_accepted_and_trained_with(retrained):
    assert retrained.status == "retrained"
    assert retrained.corrections["accepted"] > 200
    assert retrained.refusals == []
    (challenger,) = retrained.challengers
    assert challenger.variant == "mnist_ann"
    assert challenger.error is None


def test_the_challenger_is_better_on_corrections_that_it_never_saw(retrained):
    metrics = retrained.challengers[0].metrics
    (judged,) = runs("corrections")
    assert metrics["held_out_corrections"] == judged.data.metrics["corrections_held_out"] >= 25
    assert metrics["held_out_accuracy"] > metrics["champion_held_out_accuracy"]


def test_the_gate_promotes_it_for_that_and_the_champion_moves(retrained):
    assert retrained.champion == "2", retrained.challengers[0].decision
    assert "of the held-out corrections it alone classifies" in retrained.challengers[0].decision
    assert Context.open().registry.champion(NAME).number == "2"


def test_the_run_says_what_was_learned_and_the_version_too(retrained):
    tracking = Context.open().tracking
    challenger = retrained.challengers[0]
    run = tracking.client.get_run(challenger.run_id)
    assert run.info.status == "FINISHED"
    assert int(run.data.tags["corrections_used"]) > 0
    assert run.data.metrics["val_accuracy"] == challenger.metrics["val_accuracy"]
    assert run.data.metrics["shadow_images"] == 180
    assert 0 < run.data.metrics["shadow_challenger_ms"] < 50
    names = {entry.dataset.name for entry in run.inputs.dataset_inputs}
    assert names == {"digits_corrected"}
    version = Context.open().registry.version(NAME, challenger.version)
    assert version.tags["corrections_run"] == run.data.tags["corrections_run"]
    assert version.decision in ("promoted", "refused")
    assert version.tags["shadow"].startswith("agrees: ")
    assert run.data.tags["shadow"] == version.tags["shadow"]


def test_the_history_has_the_retraining_before_the_gates_decision(retrained):
    registry = Context.open().registry
    promoted, learned = registry.history(NAME)[:2]
    assert (promoted.action, promoted.version) == ("promoted", "2")
    assert (learned.action, learned.version, learned.by) == ("retrained", "2", "run")
    assert retrained.challengers[0].run_id in learned.reason
    card = registry.client.get_model_version(NAME, "2").description
    assert card.startswith("**Champion**: promoted by the gate")
    assert "retrained on" in card


def test_the_gate_compared_both_on_the_champions_digits_and_on_shadow_requests(retrained):
    first, second = (Context.open().registry.version(NAME, number) for number in "12")
    assert first.tags["validation_digest"] == second.tags["validation_digest"]
    assert any("of 180 shadow requests" in reason for reason in second.reasons)
    assert any("McNemar" in reason for reason in second.reasons)


def test_without_new_corrections_the_next_retraining_ends_cheaply(retrained):
    before = registered()
    again = retrain()
    assert again.status == "nothing new"
    assert again.reason == NOTHING_NEW
    assert again.challengers == []
    assert registered() == before
    assert len(runs("corrections")) == 1


def test_the_lectures_comparisons_show_the_lectures_runs_alone(retrained):
    newest = Context.open().tracking.newest_by_variant()
    assert newest["mnist_ann"].info.run_id != retrained.challengers[0].run_id


# --- corrections that do not ----------------------------------------------------------------------


def test_a_flood_of_wrong_corrections_is_refused_on_record_and_nothing_is_trained(home):
    wrong = (DIGITS["y_train"][:80] + 1) % 10
    noise = np.random.default_rng(0).normal(0, 0.05, (80, 28, 28))
    images = (DIGITS["x_train"][:80] + noise).clip(0, 1).astype(np.float32)
    corrected(home, images, wrong)
    report = retrain()
    assert report.status == "nothing new"
    assert report.corrections == {"refused day": 80}
    assert report.reason == "no correction can be trained on"
    assert "are contradicted by the champion and the training digits" in report.refusals[0]
    (run,) = runs("corrections")
    assert run.data.tags["verdict"] == "refused"
    assert run.data.tags["refusals"] == report.refusals[0]
    assert registered() == 1


@pytest.mark.usefixtures("plain_study")
def test_a_flood_does_not_keep_honest_corrections_of_another_day_from_teaching(home):
    corrected(home, DIGITS["x_train"][300:380], (DIGITS["y_train"][300:380] + 1) % 10)
    corrected(home, TILTED[:60], LABELS[:60], days_ago=4)
    report = retrain()
    assert report.status == "retrained"
    assert report.corrections["refused day"] == 80
    assert report.corrections["accepted"] >= 50
    assert len(report.refusals) == 1


@pytest.mark.usefixtures("plain_study")
def test_without_corrections_nothing_is_trained_unless_it_is_forced(home):
    assert retrain().reason.startswith("there is no correction of ")
    assert registered() == 1
    report = retrain(force=True)
    assert (report.status, report.reason) == ("retrained", "")
    assert report.corrections == {}
    assert registered() == 2
    assert report.champion == "1"  # the same network again is no better


@pytest.mark.usefixtures("plain_study")
def test_another_variant_may_be_the_challenger(home):
    report = retrain(["mnist_augmented"], force=True)
    assert report.challengers[0].variant == "mnist_augmented"
    assert Context.open().registry.version(NAME, "2").tags["variant"] == "mnist_augmented"


# --- failures -------------------------------------------------------------------------------------


@pytest.mark.usefixtures("plain_study")
def test_a_challenger_that_fails_is_tried_again_next_time(home, monkeypatch, recorder):
    corrected(home, TILTED[:60], LABELS[:60])
    with monkeypatch.context() as sabotage:
        sabotage.setattr(tasks, "study_of", lambda variant: 1 / 0)
        with pytest.raises(RetrainingFailed, match="mnist_ann failed") as failure:
            retrain()
    (challenger,) = failure.value.report.challengers
    assert challenger.error == "ZeroDivisionError: division by zero"
    (run,) = runs("mnist_ann")
    assert run.info.status == "FAILED"
    assert recorder.failures == [f"mnist_ann: {challenger.error}"]
    assert retrain().status == "retrained"
    assert recorder.ends == [("mnist_ann", False), ("mnist_ann", True)]
    assert recorder.positions == [(1, 1), (1, 1)]


def test_before_there_is_a_champion_it_says_how_to_get_one(tmp_path, monkeypatch):
    enter(tmp_path, monkeypatch)
    with pytest.raises(NoChampion, match="`ann run mnist_ann`"):
        retrain()


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("mnist_an", UnknownName),
        ("overfit_base", WrongUse),
        ("best_committee", WrongUse),
        ("best_cnn", WrongUse),
    ],
)
def test_a_variant_that_cannot_serve_is_refused_before_anything_is_done(home, name, error):
    with pytest.raises(error):
        retrain([name])
    assert registered() == 1


def test_a_champion_of_a_table_of_ones_own_is_not_retrained_without_a_name(home, monkeypatch):
    mine = SimpleNamespace(name="offline-digits", variant="mine")
    monkeypatch.setattr(retraining, "current_champion", lambda context, model: mine)
    with pytest.raises(WrongUse, match="mine is not a row of the lecture; train it again with"):
        retrain()


def test_corrections_that_cannot_be_read_end_it_with_a_message(home, monkeypatch):
    monkeypatch.setenv("ANN_FEEDBACK_URL", "postgresql://ann:secret@127.0.0.1:1/feedback")
    with pytest.raises(FeedbackUnavailable, match="cannot be read"):
        retrain()


# --- MNIST, corrected by other people's handwriting -----------------------------------------------


@pytest.mark.slow
def test_an_mnist_champion_learns_from_other_peoples_handwriting(mnist, tmp_path, monkeypatch):
    path = os.environ["ANN_MNIST_PATH"]
    enter(tmp_path, monkeypatch)
    monkeypatch.setenv("ANN_MNIST_PATH", path)
    lecture.lecture(["mnist_ann"], seeds=1)
    corrected(tmp_path, DIGITS["x_train"][:600], DIGITS["y_train"][:600], model="mnist-digits")
    report = retrain()
    metrics = report.challengers[0].metrics
    assert report.corrections["accepted"] > 500
    assert metrics["held_out_accuracy"] > metrics["champion_held_out_accuracy"] + 0.02
    assert metrics["val_accuracy"] > 0.96


@pytest.mark.parametrize(
    ("champion", "learners"),
    [
        ("mnist_ann", ["mnist_ann"]),
        ("best_committee", ["strided_cnn", "upright_cnn"]),
        ("best_100_units", ["strided_cnn", "upright_cnn"]),
    ],
)
def test_for_a_champion_trained_on_networks_those_trained_on_labels_are_retrained(
    champion, learners
):
    assert retraining.trained_on_labels(champion) == learners


@pytest.mark.parametrize(("count", "words"), [(0, "0 corrections"), (1, "1 correction")])
def test_corrections_are_counted_with_their_noun(count, words):
    assert retraining.counted(count) == words


def test_only_the_challengers_that_failed_are_named():
    challengers = [ChallengerResult("first", error="no memory"), ChallengerResult("second")]
    report = RetrainingReport("a run", NAME, "failed", "1", challengers=challengers)
    assert str(RetrainingFailed(report)).startswith("first failed; all else")
