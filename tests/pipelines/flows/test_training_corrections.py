"""What people corrected is judged, recorded with every verdict, and joined to the training part."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from prefect.logging import disable_run_logger

from ann_models import datasets
from ann_models.digits import neighbours
from ann_models.variants import VARIANTS
from pipelines.feedback.corrections import ACCEPTED, REFUSED_DAY, Judgement
from pipelines.feedback.requests import Corrections
from pipelines.flows import training_corrections as module
from pipelines.flows.context import Context, DataFile
from pipelines.flows.training_corrections import TrainingCorrections
from pipelines.tracking import tags
from pipelines.tracking.client import TAG_CHARACTERS
from tests.support import promoted
from tests.support.registry_bench import nearest_mean
from tests.support.served import DIGITS, NAME, corrected, enter, tilted

HONEST = 30
DIGITS_DIGEST = datasets.digits(NAME).digest


def champion(context: Context):
    return context.registry.champion(NAME)


def trained_with(context: Context) -> TrainingCorrections:
    file = context.save_dataset(datasets.digits(NAME))
    with disable_run_logger():
        return module.training_corrections.fn(context, file, champion(context))


@pytest.fixture(scope="module")
def home(tmp_path_factory, empty_store):
    """A folder with a champion, in which nobody corrected anything yet."""
    folder = tmp_path_factory.mktemp("corrected")
    (folder / "mlflow.db").write_bytes(empty_store)
    with pytest.MonkeyPatch.context() as monkeypatch:
        enter(folder, monkeypatch)
        Context.open()
        promoted.promote(nearest_mean(1000), datasets.digits(NAME), folder)
    return folder


@pytest.fixture
def context(home, monkeypatch) -> Context:
    enter(home, monkeypatch)
    return Context.open()


@pytest.fixture(scope="module")
def used(home) -> TrainingCorrections:
    """Honest ones, copies of held-out digits, a refused day and a blank picture."""
    images = np.concatenate([tilted(DIGITS["x_train"][:HONEST]), DIGITS["x_val"][:5]])
    labels = np.concatenate([DIGITS["y_train"][:HONEST], DIGITS["y_val"][:5]])
    with pytest.MonkeyPatch.context() as monkeypatch:
        enter(home, monkeypatch)
        corrected(home, images, labels, days_ago=4)
        wrong = (DIGITS["y_train"][300:330] + 1) % 10
        corrected(home, DIGITS["x_train"][300:330], wrong)
        corrected(home, np.zeros((1, 28, 28), np.float32), np.array([3]))
        return trained_with(Context.open())


def joined_with(context: Context, used: TrainingCorrections) -> dict[str, np.ndarray]:
    """What a variant learns from that uses all digits."""
    return context.dataset_of(VARIANTS["mnist_ann"], used.file).arrays


def run_of(context: Context, used: TrainingCorrections):
    return context.tracking.client.get_run(used.run_id)


def test_every_verdict_is_counted_pictures_of_no_digit_too(used):
    assert used.counts["copy of a held-out digit"] >= 5
    assert used.counts["refused day"] == 30
    assert used.counts["no digit"] == 1
    assert used.counts["accepted"] > HONEST / 2
    assert sum(used.counts.values()) == HONEST + 5 + 30 + 1
    (sentence,) = used.refusals
    assert "of 30 are contradicted by the champion and the training digits" in sentence


def test_the_run_records_how_many_were_accepted_refused_used_and_held_out(used, context):
    metrics = run_of(context, used).data.metrics
    accepted = used.counts["accepted"]
    assert metrics["corrections_accepted"] == accepted
    assert metrics["corrections_refused"] == HONEST + 5 + 30 - accepted
    assert metrics["corrections_used"] == used.used
    assert metrics["corrections_used"] + metrics["corrections_held_out"] == accepted
    assert metrics["corrections_repeats"] == 2  # there is room for 59, a twentieth of the digits


def test_the_run_says_of_which_model_and_digits_and_why_a_day_was_refused(used, context):
    run = run_of(context, used)
    assert run.data.tags["variant"] == "corrections"
    assert (run.data.tags[tags.MODEL], run.data.tags[tags.VERSION]) == (NAME, "1")
    assert run.data.tags[tags.DATA_SOURCE] == NAME
    assert run.data.tags[tags.VERDICT] == "refused"
    assert run.data.tags[tags.REFUSALS] == used.refusals[0]
    assert run.data.tags[tags.ACCEPTED_SHA256] == used.accepted_sha256
    note = run.data.tags[tags.NOTE]
    assert f"{used.counts['accepted']} accepted" in note
    assert used.refusals[0] in note


def test_the_run_has_a_table_of_verdicts_and_pictures_of_both_kinds(used, context):
    client = context.tracking.client
    table = json.loads(
        Path(client.download_artifacts(used.run_id, "tables/verdicts.json")).read_text()
    )
    assert table.keys() == {"image_sha256", "digit", "time", "verdict"}
    assert {len(column) for column in table.values()} == {HONEST + 5 + 30}
    assert table["verdict"].count("refused day") == 30
    assert table["time"] == sorted(table["time"])
    files = {file.path for file in client.list_artifacts(used.run_id, "figures")}
    assert files == {"figures/accepted.png", "figures/refused.png"}
    (entry,) = run_of(context, used).inputs.dataset_inputs
    assert entry.dataset.name == "corrections"


def test_the_joined_digits_have_the_accepted_ones_in_their_training_part_alone(used, context):
    joined = joined_with(context, used)
    more = len(joined["x_train"]) - len(DIGITS["x_train"])
    assert more == len(joined["y_train"]) - len(DIGITS["y_train"]) == 2 * used.used
    np.testing.assert_array_equal(joined["x_val"], DIGITS["x_val"])
    np.testing.assert_array_equal(joined["x_test"], DIGITS["x_test"])


def test_all_accepted_ones_are_kept_those_that_are_held_out_too(used, context):
    arrays = context.load_dataset(used.accepted.path).arrays
    assert len(arrays["x"]) == len(arrays["y"]) == len(arrays["times"]) == used.counts["accepted"]
    assert Corrections(arrays["x"], arrays["y"], arrays["times"]).digest == used.accepted_sha256


def test_the_same_corrections_are_known_by_a_retrained_run_of_the_same_model(used, context):
    def known(digest: str) -> bool:
        return module.were_used(
            context, tags.CORRECTIONS_ACCEPTED_SHA256, digest, champion(context)
        )

    assert not known(used.accepted_sha256)
    experiment = context.tracking.monitoring_experiment(module.EXPERIMENT, module.NOTE)
    for model, digest in (("mnist-digits", "c0ffee"), (NAME, used.accepted_sha256)):
        about = {tags.CORRECTIONS_ACCEPTED_SHA256: digest, tags.MODEL: model}
        context.tracking.client.create_run(experiment, tags=about | {tags.RETRAINED: "true"})
    assert known(used.accepted_sha256)
    assert not known("c0ffee")


def test_the_corrections_of_another_model_are_not_read(used, context, home):
    corrected(home, tilted(DIGITS["x_train"][60:62], 20), np.array([1, 2]), model="fashion-mnist")
    found, invalid = module.stored(context, champion(context))
    assert (len(found), invalid) == (HONEST + 5 + 30, 1)


def test_without_corrections_the_digits_stay_as_they_are(home, tmp_path, monkeypatch):
    enter(home, monkeypatch)
    monkeypatch.setenv("ANN_FEEDBACK_URL", f"sqlite:///{tmp_path / 'empty.db'}")
    context = Context.open()
    used = trained_with(context)
    assert (used.counts, used.refusals, used.used) == ({}, [], 0)
    assert context.dataset_of(VARIANTS["mnist_ann"], used.file).digest == DIGITS_DIGEST
    run = run_of(context, used)
    assert run.data.tags[tags.VERDICT] == "accepted"
    assert run.data.metrics["corrections_repeats"] == run.data.metrics["corrections_used"] == 0


def test_the_reasons_of_many_refused_days_fit_into_a_servers_tag(context, monkeypatch):
    judge = module.corrections.judge

    def with_many_refusals(*given: object) -> Judgement:
        return replace(judge(*given), refusals=["x" * 200] * 100)

    monkeypatch.setattr(module.corrections, "judge", with_many_refusals)
    written = run_of(context, trained_with(context)).data.tags[tags.REFUSALS]
    assert len(written) == TAG_CHARACTERS


def test_validation_and_test_digits_never_enter_the_training_data(home, tmp_path, monkeypatch):
    images = np.concatenate(
        [DIGITS["x_val"][:40], DIGITS["x_test"][:40], tilted(DIGITS["x_train"][:45])]
    )
    labels = np.concatenate([DIGITS["y_val"][:40], DIGITS["y_test"][:40], DIGITS["y_train"][:45]])
    enter(home, monkeypatch)
    monkeypatch.setenv("ANN_FEEDBACK_URL", f"sqlite:///{tmp_path / 'feedback.db'}")
    corrected(tmp_path, images, labels)
    context = Context.open()
    used = trained_with(context)
    assert used.counts["copy of a held-out digit"] >= 80
    added = joined_with(context, used)["x_train"][len(DIGITS["x_train"]) :]
    assert len(added) == used.used > 29  # so many that none is repeated
    held_out = np.concatenate([DIGITS["x_val"], DIGITS["x_test"]]).reshape(-1, 784)
    apart = np.linalg.norm(added.reshape(-1, 1, 784) - held_out[None], axis=2)
    assert apart.min() > 1


def test_the_evidence_is_the_champions_answers_and_its_errors_on_the_validation_digits(context):
    images = np.concatenate([DIGITS["x_train"][:20], DIGITS["x_val"][:3], DIGITS["x_test"][:2]])
    labels = np.concatenate([DIGITS["y_train"][:20], DIGITS["y_val"][:3], DIGITS["y_test"][:2]])
    data = datasets.digits(NAME)
    found = Corrections(images, labels, np.arange(25.0))
    evidence = module._evidence(context, found, champion(context), data)
    model = nearest_mean(1000)
    np.testing.assert_array_equal(evidence.champion, model(images).numpy().argmax(axis=1))
    assert evidence.copies[20:].all()
    assert not evidence.copies[:10].any()
    sure = evidence.neighbours != neighbours.NO_WITNESS
    assert np.mean(evidence.neighbours[:20][sure[:20]] == labels[:20][sure[:20]]) > 0.9
    answers = model(DIGITS["x_val"]).numpy().argmax(axis=1)
    wrong = answers != DIGITS["y_val"]
    assert evidence.errors == wrong.sum() > 0
    training = DIGITS["x_train"], DIGITS["y_train"]
    witnesses = neighbours.unanimous_label(DIGITS["x_val"], *training)
    assert evidence.shared_errors == (wrong & (witnesses == answers)).sum()
    assert 0 < evidence.shared_errors < evidence.errors


def test_a_challenger_records_how_many_were_used_and_how_many_refused():
    counts = {"accepted": 12, "refused day": 30, "no digit": 2}
    file = DataFile("digits.npz", NAME, "d1")
    used = TrainingCorrections("r1", file, counts, [], 9, file, "c0ffee")
    assert used.about == {
        tags.CORRECTIONS_USED: "9",
        tags.CORRECTIONS_REFUSED: "32",
        tags.CORRECTIONS_ACCEPTED_SHA256: "c0ffee",
        tags.CORRECTIONS_RUN: "r1",
    }


@pytest.mark.parametrize(("size", "used"), [(None, 40), (1_197, 40), (500, 25), (10, 0)])
def test_a_variant_that_learns_from_fewer_digits_uses_fewer_corrections(size, used):
    """A twentieth of its digits at most."""
    file = DataFile("digits.npz", NAME, "d1")
    found = TrainingCorrections("r1", file, {}, [], 40, file, "c0ffee")
    variant = replace(VARIANTS["mnist_ann"], train_size=size)
    assert found.learned_by(variant).about[tags.CORRECTIONS_USED] == str(used)


def judged(verdicts: list[str]) -> tuple[Corrections, Judgement]:
    count = len(verdicts)
    images = np.arange(count, dtype=np.float32)[:, None, None] / count * np.ones((28, 28))
    found = Corrections(images, np.arange(count) % 10, np.arange(count, dtype=float))
    return found, Judgement(tuple(verdicts), ())


def test_a_picture_shows_the_newest_fifty_and_says_of_how_many():
    found, judgement = judged([ACCEPTED] * 60)
    (figure,) = module._pictures(found, judgement).values()
    (axes,) = figure.axes
    assert axes.get_title() == "The newest of 60 accepted corrections"
    assert [text.get_text() for text in axes.texts] == [str(digit) for digit in found.digits[10:]]


def test_of_a_kind_that_there_is_none_of_there_is_no_picture():
    assert module._pictures(*judged([REFUSED_DAY] * 2)).keys() == {"refused"}
    assert module._pictures(*judged([])) == {}
