"""The views of each question: they name what runs log, under headings that can be read whole."""

import json
import re
from typing import Any

import pytest

from ann_models import datasets
from ann_models.entry import Variant
from ann_models.variants import QUESTIONS, VARIANTS
from pipelines.tracking import question_views, views
from tests.ann_models.studies.test_digits import tiny_digits
from tests.support.untrained import EPOCHS, an_untrained, study

PREFIX = "mlflow.sharedViewState."
IDS = [
    "one_neuron",
    "boundary",
    "neurons",
    "learning",
    "digits",
    "digits-own",
    "vanishing",
    "vanishing-own",
    "overfitting",
    "overfitting-penalty",
    "data",
    "data-runs",
    "data-runs-own",
    "hands",
    "accuracy",
    "accuracy-own",
]


def states(question: str) -> dict[str, dict[str, Any]]:
    tags = views.views_for(question)
    return {
        key.removeprefix(PREFIX): json.loads(json.loads(value)["state"])
        for key, value in tags.items()
    }


def metrics_of(state: dict[str, Any]) -> set[str]:
    """Every metric that a chart or a column of the state names."""
    names = {c[9:-1] for c in state["selectedColumns"] if c.startswith("metrics.")}
    for chart in state["compareRunCharts"]:
        names |= set(chart.get("selectedMetricKeys", ())) | set(chart.get("selectedMetrics", ()))
        names |= {chart[axis]["key"] for axis in ("xaxis", "yaxis") if axis in chart}
    return names


def test_every_question_has_a_view_that_bears_its_key() -> None:
    assert list(question_views.VIEWS) == list(QUESTIONS)
    assert all(several[0].id == question for question, several in question_views.VIEWS.items())


def test_view_ids_do_not_change_because_links_hang_on_them() -> None:
    assert [view.id for several in question_views.VIEWS.values() for view in several] == IDS


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_chart_stands_in_a_section_of_its_own_view(question: str) -> None:
    for state in states(question).values():
        sections = [section["uuid"] for section in state["compareRunSections"]]
        charts = [chart["uuid"] for chart in state["compareRunCharts"]]
        assert len(set(sections + charts)) == len(sections + charts)
        assert {chart["metricSectionId"] for chart in state["compareRunCharts"]} <= set(sections)


def logged_metrics(variant: Variant) -> set[str]:
    """The metrics of a run of this variant, as its study finds them on untrained networks."""
    on_digits = variant.data in ("digits", "mnist")
    data = tiny_digits() if on_digits else datasets.generate(variant.data, 0)
    training = an_untrained(variant, data) if variant.layers else None
    if training and variant.study == "vanishing_gradient":
        weights = [model.get_weights() for model in training.models]
        training.snapshots = dict.fromkeys(range(EPOCHS + 1), weights)
    found = study(variant, data, training)
    names = {*found.metrics, *found.curves, *found.series}
    by_the_job = {"train_seconds", "parameters"} if training else set()
    return names | by_the_job | {f"{name}_percent" for name in names & set(views.IN_PERCENT)}


def one_of_each_study(question: str) -> list[Variant]:
    """A variant for each study of a question; only with networks of its own, a candidate if any."""
    asked = [v for v in VARIANTS.values() if v.question == question and not v.members]
    return list({v.study: v for v in sorted(asked, key=lambda v: v.registered)}.values())


@pytest.mark.slow
@pytest.mark.parametrize("question", QUESTIONS)
def test_views_name_only_metrics_that_runs_log(question: str) -> None:
    logged = set().union(*map(logged_metrics, one_of_each_study(question)))
    for state in states(question).values():
        assert metrics_of(state) - logged == set()


@pytest.mark.parametrize("question", QUESTIONS)
def test_a_card_of_pictures_has_a_title_of_its_own(question: str) -> None:
    keys = {
        key
        for state in states(question).values()
        for chart in state["compareRunCharts"]
        for key in chart.get("imageKeys", ())
    }
    assert keys <= {question_views.PICTURES[question]}
    assert len(set(question_views.PICTURES.values())) == len(QUESTIONS)
    assert all(re.fullmatch("[a-zA-Z0-9_./ -]+", title) for title in keys)  # MLflow's rule


def test_headings_are_short_enough_to_be_read_whole() -> None:
    headings = [
        s.name for several in question_views.VIEWS.values() for v in several for s in v.sections
    ]
    assert max(map(len, headings)) <= 55


def sections() -> list[Any]:
    return [s for several in question_views.VIEWS.values() for v in several for s in v.sections]


def test_a_chart_alone_has_the_whole_width_and_others_share_it_in_two_columns() -> None:
    assert {(len(s.charts) == 1, s.columns) for s in sections()} == {(True, 1), (False, 2)}


def test_every_view_shows_the_newest_finished_runs() -> None:
    filters = {view.runs for several in question_views.VIEWS.values() for view in several}
    newest = "attributes.status = 'FINISHED' AND tags.latest = 'true'"
    assert all(each.startswith(newest) for each in filters)


def test_pictures_of_ones_own_are_compared_apart_from_the_lectures_digits() -> None:
    for question, several in question_views.VIEWS.items():
        on_digits = any(v.question == question and v.has_images for v in VARIANTS.values())
        own = [view for view in several if view.id.endswith("-own")]
        others = [view for view in several if view not in own]
        assert all(("AND params.data = 'digits'" in view.runs) == on_digits for view in others)
        assert all("AND params.data LIKE 'images:%'" in view.runs for view in own)
        assert not any("digits" in section.name for view in own for section in view.sections)


def test_a_questions_view_of_own_pictures_is_its_first_where_it_has_none() -> None:
    assert question_views.view_of("digits", own_pictures=True) == "digits-own"
    assert question_views.view_of("digits", own_pictures=False) == "digits"
    assert question_views.view_of("neurons", own_pictures=True) == "neurons"
    assert question_views.view_of("mine", own_pictures=True) == "mine"


def test_the_penalty_of_the_overfitting_rows_has_a_view_of_its_own() -> None:
    first, second = question_views.VIEWS["overfitting"]
    assert first.runs.endswith("AND params.row != '22'")
    assert second.runs.endswith("AND params.study = 'overfit'")
    asked = [v for v in VARIANTS.values() if v.question == "overfitting"]
    assert {v.row for v in asked if v.study == "overfit"} >= {19, 22}


def test_another_question_has_a_card_of_pictures_too() -> None:
    section = question_views.pictures_section("mine")
    assert section.name == "One figure of each run"
    (chart,) = section.charts
    assert chart["imageKeys"] == ["One figure of each run"]
    assert section.columns == 1
    assert section.height > question_views.VIEWS["one_neuron"][0].sections[-1].height
