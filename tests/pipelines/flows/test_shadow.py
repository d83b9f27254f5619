"""Shadow mode: switched on by one setting, its verdict beside the gate's."""

import pytest
from click.testing import CliRunner

from pipelines.candidate import ShadowResult
from pipelines.cli.main import main
from pipelines.errors import WrongUse
from pipelines.flows import lecture
from pipelines.flows.context import Context
from pipelines.flows.shadow import sentence
from tests.support.served import DIGITS, NAME, asked

pytestmark = pytest.mark.usefixtures("prefect")


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


@pytest.mark.slow
def test_the_verdict_names_what_it_rests_on(home):
    champion = Context.open().registry.champion(NAME)
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
