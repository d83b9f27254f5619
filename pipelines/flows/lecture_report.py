"""What MLflow knows of the lecture, gathered for one page."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from PIL import Image

from ann_models import data_name
from ann_models.entry import IMAGES, Question
from ann_models.evaluation import deviation
from ann_models.questions import QUESTIONS
from ann_models.variants import VARIANTS
from pipelines.errors import PipelineError
from pipelines.flows.report_page import (
    Champion,
    Content,
    Leaderboard,
    Picture,
    Row,
    Section,
    render,
)
from pipelines.registry.client import MODEL_NAMES, Registry
from pipelines.tracking import question_views, tags, views
from pipelines.tracking.client import Tracking

if TYPE_CHECKING:
    from mlflow_reader.entities import Run

FILE = "report.html"
EXPERIMENT = "Lecture report"
NOTE = "The whole lecture as one HTML page, after each run of all rows: open report.html."
FOLDER = "figures"
MOST_PICTURES = 3  # of a variant, the one that stands for it first
WIDE = 1.9  # width by height from which a figure has the width of the page
WIDTH = 640  # pixels; the printed column is 8 cm wide
OF_ALL_VARIANTS = frozenset({"ten_points", "weight_estimates", "learning_curve_accuracy", "data"})
MEASURES = 6  # columns of a question's table
SHARES = ("accuracy", "ece", "marked", "share", *views.IN_PERCENT)  # in names of measures in %
_PARTS = ("_std", "_min", "_max")  # of a spread, in runs of earlier versions
LEADERBOARD = {
    "val_accuracy": "validation",
    "test_accuracy": "test",
    "parameters": "weights",
    "train_seconds": "seconds",
    "ece": "ECE",
    "robustness": "robust",
}


class NothingToReport(PipelineError):
    """No full run of the lecture is finished."""


def report(tracking: Tracking, registry: Registry, ui: str) -> str:
    """The page of the newest finished run of every variant.

    Args:
        tracking: where the runs are.
        registry: where the champions are.
        ui: the address of MLflow's pages, which the links open.

    Raises:
        NothingToReport: no full run is finished.
    """
    return render(gather(tracking, registry, ui))


def gather(tracking: Tracking, registry: Registry, ui: str) -> Content:
    """What the page shows; arguments and errors as for `report`."""
    newest = tracking.newest_by_variant()
    if not newest:
        raise NothingToReport("no full run is finished yet; `ann run` makes them.")
    order = {name: place for place, name in enumerate(VARIANTS)}
    runs = sorted(newest.values(), key=lambda run: _place(run, order))
    overviews = {
        run.data.tags["overview"]: run
        for run in reversed(tracking.runs_with({"overview": None}, "FINISHED"))
    }
    pictures = _pictures([*runs, *overviews.values()])
    sections = []
    for experiment in tracking.experiments():
        key = experiment.tags["question"]
        mine = [run for run in runs if run.info.experiment_id == experiment.experiment_id]
        if not mine:
            continue
        question = QUESTIONS.get(key) or Question(key, experiment.name, "")
        comparison = overviews.get(key)
        shown = pictures[comparison.info.run_id] if comparison else ()
        for own, group in _by_image_set(mine).items():
            view = question_views.view_of(key, bool(own))
            link = views.link(ui, experiment.experiment_id, view)
            asked = question
            if own:
                title = f"{question.title} On the pictures of {own}"
                asked, shown = replace(question, key=f"{key}-{own}", title=title), ()
            sections.append(_section(asked, key, group, pictures, shown, link, ui))
    digits = [run for run in runs if _is_candidate(run)]
    sources = sorted({run.data.tags["data_source"] for run in digits})
    return Content(
        date=datetime.now().strftime("%-d %B %Y, %H:%M"),
        facts=_facts(runs, sources),
        warning="The digits are the OFFLINE DIGITS, not MNIST: these are not MNIST results."
        if "offline-digits" in sources
        else "",
        sections=tuple(sections),
        leaderboard=_leaderboard(digits) if digits else None,
        champions=tuple(_champions(registry, ui)),
    )


def _place(run: Run, order: Mapping[str, int]) -> tuple[int, str]:
    """In the order of the lecture; a changed row behind the one of which it is a copy."""
    own = run.data.tags
    place = order.get(own.get(tags.DERIVED_FROM) or own[tags.VARIANT], len(order))
    return place, own[tags.VARIANT] if tags.DERIVED_FROM in own else ""


def _by_image_set(runs: Iterable[Run]) -> dict[str, list[Run]]:
    """The lecture's data under "", then image data sets of one's own: their counts differ."""
    groups: dict[str, list[Run]] = {"": []}
    for run in runs:
        is_own = run.data.params.get("data", "").startswith(IMAGES)
        groups.setdefault(run.data.tags[tags.DATA_SOURCE] if is_own else "", []).append(run)
    return {name: group for name, group in groups.items() if group}


def _section(
    question: Question,
    asked: str,
    runs: list[Run],
    pictures: Mapping[str, tuple[Picture, ...]],
    comparison: tuple[Picture, ...],
    link: str,
    ui: str,
) -> Section:
    measures = _measures(asked, runs)
    rows = tuple(
        Row(
            name=run.data.tags["variant"],
            look_at=_look_at(run),
            seeds=int(run.data.tags["seeds"]) if "train_seconds" in run.data.metrics else 0,
            numbers={
                _spoken(name): _number(run.data.metrics, name)
                for name in measures
                if name in run.data.metrics
            },
            pictures=pictures[run.info.run_id],
            link=_run_link(run, ui),
            changes=_changes(run),
        )
        for run in runs
    )
    spoken = tuple(_spoken(name) for name in measures)
    return Section(question.key, question.title, question.look_at, spoken, rows, comparison, link)


def _measures(key: str, runs: list[Run]) -> list[str]:
    """The measures of a question's saved views, then those with a spread, that a run has."""
    wanted = [
        column.removeprefix("metrics.")
        for view in question_views.VIEWS.get(key, ())
        for column in view.columns
        if column.startswith("metrics.")
    ]
    logged = {name for run in runs for name in run.data.metrics}
    wanted += sorted(
        name for name in logged if any(deviation(run.data.metrics, name) for run in runs)
    )
    found = [n for n in dict.fromkeys(wanted) if n in logged and not n.endswith(_PARTS)]
    return [name for name in found if "/" not in name][:MEASURES]


def _spoken(name: str) -> str:
    return name.replace("_", " ")


def _number(metrics: Mapping[str, float], name: str) -> str:
    """A mean with its standard deviation, in the digits that this leaves."""
    value, spread = metrics[name], deviation(metrics, name)
    if any(part in name for part in SHARES):
        text = f"{value:.2%}"
        return text if spread is None else f"{text} ± {spread:.2%}"
    if float(value).is_integer() and spread is None:
        return f"{value:,.0f}"
    text = f"{value:.3g}"
    return text if spread is None else f"{text} ± {spread:.1g}"


def _look_at(run: Run) -> str:
    """The sentence of the table, or of the run's own note."""
    variant = VARIANTS.get(run.data.tags["variant"])
    if variant:
        return variant.look_at
    note = str(run.data.tags.get("mlflow.note.content", "")).split("\n", 1)[0]
    for value in tags.changes_of(run.data.tags).values():  # earlier notes have whole paths
        note = note.replace(value, data_name.short(value))
    return note


def _changes(run: Run) -> str:
    """What differs, without the folders of this machine: the page is for others."""
    changes = tags.changes_of(run.data.tags)
    return ", ".join(f"{key}={data_name.short(value)}" for key, value in changes.items())


def _run_link(run: Run, ui: str) -> str:
    return f"{ui}/#/experiments/{run.info.experiment_id}/runs/{run.info.run_id}"


# --- pictures -------------------------------------------------------------------------------------


def _pictures(runs: Iterable[Run]) -> dict[str, tuple[Picture, ...]]:
    """The figures of each run by its id, the one that stands for it first."""
    with TemporaryDirectory() as folder, ThreadPoolExecutor(4) as pool:
        return dict(pool.map(lambda run: (run.info.run_id, _figures(run, folder)), runs))


def _figures(run: Run, folder: str) -> tuple[Picture, ...]:
    store = get_artifact_repository(run.info.artifact_uri)  # one look-up a run, not one a figure
    names = [Path(item.path).stem for item in store.list_artifacts(FOLDER)]
    first = views.PANELS.get(run.data.params.get("study", ""))
    chosen = sorted(set(names) - OF_ALL_VARIANTS, key=lambda name: (name != first, name))
    if "overview" not in run.data.tags:
        chosen = chosen[:MOST_PICTURES]
    target = Path(folder, run.info.run_id)
    target.mkdir()
    return tuple(
        _smaller(name, store.download_artifacts(f"{FOLDER}/{name}.png", str(target)))
        for name in chosen
    )


def _smaller(name: str, path: str) -> Picture:
    """The figure of 256 colours and as many pixels as its place on the page shows."""
    with Image.open(path) as image:
        picture = image.convert("RGB")
    wide = picture.width > WIDE * picture.height
    width = 2 * WIDTH if wide else WIDTH
    if picture.width > width:
        height = round(picture.height * width / picture.width)
        picture = picture.resize((width, height), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    picture.quantize(256, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE).save(
        buffer, "PNG", compress_level=4
    )
    return Picture(_spoken(name).capitalize(), buffer.getvalue(), wide=wide)


# --- facts, leaderboard, champions ----------------------------------------------------------------


def _facts(runs: list[Run], sources: list[str]) -> dict[str, str]:
    trained = [run for run in runs if "train_seconds" in run.data.metrics]
    networks = sum(int(run.data.tags["seeds"]) for run in trained)
    seconds = sum(run.data.metrics["train_seconds"] for run in trained)
    commits = sorted({run.data.tags.get("git_commit", "")[:12] for run in runs} - {""})
    return {
        "variants": f"{len(runs)}, of which {len(trained)} are trained: {networks} networks",
        "training time": f"{seconds:,.0f} s",
        "digits": ", ".join({"mnist": "MNIST"}.get(s, s) for s in sources) or "none",
        "code": ", ".join(commits),
    }


def _is_candidate(run: Run) -> bool:
    """Whether it is of a digit network that may serve; the data sets of people are no digits."""
    return (
        run.data.params.get("registered") == "True"
        and "val_accuracy" in run.data.metrics
        and run.data.tags.get(tags.DATA_SOURCE) in MODEL_NAMES
    )


def _leaderboard(runs: list[Run]) -> Leaderboard:
    """The best on validation first, those of MNIST before those of the offline digits."""
    order = list(MODEL_NAMES)
    rows = []
    for run in sorted(
        runs,
        key=lambda run: (
            order.index(run.data.tags[tags.DATA_SOURCE]),
            -run.data.metrics["val_accuracy"],
        ),
    ):
        metrics, seeds = dict(run.data.metrics), int(run.data.tags["seeds"])
        metrics["train_seconds"] = metrics["train_seconds"] / seeds
        numbers = [_number(metrics, n) if n in metrics else "" for n in LEADERBOARD]
        rows.append((run.data.tags["variant"], str(seeds), *numbers))
    return Leaderboard(("network", "n", *LEADERBOARD.values()), tuple(rows))


def _champions(registry: Registry, ui: str) -> Iterable[Champion]:
    for name in MODEL_NAMES.values():
        version = registry.champion(name)
        if version is None:
            continue
        known, numbers = version.tags, version.metrics
        facts = {
            "variant": known.get("variant", ""),
            "validation accuracy": _share(numbers.get("val_accuracy")),
            "calibration error": _share(numbers.get("calibration_error")),
            "accuracy on corrupted digits": _share(numbers.get("robustness")),
            "milliseconds an image": f"{numbers['onnx_ms']:.3f}" if "onnx_ms" in numbers else "",
            "digits": known.get("data", ""),
            "SHA-256 of its ONNX form": known.get("onnx_sha256", ""),
        }
        yield Champion(
            title=f"{name} version {version.number}",
            facts={key: text for key, text in facts.items() if text},
            reasons=tuple(version.reasons),
            link=f"{ui}/#/models/{name}/versions/{version.number}",
        )


def _share(number: float | None) -> str:
    return "" if number is None else f"{number:.2%}"
