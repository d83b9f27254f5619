"""Networks that depend on others' networks; and that no decision sees a test digit."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ann_models import committee, datasets, networks
from ann_models.datasets import Dataset
from ann_models.digits.augmentation import Augmentation
from ann_models.entry import Dense, Distillation, Flatten, Variant
from ann_models.training.result import Training
from ann_models.variants import VARIANTS
from pipelines.cli.main import main
from pipelines.errors import WrongUse
from pipelines.flows import upstream
from pipelines.flows.context import Context
from pipelines.flows.lecture import lecture
from pipelines.maintenance.leaderboard import ranked
from pipelines.tracking import tags
from tests.support.served import enter

FIRST = Variant(
    16,
    "first",
    "accuracy",
    "A network.",
    "mnist",
    data="digits",
    layers=(Flatten(), Dense(10, "softmax")),
    loss="sparse_categorical_crossentropy",
    epochs=4,
    seeds=2,
    registered=True,
)
SECOND = replace(FIRST, name="second", layers=(Flatten(), Dense(20, "relu"), Dense(10, "softmax")))
BOTH = Variant(
    16, "both", "accuracy", "Both.", "mnist", data="digits", members=(FIRST, SECOND), seeds=2,
    loss="sparse_categorical_crossentropy", registered=True,
)  # fmt: skip
STUDENT = replace(
    SECOND,
    name="student",
    loss="categorical_crossentropy",
    distillation=Distillation("both", copies=2, augmentation=Augmentation(shift=1.0)),
)
SMALL = (FIRST, SECOND, BOTH, STUDENT)
NAMES = [variant.name for variant in SMALL]


@pytest.fixture(scope="module", autouse=True)
def small_recipes():
    with pytest.MonkeyPatch.context() as monkeypatch:
        for variant in SMALL:
            monkeypatch.setitem(VARIANTS, variant.name, variant)
        yield


@pytest.fixture(scope="module")
def trained_home(tmp_path_factory, prefect, small_recipes):
    """A state folder in which the small recipes were trained."""
    home = tmp_path_factory.mktemp("recipes")
    with pytest.MonkeyPatch.context() as monkeypatch:
        enter(home, monkeypatch)
        lecture(NAMES)
    return home


@pytest.fixture
def home(trained_home, monkeypatch):
    enter(trained_home, monkeypatch)
    return trained_home


def decided() -> dict[str, tuple[str, ...]]:
    """All that training and the gate chose, by variant."""
    context = Context.open()
    registry, runs = context.registry, context.tracking.newest_by_variant()
    return {
        version.tags["variant"]: (
            version.tags["seed"],
            version.tags["temperature"],
            version.tags["onnx_sha256"],
            version.decision,
            runs[version.tags["variant"]].data.tags["weights_sha256"],
        )
        for version in registry.versions("offline-digits")
    }


@pytest.mark.slow
def test_a_committee_and_its_student_are_judged_like_any_network(home):
    assert decided().keys() == set(NAMES)
    runs = Context.open().tracking.newest_by_variant()
    metrics = {name: runs[name].data.metrics for name in NAMES}
    assert metrics["student"]["val_accuracy"] > 0.7
    members = [metrics[name]["parameters"] for name in ("first", "second")]
    assert metrics["both"]["parameters"] == sum(members)


@pytest.mark.slow
def test_the_leaderboard_ranks_by_validation_accuracy(home):
    context = Context.open()
    found = ranked(context.tracking, context.registry)
    assert {entry.name for entry in found} == set(NAMES)
    shares = [entry.val_accuracy_mean for entry in found]
    assert shares == sorted(shares, reverse=True)
    assert all(entry.onnx_ms > 0 for entry in found)
    assert all(entry.seeds == 2 for entry in found)


@pytest.fixture
def environment():
    """What a command exports to MLflow and Prefect is removed again."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.mark.slow
@pytest.mark.usefixtures("environment")
def test_the_leaderboard_is_printed_and_is_json_for_a_program(home):
    printed = CliRunner().invoke(main, ["leaderboard"])
    assert printed.exit_code == 0
    assert all(name in printed.output for name in NAMES)
    rows = json.loads(CliRunner().invoke(main, ["leaderboard", "--json"]).output)
    assert rows[0].keys() >= {
        "name", "seeds", "val_accuracy_mean", "test_accuracy_mean", "test_accuracy_std",
        "parameters", "train_seconds", "onnx_ms", "ece",
    }  # fmt: skip


@pytest.mark.slow
def test_other_test_digits_change_no_decision(home, tmp_path, monkeypatch):
    before = decided()
    honest = datasets.digits

    def with_other_test_digits(source: str) -> datasets.Dataset:
        data = honest(source)
        shuffled = np.random.default_rng(0).permutation(data.arrays["y_test"])
        noise = np.random.default_rng(1).random(data.arrays["x_test"].shape, np.float32)
        return datasets.Dataset(
            data.name, data.source, data.arrays | {"y_test": shuffled, "x_test": noise}
        )

    reported = Context.open().tracking.newest_by_variant()["both"].data.metrics["test_accuracy"]
    enter(tmp_path, monkeypatch)
    monkeypatch.setattr(datasets, "digits", with_other_test_digits)
    lecture(NAMES)
    now = Context.open().tracking.newest_by_variant()["both"].data.metrics["test_accuracy"]
    assert abs(now - reported) > 0.3  # the test digits were different
    assert {name: chosen[:3] + chosen[4:] for name, chosen in decided().items()} == {
        name: chosen[:3] + chosen[4:] for name, chosen in before.items()
    }


@pytest.mark.slow
@pytest.mark.usefixtures("prefect")
def test_members_and_teachers_that_are_not_trained_yet_come_first(tmp_path, monkeypatch):
    enter(tmp_path, monkeypatch)
    first = lecture(["student"])
    assert [row.name for row in first.rows] == ["first", "second", "both", "student"]
    assert not first.failed
    again = lecture(["student"])
    assert [row.name for row in again.rows] == ["student"]


# --- on a store without runs ----------------------------------------------------------------------


DIGITS = Dataset("digits", "offline-digits", {"x_train": np.zeros((2, 28, 28), np.float32)})


@pytest.fixture
def context(store) -> Context:
    return Context.of(store.settings)


def test_what_a_row_depends_on_precedes_it_and_own_rows_come_last(context):
    own = replace(BOTH, name="own committee")
    chosen = upstream.with_untrained(context, [own, STUDENT], "mnist", quick=False)
    assert [variant.name for variant in chosen] == [*NAMES, "own committee"]


def test_newer_networks_on_other_digits_do_not_hide_those_on_these(context):
    """As after a run without MNIST: neither used for it, nor trained again."""
    runs = {}
    experiment = context.tracking.experiment(FIRST.question)
    for source in ("offline-digits", "mnist", "offline-digits", "unmarked"):
        about = {tags.VARIANT: "first", tags.DATA_SOURCE: source.replace("unmarked", "mnist")}
        with context.tracking.run(experiment, "first", about) as run_id:
            runs[source] = run_id
        if source != "unmarked":
            context.tracking.make_newest(run_id, "first", experiment)
    found = {
        source: upstream._newest_run(context, "first", source, quick=False)
        for source in ("mnist", "offline-digits")
    }
    assert {source: run.info.run_id for source, run in found.items()} == {
        source: runs[source] for source in found
    }
    assert upstream.with_untrained(context, [FIRST], "mnist", quick=False) == [FIRST]
    untrained = replace(BOTH, members=(FIRST,))
    for source, expected in (("mnist", []), ("own", [FIRST])):
        chosen = upstream.with_untrained(context, [untrained], source, quick=False)
        assert [variant for variant in chosen if variant.name == "first"] == expected


@pytest.mark.parametrize(("quick", "command"), [(True, "first --quick"), (False, "first")])
def test_a_committee_without_trained_members_says_what_to_train(context, quick, command):
    with pytest.raises(
        WrongUse, match=rf"no networks of first .* offline-digits; `ann run {command}` trains"
    ):
        upstream.committee(context, BOTH, DIGITS, quick)


@pytest.fixture
def networks_of_first(context) -> Training:
    """A finished run of the first network's, whose second seed is the best."""
    shape = (28, 28)
    models = [networks.build(FIRST, shape, seed) for seed in (4, 7)]
    trained = Training(models, (4, 7), {"train_loss": np.array([[0.5, 0.25]])}, seconds=1.0)
    experiment = context.tracking.experiment(FIRST.question)
    about = {tags.VARIANT: "first", tags.DATA_SOURCE: "offline-digits"}
    with context.tracking.run(experiment, "first", about) as run_id:
        context.tracking.client.log_metric(run_id, "best_seed", 7)
        trained.save(context.settings.home / "training.npz")
        context.tracking.client.log_artifact(run_id, str(context.settings.home / "training.npz"))
    context.tracking.make_newest(run_id, "first", experiment)
    return trained


def test_a_student_learns_from_its_teachers_best_seed_and_the_set_is_made_once(
    context, networks_of_first, monkeypatch
):
    teachers, progress = [], []

    def distilled(data, teacher, settings, report):
        teachers.append(teacher)
        report(1, 2)
        return Dataset("small", data.source, {"x": np.arange(3.0)})

    monkeypatch.setattr(committee, "distilled", distilled)
    student = replace(STUDENT, distillation=replace(STUDENT.distillation, teacher="first"))
    for _ in range(2):
        found = upstream.distillation_set(
            context, student, DIGITS, False, lambda *done: progress.append(done)
        )
        (path,) = context.settings.data.glob("*_distilled-*.npz")
        np.testing.assert_array_equal(found.arrays["x"], np.arange(3.0))
        used = path.stat().st_mtime
        os.utime(path, (1, 1))
    assert used > 1  # so that `ann prune` keeps what was used lately
    assert [teacher.seeds for teacher in teachers] == [(7,)]
    assert teachers[0].weights_sha256 == networks_of_first.only(7).weights_sha256
    assert progress == [(1, 2, 0.0)]


def test_a_students_set_that_is_removed_just_before_its_use_is_made_again(
    context, networks_of_first, monkeypatch
):
    monkeypatch.setattr(
        committee, "distilled", lambda *_: Dataset("small", "made", {"x": np.ones(3)})
    )
    exists = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: "_distilled-" in path.name or exists(path))
    student = replace(STUDENT, distillation=replace(STUDENT.distillation, teacher="first"))
    found = upstream.distillation_set(context, student, DIGITS, False, lambda *_: None)
    np.testing.assert_array_equal(found.arrays["x"], np.ones(3))


def test_members_with_fewer_seeds_than_their_committee_are_wrong_use(context, networks_of_first):
    many = replace(BOTH, members=(FIRST,), seeds=3)
    with pytest.raises(WrongUse, match=r"needs 3 seeds of first; seeds \[0, 1, 2\]"):
        upstream.committee(context, many, DIGITS, quick=False)
