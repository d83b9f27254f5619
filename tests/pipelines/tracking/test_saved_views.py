"""The format of MLflow's saved views, field by field; `test_views.py` opens some in a browser."""

import json

import pytest

from pipelines.tracking import saved_views
from pipelines.tracking.saved_views import (
    Section,
    View,
    bar,
    images,
    line,
    link,
    parallel,
    parallel_of,
    scatter,
    timeline,
)

FIRST = View(
    "first",
    "The first",
    ("metrics.val_loss", "params.epochs"),
    (Section("Curves", (line("a"), bar("b")), columns=3, height=200), Section("Rest", (bar("c"),))),
    "tags.latest = 'true'",
    group_by="epochs",
)
SECOND = View("second", "The second", (), (), "")


def test_a_column_is_quoted_after_its_kind_whatever_dots_its_name_has():
    view = View("v", "v", ("params.layers.0.units",), (), "")
    assert state(view)["selectedColumns"] == ["attributes.`Description`", "params.`layers.0.units`"]


def state(view: View) -> dict:
    (tag,) = saved_views.tags((view,)).values()
    return json.loads(json.loads(tag)["state"])


@pytest.mark.parametrize(
    ("log", "x", "y"),
    [
        ("", "linear", "linear"),
        ("x", "log", "linear"),
        ("y", "linear", "log"),
        ("xy", "log", "log"),
    ],
)
def test_a_line_chart_has_the_logarithmic_axes_that_are_named(log, x, y):
    chart = line("train_loss", "val_loss", log=log)
    assert (chart["xAxisScaleType"], chart["scaleType"]) == (x, y)
    assert chart["metricKey"] == "train_loss"
    assert chart["selectedMetricKeys"] == ("train_loss", "val_loss")
    assert (chart["xAxisKey"], chart["lineSmoothness"]) == ("step", 0)


def test_a_timeline_is_a_line_chart_by_time():
    assert timeline("drift") == line("drift") | {"xAxisKey": "time"}


def test_the_other_charts_name_their_metrics_and_parameters():
    assert bar("a", "b") == {"type": "BAR", "metricKey": "a", "selectedMetricKeys": ("a", "b")}
    assert scatter("a", "b")["xaxis"] == {"key": "a", "type": "METRIC"}
    assert scatter("a", "b")["yaxis"] == {"key": "b", "type": "METRIC"}
    assert parallel("epochs", "a", "b")["selectedParams"] == ["epochs"]
    assert parallel("epochs", "a", "b")["selectedMetrics"] == ("a", "b")
    assert parallel_of(("epochs", "lr"), "a")["selectedParams"] == ["epochs", "lr"]
    assert parallel_of(("epochs", "lr"), "a")["selectedMetrics"] == ["a"]
    assert images("pixels") == {
        "type": "IMAGE",
        "imageKeys": ["pixels"],
        "step": 0,
        "showRunParams": False,
    }


def test_the_menu_begins_with_the_first_view_and_the_ui_sorts_by_date():
    found = saved_views.tags((FIRST, SECOND))
    assert list(found) == ["mlflow.sharedViewState.first", "mlflow.sharedViewState.second"]
    dates = [(v["createdAt"], v["updatedAt"]) for v in map(json.loads, found.values())]
    assert dates == [(0, 0), (-1, -1)]
    assert json.loads(found["mlflow.sharedViewState.first"])["name"] == "The first"


def test_each_chart_is_in_its_section_and_the_uis_own_sections_are_folded():
    found = state(FIRST)
    places = [(c["uuid"], c["metricSectionId"]) for c in found["compareRunCharts"]]
    assert places == [
        ("first-0-0", "first-0"),
        ("first-0-1", "first-0"),
        ("first-1-0", "first-1"),
    ]
    ours, rest = found["compareRunSections"][:2], found["compareRunSections"][2:]
    assert [(s["uuid"], s["columns"], s["cardHeight"]) for s in ours] == [
        ("first-0", 3, 200),
        ("first-1", 2, 330),
    ]
    assert all(section["display"] for section in ours)
    assert not any(section["display"] for section in rest)
    assert len({s["uuid"] for s in found["compareRunSections"]}) == 6
    assert found["isAccordionReordered"]


def test_the_table_shows_the_newest_run_first_with_quoted_columns():
    found = state(FIRST)
    assert (found["orderByKey"], found["orderByAsc"]) == ("attributes.start_time", False)
    assert found["searchFilter"] == "tags.latest = 'true'"
    assert found["selectedColumns"] == [
        "attributes.`Description`",
        "metrics.`val_loss`",
        "params.`epochs`",
    ]


def test_runs_are_grouped_by_a_parameter_only_where_the_view_asks_for_it():
    assert state(FIRST)["groupBy"]["groupByKeys"] == [{"mode": "param", "groupByData": "epochs"}]
    assert state(SECOND)["groupBy"] is None


def test_a_link_works_within_mlflows_pages_and_from_elsewhere():
    inside = link("", "7", "first")
    assert inside.startswith("#/experiments/7/runs?viewStateShareKey=first&compareRunsMode=CHART")
    assert link("http://h:5000/", "7", "first") == f"http://h:5000/{inside}"
