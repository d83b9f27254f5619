"""Shadow mode: switched on by one setting, its verdict beside the gate's."""

import shutil
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from ann_models.datasets import Dataset
from pipelines.candidate import ShadowResult
from pipelines.cli.main import main
from pipelines.errors import WrongUse
from pipelines.feedback.shadow import answers
from pipelines.flows import lecture, shadow
from pipelines.flows.context import Context, DataFile
from pipelines.flows.shadow import before_the_gate, sentence
from pipelines.registry.versions import Version
from tests.support import promoted
from tests.support.served import DIGITS, NAME, asked, enter

IMAGES = DIGITS["x_test"][:20]


@pytest.fixture(scope="module")
def two_versions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder with two untrained versions, the first of them the champion."""
    home = tmp_path_factory.mktemp("two-versions")
    registry = promoted.register(home)
    registry.promote(registry.version(NAME, "1"), "for the tests")
    return home


@pytest.fixture
def context(two_versions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Context:
    """A job there, but for the feedback, which is the test's own; tasks are called as functions."""
    shutil.copy(two_versions / "mlflow.db", tmp_path)
    enter(tmp_path, monkeypatch)
    monkeypatch.setenv("ANN_SHADOW", "1")
    monkeypatch.setattr(shadow, "observe_requests", shadow.observe_requests.fn)
    return Context.open()


def version(context: Context, number: int) -> Version:
    return context.registry.version(NAME, str(number))


def observed(context: Context, run_id: str | None = None, accepted: DataFile | None = None):
    """What shadow mode finds of version 2, and its metrics."""
    challenger, champion = version(context, 2), version(context, 1)
    return shadow.observe_requests(context, challenger, champion, accepted, run_id)


def digits_of(context: Context, number: int) -> np.ndarray:
    onnx = context.registry.artifacts.onnx_bytes(version(context, number))
    return answers(onnx, IMAGES).digits


def test_the_verdict_is_on_the_run_and_the_version_and_the_metrics_are_on_the_run(
    context, tmp_path
):
    asked(tmp_path, IMAGES)
    run_id = version(context, 2).run_id
    seen, metrics = observed(context, run_id)
    assert seen.requests == metrics["shadow_images"] == 20
    run = context.tracking.client.get_run(run_id)
    assert {name: run.data.metrics[name] for name in metrics} == metrics
    assert run.data.tags["shadow"] == version(context, 2).tags["shadow"]
    assert run.data.tags["shadow"].startswith("too few requests: ")
    assert "shadow" not in version(context, 1).tags


def test_a_challenger_without_a_run_is_observed_all_the_same(context, tmp_path):
    asked(tmp_path, IMAGES)
    assert observed(context)[0].requests == 20
    assert "of 20 recent requests" in version(context, 2).tags["shadow"]


@pytest.mark.parametrize(("days", "count"), [(29, 20), (31, 0)])
def test_requests_of_the_last_thirty_days_are_answered(context, tmp_path, monkeypatch, days, count):
    asked(tmp_path, IMAGES)
    now = time.time() + days * 86_400
    monkeypatch.setattr(time, "time", lambda: now)
    assert observed(context)[0].requests == count


def test_accepted_corrections_are_what_is_expected_and_those_held_out_compare_the_two(
    context, tmp_path
):
    asked(tmp_path, IMAGES)
    mine, theirs = digits_of(context, 2), digits_of(context, 1)
    arrays = {"x": IMAGES, "y": mine, "times": np.arange(20.0)}
    path = tmp_path / "accepted.npz"
    Dataset("corrections", "corrections", arrays).save(path)

    seen, metrics = observed(context, accepted=DataFile(str(path), "corrections", ""))

    assert np.count_nonzero(mine == theirs) < seen.agreed == 20
    assert 0 < metrics["held_out_corrections"] < 20
    assert metrics["held_out_accuracy"] == 1 > metrics["champion_held_out_accuracy"]


def test_without_accepted_corrections_the_champions_answers_are_expected(context, tmp_path):
    asked(tmp_path, IMAGES)
    seen, metrics = observed(context)
    assert seen.agreed == np.count_nonzero(digits_of(context, 2) == digits_of(context, 1))
    assert metrics["held_out_corrections"] == 0


def test_the_gate_gets_what_shadow_mode_found_of_the_challenger(context, tmp_path):
    asked(tmp_path, IMAGES)
    seen = before_the_gate(context, version(context, 2))
    assert seen is not None and seen == observed(context)[0]


def test_the_gate_gets_nothing_where_shadow_mode_is_off(context, monkeypatch):
    monkeypatch.setenv("ANN_SHADOW", "0")
    assert before_the_gate(Context.open(), version(context, 2)) is None


def test_the_gate_gets_nothing_of_the_champion_itself_or_without_one(context):
    assert before_the_gate(context, version(context, 1)) is None
    context.registry.client.delete_registered_model_alias(NAME, "champion")
    assert before_the_gate(context, version(context, 2)) is None


@pytest.fixture
def home(home_with_champion):
    return home_with_champion


def challenge() -> dict[str, str]:
    """Train a challenger in an ordinary run; the tags of its version."""
    lecture.lecture(["mnist_ann"], seeds=1)
    return dict(Context.open().registry.versions(NAME)[0].tags)


@pytest.mark.slow
def test_with_the_setting_a_challenger_answers_recent_requests_before_the_gate(home, monkeypatch):
    monkeypatch.setenv("ANN_SHADOW", "1")
    asked(home, DIGITS["x_test"][:120])
    found = challenge()
    assert found["shadow"].startswith("agrees: ")
    assert "of 120 recent requests as expected" in found["shadow"]
    assert "shadow requests like the champion" in found["reasons"]
    context = Context.open()
    run = context.tracking.client.get_run(context.registry.versions(NAME)[0].run_id)
    assert run.data.tags["shadow"] == found["shadow"]
    assert run.data.metrics["shadow_images"] == 120
    shown = CliRunner().invoke(main, ["models"]).stdout
    assert f"shadow mode: {found['shadow']}" in shown


@pytest.mark.slow
def test_without_the_setting_no_request_is_read(home):
    asked(home, DIGITS["x_test"][:120])
    found = challenge()
    assert "shadow" not in found
    assert "shadow requests" not in found["reasons"]


def test_the_verdict_names_what_it_rests_on(context):
    champion = version(context, 1)
    milliseconds = {"shadow_challenger_ms": 0.11, "shadow_champion_ms": 0.1}
    assert (
        sentence(ShadowResult(1000, 700, 0, 0), milliseconds, champion)
        == "disagrees: 700 of 1,000 recent requests as expected, 0.11 ms an image "
        "(version 1: 0.10)."
    )
    assert sentence(ShadowResult(2, 2, 0, 0), {}, champion) == (
        "too few requests: 2 of 2 recent requests as expected."
    )


def test_a_value_that_is_neither_on_nor_off_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("ANN_HOME", str(tmp_path))
    monkeypatch.setenv("ANN_SHADOW", "yes")
    with pytest.raises(WrongUse, match="ANN_SHADOW is 'yes'; set it to 1"):
        Context.open()
