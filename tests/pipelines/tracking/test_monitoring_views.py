"""The saved views of the drift watch and of retraining name what their runs log."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ann_models import drift as statistics
from pipelines.evaluation import evaluate
from pipelines.flows import drift, retraining
from pipelines.tracking import monitoring_views as views
from pipelines.tracking import tags

PREFIX = "mlflow.sharedViewState."


def states(title: str) -> dict[str, dict[str, Any]]:
    return {
        key.removeprefix(PREFIX): json.loads(json.loads(value)["state"])
        for key, value in views.views_for(title).items()
    }


def named(title: str, kind: str) -> set[str]:
    """The metrics or tags that the views of an experiment name."""
    names = set()
    for state in states(title).values():
        names |= set(re.findall(rf"{kind}\.`(\w+)`", " ".join(state["selectedColumns"])))
        if kind == "metrics":
            for chart in state["compareRunCharts"]:
                names |= set(chart["selectedMetricKeys"])
    return names


def test_every_monitoring_experiment_has_a_view() -> None:
    assert set(views.VIEWS) == {drift.EXPERIMENT, retraining.EXPERIMENT, evaluate.EXPERIMENT}
    assert views.views_for("Another") == {}


def test_an_experiments_note_leads_to_its_view() -> None:
    note = views.note(drift.EXPERIMENT, "What it is.", "7")
    assert note.startswith("What it is. · [")
    assert "#/experiments/7/runs?viewStateShareKey=drift&" in note


def test_the_view_of_own_pictures_has_a_bar_for_each_digit() -> None:
    charts = [
        c for state in states(evaluate.EXPERIMENT).values() for c in state["compareRunCharts"]
    ]
    bars = [chart["metricKey"] for chart in charts if chart["type"] == "BAR"]
    assert bars == [f"accuracy/{digit}" for digit in range(10)]


@pytest.mark.parametrize("title", list(views.VIEWS))
def test_charts_are_by_time_so_that_a_change_shows(title: str) -> None:
    for state in states(title).values():
        lines = [chart for chart in state["compareRunCharts"] if chart["type"] == "LINE"]
        assert lines
        assert {chart["xAxisKey"] for chart in lines} == {"time"}


def test_the_view_of_drift_names_only_metrics_that_a_comparison_logs() -> None:
    rng = np.random.default_rng(0)
    sample = statistics.Sample(
        rng.random((40, 28, 28), np.float32), rng.dirichlet(np.ones(10), 40).astype(np.float32)
    )
    embedding = statistics.Embedding(rng.random((100, 28, 28), np.float32))
    found = drift.findings(sample, sample, embedding, statistics.compare(sample, sample, embedding))
    assert named(drift.EXPERIMENT, "metrics") - {*found.metrics, "drifted_measures"} == set()


@pytest.mark.parametrize("title", list(views.VIEWS))
def test_views_name_only_tags_of_runs(title: str) -> None:
    known = {tags.VERDICT, tags.DRIFTED, tags.VERSION, tags.DECISION, tags.PICTURES, tags.VARIANT}
    known.add(tags.SHADOW)
    assert named(title, "tags") <= known


def test_the_view_of_retraining_names_only_metrics_that_its_code_logs() -> None:
    root = Path(drift.__file__).parents[2]
    folders = [root / "pipelines/flows", root / "pipelines/feedback", root / "ann_models/studies"]
    code = "\n".join(file.read_text() for folder in folders for file in folder.glob("*.py"))
    names = named(retraining.EXPERIMENT, "metrics")
    assert [name for name in names if f'"{name}"' not in code and f"{name}=" not in code] == []
