"""What a study found becomes metrics and files: curves by epoch, series by step."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from ann_models import archives
from ann_models.figures.animation import Animation
from ann_models.findings import Findings
from pipelines.tracking import content, views

NOW = 1_700_000_000_000


def history(findings: Findings, metric: str) -> dict[int, float]:
    found = content.metrics_of(findings, NOW)
    assert {each.timestamp for each in found} <= {NOW}
    return {each.step: each.value for each in found if each.key == metric}


def test_curves_are_metrics_by_epoch_and_the_first_epoch_is_one():
    curves = {"train_loss": np.array([[4.0, 2.0], [3.0, 1.0]])}
    assert history(Findings(curves=curves), "train_loss") == {1: 3.0, 2: 2.0}  # mean over the seeds


def test_the_final_measure_is_the_last_value_of_its_curve():
    findings = Findings({"val_accuracy": 0.975}, {"val_accuracy": np.array([0.9, 0.95, 0.97])})
    assert history(findings, "val_accuracy") == {1: 0.9, 2: 0.95, 3: 0.975}
    assert len(content.metrics_of(findings, NOW)) == 3


def test_a_curve_without_a_final_measure_ends_with_its_own_last_value():
    assert history(Findings({}, {"loss": np.array([0.9, 0.97])}), "loss") == {1: 0.9, 2: 0.97}


def test_seeds_that_stopped_early_count_as_long_as_they_trained():
    curve = np.array([[4.0, 2.0], [3.0, np.nan], [np.nan, np.nan]])
    assert history(Findings(curves={"loss": curve}), "loss") == {1: 3.0, 2: 3.0}


def test_of_a_curve_without_a_number_there_is_no_metric():
    findings = Findings({"loss": 1.0}, {"loss": np.full((3, 2), np.nan)})
    assert content.metrics_of(findings, NOW) == []


@pytest.mark.parametrize(("epochs", "points"), [(99, 99), (100, 100), (101, None), (5000, None)])
def test_a_short_curve_keeps_every_epoch_and_a_long_one_is_denser_at_its_start(epochs, points):
    steps = list(history(Findings(curves={"loss": np.arange(epochs) * 1.0}), "loss"))
    if points:
        assert steps == list(range(1, points + 1))
    else:
        assert len(steps) <= 100
        assert steps[:5] == [1, 2, 3, 4, 5]
        gaps = np.diff(steps)
        assert gaps[-1] == gaps.max() > 1


@given(st.integers(1, 20_000), st.integers(1, 3), st.integers(0, 5))
def test_a_long_curve_keeps_its_ends_in_a_hundred_points(epochs, seeds, stopped):
    curve = np.arange(epochs * seeds, dtype=float).reshape(epochs, seeds)
    curve[max(1, epochs - stopped) :] = np.nan  # after the seeds stopped early
    steps = [metric.step for metric in content._curve("loss", curve, None, 0)]
    assert len(steps) <= content.CURVE_POINTS
    assert (steps[0], steps[-1]) == (1, max(1, epochs - stopped))
    assert steps == sorted(set(steps))


def test_series_are_metrics_by_their_own_step():
    series = {"seeds/max_error": {0: 0.5, 1: 0.25}, "test_error_by_train_size": {500: 0.1}}
    findings = Findings(series=series)
    assert history(findings, "seeds/max_error") == {0: 0.5, 1: 0.25}
    assert history(findings, "test_error_by_train_size") == {500: 0.1}


def test_a_number_is_a_metric_at_step_zero():
    assert history(Findings({"max_error": np.float32(0.5)}), "max_error") == {0: 0.5}


@pytest.mark.parametrize("name", views.IN_PERCENT)
def test_a_small_share_is_logged_in_per_cent_too(name):
    found = content.metrics_of(Findings({name: 0.0042, "train_mse": 0.0042}), NOW)
    assert {(each.key, each.step): each.value for each in found} == {
        (name, 0): 0.0042,
        (f"{name}_percent", 0): pytest.approx(0.42),
        ("train_mse", 0): 0.0042,
    }


def test_each_kind_of_finding_has_a_folder_of_its_own(tmp_path):
    figure = Figure(figsize=(2, 1))
    figure.add_subplot().plot([1, 2])
    (tmp_path / "weights").write_bytes(b"weights")
    findings = Findings(
        curves={"loss": np.ones((2, 3))},
        arrays={"fitted": np.arange(5.0)},
        figures={"curve": figure, "again": figure},
        tables={"seeds": {"seed": [0, 1], "loss": [np.float32(0.5), 0.25]}, "none": {}},
        animations={
            name: Animation([0, 7], np.zeros((2, 4, 6, 3), np.uint8)) for name in ("a", "b")
        },
    )
    folder = tmp_path / "run"
    folder.mkdir()
    content.write_files(folder, findings, {"training.npz": tmp_path / "weights"})
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    assert files == {
        "figures/curve.png",
        "figures/again.png",
        "animations/a.gif",
        "animations/b.gif",
        "tables/seeds.json",
        "tables/none.json",
        "curves.npz",
        "training.npz",
    }
    assert (folder / "training.npz").read_bytes() == b"weights"
    assert json.loads((folder / "tables/seeds.json").read_text())["loss"] == [0.5, 0.25]
    arrays = archives.read(folder / "curves.npz")
    assert {name: array.shape for name, array in arrays.items()} == {
        "loss": (2, 3),
        "fitted": (5,),
    }
    assert (folder / "animations/a.gif").read_bytes().startswith(b"GIF8")
    assert (folder / "figures/curve.png").read_bytes()[16:24] == (
        (200).to_bytes(4, "big") + (100).to_bytes(4, "big")
    )


def test_of_what_was_not_found_there_is_no_folder(tmp_path):
    content.write_files(tmp_path, Findings({"answer": 42.0}), {})
    assert [path.name for path in tmp_path.iterdir()] == ["curves.npz"]


@pytest.mark.parametrize(
    ("installed", "named"), [("tensorflow", "tensorflow"), ("tensorflow-cpu", "tensorflow-cpu")]
)
def test_the_packages_of_a_model_are_those_that_are_installed(monkeypatch, installed, named):
    class Installed:
        def __init__(self, name: str) -> None:
            self.name = name

    everything = [Installed(name) for name in ("keras", "numpy", "scipy", installed)]
    monkeypatch.setattr(content.importlib.metadata, "distributions", lambda: everything)
    monkeypatch.setattr(content.importlib.metadata, "version", lambda name: f"1.0+{name}")
    found = content.requirements.__wrapped__()
    assert found == ["keras==1.0+keras", f"{named}==1.0+{named}", "numpy==1.0+numpy"]
