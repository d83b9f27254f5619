"""Networks that depend on others' networks; and that no decision sees a test digit."""

import json
import os
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from ann_models import datasets
from ann_models.digits.augmentation import Augmentation
from ann_models.entry import Dense, Distillation, Flatten, Variant
from ann_models.variants import VARIANTS
from pipelines.cli.main import main
from pipelines.errors import WrongUse
from pipelines.flows import upstream
from pipelines.flows.context import Context
from pipelines.flows.lecture import lecture
from pipelines.maintenance.leaderboard import ranked
from pipelines.tracking import tags
from tests.support.served import enter

pytestmark = [pytest.mark.usefixtures("prefect"), pytest.mark.slow]

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


def test_a_committee_and_its_student_are_judged_like_any_network(home):
    assert decided().keys() == set(NAMES)
    runs = Context.open().tracking.newest_by_variant()
    metrics = {name: runs[name].data.metrics for name in NAMES}
    assert metrics["student"]["val_accuracy"] > 0.7
    members = [metrics[name]["parameters"] for name in ("first", "second")]
    assert metrics["both"]["parameters"] == sum(members)


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


def test_members_and_teachers_that_are_not_trained_yet_come_first(tmp_path, monkeypatch):
    enter(tmp_path, monkeypatch)
    first = lecture(["student"])
    assert [row.name for row in first.rows] == ["first", "second", "both", "student"]
    assert not first.failed
    again = lecture(["student"])
    assert [row.name for row in again.rows] == ["student"]


def test_newer_networks_on_other_digits_do_not_hide_those_on_these(tmp_path, monkeypatch):
    """As after a run without MNIST: neither used for it, nor trained again."""
    enter(tmp_path, monkeypatch)
    context, runs = Context.open(), {}
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


def test_a_committee_without_trained_members_says_what_to_train(home):
    context, data = Context.open(), datasets.digits("offline-digits")
    with pytest.raises(WrongUse, match=r"no networks of first .* offline-digits; `ann run first"):
        upstream.committee(context, BOTH, data, quick=True)
