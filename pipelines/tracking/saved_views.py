"""The format in which MLflow's UI keeps a saved view of its runs page.

MLflow 3.17 keeps it as the experiment tag `mlflow.sharedViewState.<id>`: a name, two dates and the
page's state as JSON text. The format belongs to its UI alone: a test opens a view in a browser and
says so when a new MLflow no longer understands it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

Chart = dict[str, Any]


def line(*metrics: str, log: Literal["", "x", "y", "xy"] = "") -> Chart:
    """Metrics by step, every run a line; `log` names the logarithmic axes."""
    return {
        "type": "LINE",
        "metricKey": metrics[0],
        "selectedMetricKeys": metrics,
        "xAxisKey": "step",
        "xAxisScaleType": "log" if "x" in log else "linear",
        "scaleType": "log" if "y" in log else "linear",
        "lineSmoothness": 0,  # the UI would smooth
    }


def timeline(*metrics: str) -> Chart:
    """Metrics by the time at which each run logged them, every run a dot."""
    return line(*metrics) | {"xAxisKey": "time"}


def bar(*metrics: str) -> Chart:
    """The last values of metrics, every run a bar."""
    return {"type": "BAR", "metricKey": metrics[0], "selectedMetricKeys": metrics}


def scatter(x: str, y: str) -> Chart:
    """One final metric against another, every run a dot."""
    axes = {"xaxis": x, "yaxis": y}
    return {"type": "SCATTER"} | {a: {"key": key, "type": "METRIC"} for a, key in axes.items()}


def parallel(parameter: str, *metrics: str) -> Chart:
    """Parallel coordinates from a numeric parameter to final metrics, every run a path."""
    return {"type": "PARALLEL", "selectedParams": [parameter], "selectedMetrics": metrics}


def parallel_of(parameters: Sequence[str], metric: str) -> Chart:
    """Parallel coordinates from several parameters, numbers or texts, to one final metric."""
    return {"type": "PARALLEL", "selectedParams": [*parameters], "selectedMetrics": [metric]}


def images(key: str) -> Chart:
    """The image that each of the first ten runs logged under this key, side by side."""
    return {"type": "IMAGE", "imageKeys": [key], "step": 0, "showRunParams": False}


@dataclass(frozen=True)
class Section:
    """Charts below one heading; the UI hides those without data.

    Attributes:
        name: the heading; the UI cuts it off after about 50 characters.
        charts: from left to right, then down.
        columns: charts side by side.
        height: of each chart, in pixels.
    """

    name: str
    charts: tuple[Chart, ...]
    columns: int = 2
    height: int = 330


@dataclass(frozen=True)
class View:
    """One saved view of an experiment's runs: a filter, a table and charts.

    Attributes:
        id: stable, because links hang on it.
        name: how the UI's menu of views calls it.
        columns: of the table: `metrics.…` and `params.…`, beside the run's name and description.
        sections: the charts, from top to bottom.
        runs: which of the experiment's runs, in MLflow's filter language.
        group_by: the parameter whose equal values are drawn as one mean with its range.
    """

    id: str
    name: str
    columns: tuple[str, ...]
    sections: tuple[Section, ...]
    runs: str
    group_by: str = ""


def tags(views: tuple[View, ...]) -> dict[str, str]:
    """The experiment tags that put these views into the UI's menu, in this order."""
    return {
        f"mlflow.sharedViewState.{view.id}": _compact(
            {
                "name": view.name,
                "createdAt": -place,  # the menu begins with the latest
                "updatedAt": -place,
                "state": _compact(_state(view)),
            }
        )
        for place, view in enumerate(views)
    }


def link(base_url: str, experiment_id: str, view_id: str) -> str:
    """Where a view opens; with an empty `base_url` the link works within MLflow's own pages."""
    query = urlencode(
        {
            "viewStateShareKey": view_id,
            "compareRunsMode": "CHART",
            "workflowType": "machine_learning",  # without the UI's pages for language models
        }
    )
    path = f"#/experiments/{experiment_id}/runs?{query}"
    return f"{base_url.rstrip('/')}/{path}" if base_url else path


def _state(view: View) -> dict[str, Any]:
    """The state of the UI's runs page."""
    sections = [
        {
            "uuid": f"{view.id}-{i}",
            "name": section.name,
            "display": True,
            "columns": section.columns,
            "cardHeight": section.height,
        }
        for i, section in enumerate(view.sections)
    ]
    rest = [  # where the UI puts a chart for every metric that no chart above shows: folded
        {"uuid": f"{view.id}-{name}", "name": name, "display": False}
        for name in ("Model metrics", "spread", "seeds", "System metrics")
    ]
    charts = [
        chart | {"uuid": f"{view.id}-{i}-{j}", "metricSectionId": f"{view.id}-{i}"}
        for i, section in enumerate(view.sections)
        for j, chart in enumerate(section.charts)
    ]
    return {
        "searchFilter": view.runs,
        "orderByKey": "attributes.start_time",
        "orderByAsc": False,  # newest first, so that the images begin with the oldest
        "runsHiddenMode": "SHOW_ALL",
        "selectedColumns": [_column(name) for name in ("attributes.Description", *view.columns)],
        "groupBy": _group(view.group_by) if view.group_by else None,
        "compareRunCharts": charts,
        "compareRunSections": sections + rest,
        "isAccordionReordered": True,  # keeps our order of the sections
    }


def _column(name: str) -> str:
    kind, key = name.split(".", 1)
    return f"{kind}.`{key}`"


def _group(parameter: str) -> dict[str, Any]:
    return {
        "aggregateFunction": "average",
        "groupByKeys": [{"mode": "param", "groupByData": parameter}],
    }


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
