"""How the commands' times grow with the store: few runs and versions against very many.

Both stores are written by SQL into MLflow's tables, with as many metrics, parameters and tags a run
as the lecture's runs have. The commands run in turns, so that whatever else the machine does falls
on both stores.
"""

from __future__ import annotations

import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ann_models.variants import VARIANTS
from benchmarks.errors import CannotMeasure

SMALL, LARGE = (45, 5), (10_000, 1_000)  # runs, versions
COMMANDS = ("models", "compare", "leaderboard", "status", "doctor", "prune")
PAGES = "comparison page"
MODEL = "mnist-digits"
DAY = 86_400_000  # milliseconds
RUN_DAYS = 60  # over which the runs are spread; `ann prune` keeps the newest 30
METRICS = 31  # of a run, one of them a curve
CURVE = 100  # its points
PARAMS = 14
NEEDED = ("val_accuracy", "test_accuracy", "parameters", "train_seconds", "ece")
FAILED = 1  # how `ann status` and `ann doctor` end when something is missing

Say = Callable[[str], None]


@dataclass(frozen=True)
class Growth:
    """Medians of one command's seconds on the two stores."""

    command: str
    small_seconds: float
    large_seconds: float

    @property
    def ratio(self) -> float:
        """How many times as long it takes on the large store."""
        return self.large_seconds / self.small_seconds


def compare(turns: int = 3, say: Say = lambda line: None) -> list[Growth]:
    """Measure every command, and the query of a comparison page, on both stores.

    Args:
        turns: how often; the median counts.
        say: called with each stage that begins.

    Raises:
        CannotMeasure: a command failed.
    """
    seconds: dict[tuple[str, int], list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        homes = [Path(folder, "small"), Path(folder, "large")]
        for home, (runs, versions) in zip(homes, (SMALL, LARGE), strict=True):
            say(f"a store with {runs} runs and {versions} versions …")
            make(home, runs, versions)
        for turn in range(turns + 1):  # the first one only warms the disk's cache
            for name in (*COMMANDS, PAGES):
                say(f"{name}, turn {turn} …")
                for place, home in enumerate(homes):
                    took = _page(home) if name == PAGES else _command(name, home)
                    if turn:
                        seconds.setdefault((name, place), []).append(took)
    return [
        Growth(name, *(statistics.median(seconds[name, place]) for place in (0, 1)))
        for name in (*COMMANDS, PAGES)
    ]


def document(found: list[Growth]) -> dict[str, Any]:
    """The result for programs."""
    return {
        "small": {"runs": SMALL[0], "versions": SMALL[1]},
        "large": {"runs": LARGE[0], "versions": LARGE[1]},
        "commands": [asdict(growth) | {"ratio": growth.ratio} for growth in found],
    }


def _command(name: str, home: Path) -> float:
    kept = {k: v for k, v in os.environ.items() if k not in ("MLFLOW_TRACKING_URI", "ANN_HOME")}
    command = [sys.executable, "-m", "pipelines.cli", name, "--json"]
    started = time.perf_counter()
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=kept | {"ANN_HOME": str(home)},
        cwd=Path(__file__).parents[1],
    )
    seconds = time.perf_counter() - started
    allowed = (0, FAILED) if name in ("status", "doctor") else (0,)
    if done.returncode not in allowed or "unexpected error" in done.stderr:
        raise CannotMeasure(f"ann {name} ended with {done.returncode}: {done.stderr[-500:]}")
    return seconds


def _page(home: Path) -> float:
    """The query that MLflow's server answers for the page of one question's newest runs."""
    from mlflow import MlflowClient

    from ann_models.questions import QUESTIONS
    from pipelines.tracking.question_views import LATEST_RUNS

    client = MlflowClient(f"sqlite:///{home / 'mlflow.db'}")
    experiment = client.get_experiment_by_name(QUESTIONS["digits"].title)
    started = time.perf_counter()
    if not experiment or not client.search_runs(
        [experiment.experiment_id], LATEST_RUNS, max_results=100
    ):
        raise CannotMeasure("the comparison page has no runs")
    return time.perf_counter() - started


# --- a store --------------------------------------------------------------------------------------


def make(home: Path, runs: int, versions: int) -> None:
    """Make a state folder whose store has so many finished runs and registered versions."""
    from pipelines import settings
    from pipelines.tracking.client import Tracking

    tracking = Tracking(settings.load({"ANN_HOME": str(home)})).open()
    questions = {variant.question for variant in VARIANTS.values()}
    experiments = {question: int(tracking.experiment(question)) for question in questions}
    with closing(sqlite3.connect(home / "mlflow.db")) as store, store:
        artifacts = tracking.settings.artifacts.as_uri()
        for number in range(runs):
            for table, rows in _run(number, runs, experiments, artifacts):
                marks = ", ".join("?" * len(rows[0]))
                store.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        _register(store, versions, runs, artifacts)


def _run(
    number: int, runs: int, experiments: dict[str, int], artifacts: str
) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
    """The rows of one run in each table; run 0 is the oldest."""
    variants = list(VARIANTS.values())
    variant = variants[number % len(variants)]
    identity, experiment = f"{number:032x}", experiments[variant.question]
    start = int(time.time() * 1000) - (runs - number) * RUN_DAYS * DAY // runs
    place = f"{artifacts}/{identity}/artifacts"
    yield (
        "runs (run_uuid, name, user_id, status, start_time, end_time, lifecycle_stage, "
        "artifact_uri, experiment_id)",
        [
            (
                identity,
                variant.name,
                "ann",
                "FINISHED",
                start,
                start + 1000,
                "active",
                place,
                experiment,
            )
        ],
    )
    tags = {
        "variant": variant.name,
        "latest": str(number >= runs - len(variants)).lower(),
        "quick": "false",
        "seeds": "1",
        "data_source": "mnist",
        "row": str(variant.row),
        "mlflow.runName": variant.name,
        "mlflow.note.content": "A paragraph. " * 40,
        **{f"tag_{i}": f"{number}" for i in range(6)},
    }
    yield "tags (key, value, run_uuid)", [(k, v, identity) for k, v in tags.items()]
    yield (
        "params (key, value, run_uuid)",
        [(f"setting_{i}", f"{number % 7}", identity) for i in range(PARAMS)],
    )
    names = [*NEEDED, *(f"metric_{i}" for i in range(METRICS - len(NEEDED)))]
    values = [(name, 0.9 + number % 97 / 1000, start, 0, False, identity) for name in names]
    columns = "(key, value, timestamp, step, is_nan, run_uuid)"
    curve = [("metric_0", 1 / step, start, step, False, identity) for step in range(1, CURVE)]
    yield f"latest_metrics {columns}", values
    yield f"metrics {columns}", values + curve
    model = f"m-{identity}"
    yield (
        "logged_models (model_id, experiment_id, name, artifact_location, creation_timestamp_ms, "
        "last_updated_timestamp_ms, status, lifecycle_stage, source_run_id)",
        [
            (
                *(model, experiment, variant.name, f"{artifacts}/models/{model}/artifacts"),
                *(start, start, 2, "active", identity),
            )
        ],
    )


def _register(store: sqlite3.Connection, versions: int, runs: int, artifacts: str) -> None:
    """Versions of one registered model, each with a gate's decision; the last one is champion."""
    now = int(time.time() * 1000)
    store.execute(
        "INSERT INTO registered_models (name, creation_time, last_updated_time) VALUES (?, ?, ?)",
        (MODEL, now, now),
    )
    reasons = "\n".join(["It names 9736 of 10000 validation digits correctly."] * 6)
    for number in range(1, versions + 1):
        identity = f"{(runs - number) % runs:032x}"
        source = f"{artifacts}/models/m-{identity}/artifacts"
        store.execute(
            "INSERT INTO model_versions (name, version, creation_time, last_updated_time, "
            "current_stage, source, storage_location, run_id, status) "
            "VALUES (?, ?, ?, ?, 'None', ?, ?, ?, 'READY')",
            (MODEL, number, now, now, source, source, identity),
        )
        tags = {
            "variant": "mnist_cnn",
            "decision": "promoted",
            "reasons": reasons,
            "data": "mnist",
            "onnx_ms": "0.01",
            "onnx_sha256": "0" * 64,
            **{f"tag_{i}": "0.5" for i in range(14)},
        }
        store.executemany(
            "INSERT INTO model_version_tags (name, version, key, value) VALUES (?, ?, ?, ?)",
            [(MODEL, number, key, value) for key, value in tags.items()],
        )
        event = {"time": "2026-01-01T00:00:00Z", "version": str(number), "action": "promoted"}
        event |= {"by": "gate", "user": "ann", "reason": "It is better.", "champion": ""}
        store.execute(
            "INSERT INTO registered_model_tags (name, key, value) VALUES (?, ?, ?)",
            (MODEL, f"history.{number:08d}", json.dumps(event)),
        )
    store.execute(
        "INSERT INTO registered_model_aliases (name, alias, version) VALUES (?, 'champion', ?)",
        (MODEL, versions),
    )
