"""A store that was written before tags, history and model cards had their present form."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pipelines import settings
from pipelines.maintenance.leaderboard import ranked
from pipelines.registry.client import Registry
from pipelines.tracking.client import Tracking

ROWS = Path(__file__).parents[2] / "support" / "earlier_store.sql"
NAME = "mnist-digits"


@pytest.fixture
def tracking(tmp_path, empty_store) -> Tracking:
    """Three digit networks and their versions, another run, and an overview."""
    (tmp_path / "mlflow.db").write_bytes(empty_store)
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as database:
        database.executescript(ROWS.read_text().replace("{HOME}", str(tmp_path)))
    return Tracking(settings.load({"ANN_HOME": str(tmp_path)})).open()


@pytest.fixture
def registry(tracking) -> Registry:
    return Registry(tracking.settings.tracking_uri, tracking.settings.home)


def test_its_runs_are_found_by_variant(tracking):
    runs = tracking.newest_by_variant()
    assert {"mnist_ann", "mnist_cnn", "mnist_augmented", "xor_mlp"} == runs.keys()
    assert {run.data.tags["data_source"] for run in runs.values()} == {"mnist", "generated"}


def test_its_versions_keep_their_decisions_reasons_and_numbers(registry):
    third, second, first = registry.versions(NAME)
    assert [v.decision for v in (first, second, third)] == ["promoted", "promoted", "refused"]
    assert [v.aliases for v in (first, second, third)] == [
        ("previous",),
        ("champion",),
        ("challenger",),
    ]
    assert second.data_source == "mnist"
    assert second.variant == "mnist_cnn"
    assert second.metrics["val_errors"] == 173
    assert second.metrics["only_challenger_right"] == 154
    assert "significantly better" in second.reasons[-1]


@pytest.fixture
def with_files(registry, monkeypatch) -> Registry:
    """The rows alone are of an earlier store: its files count as found."""
    monkeypatch.setattr(registry.artifacts, "verify", lambda version: None)
    return registry


def test_its_champion_is_the_current_one_and_can_be_rolled_back(with_files):
    registry = with_files
    assert registry.current_champion().number == "2"
    assert registry.history(NAME) == []
    assert registry.rollback(NAME).number == "1"
    (event,) = registry.history(NAME)
    assert (event.action, event.version, event.champion) == ("rolled back", "1", "2")


def test_a_version_of_it_can_be_promoted_by_hand_and_gets_a_card(with_files):
    registry = with_files
    registry.promote(registry.version(NAME, "3"), "for the old phones")
    description = registry.client.get_model_version(NAME, "3").description
    assert description.startswith("**Champion**: promoted by ")
    assert "for the old phones" in description.splitlines()[0]
    assert "`mnist_augmented`, seed 0" in description


def test_its_networks_are_on_the_leaderboard(tracking, registry):
    found = {entry.name: entry for entry in ranked(tracking, registry)}
    assert found["mnist_cnn"].onnx_ms == pytest.approx(0.0227, abs=1e-4)
