"""What orchestration and tracking add to bare training, and what several workers take away.

Bare is what a person without Prefect and MLflow would have: the same trainings and studies in one
process, their figures and arrays written into a folder. Each measurement is a process of its own
with a new state folder of its own, so that all compile and create their stores.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ann_models import variants
from ann_models.variants import VARIANTS
from benchmarks.errors import CannotMeasure

SWEEP = [v.name for v in VARIANTS.values() if v.layers and v.data in ("cubic", "ten_points")]
ONE_THREAD = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}

Say = Callable[[str], None]


@dataclass(frozen=True)
class Job:
    """One process's work.

    Attributes:
        seconds: from the process's start to its end.
        rows: seconds of each variant.
        span: from the start of the first variant to the end of the last.
    """

    seconds: float
    rows: dict[str, float]
    span: float = 0.0


@dataclass(frozen=True)
class Overhead:
    """A bare job and the same one by `ann run`.

    Attributes:
        overhead_per_variant_seconds: of the time from the first variant's start to the last one's
            end, since a variant is logged while the next one trains.
    """

    bare_seconds: float
    pipeline_seconds: float
    overhead_seconds: float
    overhead_per_variant_seconds: float


@dataclass(frozen=True)
class Sweep:
    """A sweep of small rows on workers of one thread each, which are ready when it begins.

    Attributes:
        workers: how many; None: `ann run` as it is, one variant after the other.
        seconds: from the start of the first variant to the end of the last.
    """

    workers: int | None
    seconds: float


def overhead(shortened: bool = False, say: Say = lambda line: None) -> Overhead:
    """Measure the whole table, bare and by `ann run`.

    Args:
        shortened: each row as `ann run --quick` shortens it: not the benchmark.
        say: called with each stage that begins.
    """
    quick = ["--quick"] if shortened else []
    count = len(variants.find([]))
    say(f"{count} variants, bare …")
    bare = _job([sys.executable, "-m", __name__, *quick])
    say(f"{count} variants by `ann run` …")
    tracked = _job([*ANN, *quick])
    added = tracked.span - sum(bare.rows.values())
    return Overhead(
        bare_seconds=bare.seconds,
        pipeline_seconds=tracked.seconds,
        overhead_seconds=tracked.seconds - bare.seconds,
        overhead_per_variant_seconds=added / len(bare.rows),
    )


def sweeps(
    workers: Sequence[int] = (1, 2), shortened: bool = False, say: Say = lambda line: None
) -> list[Sweep]:
    """Measure a sweep of small rows in turn, and on so many workers.

    Args:
        workers: how many, for each measurement.
        shortened: each row as `ann run --quick` shortens it: not the benchmark.
        say: called with each stage that begins.
    """
    from distributed import LocalCluster

    command = [*ANN, *(["--quick"] if shortened else []), *SWEEP]
    say(f"{len(SWEEP)} small rows in turn …")
    found = [Sweep(None, _job(command).span)]
    for count in workers:
        say(f"{len(SWEEP)} small rows on {count} …")
        with LocalCluster(
            n_workers=count,
            threads_per_worker=1,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
        ) as cluster:
            job = _job([*command, "--cluster", cluster.scheduler_address], ONE_THREAD)
        found.append(Sweep(count, job.span))
    return found


def document(measured: Overhead, swept: list[Sweep], shortened: bool) -> dict[str, Any]:
    """The result for programs."""
    return {
        "shortened": shortened,
        **asdict(measured),
        "workers": [asdict(sweep) for sweep in swept if sweep.workers],
        "sequential_seconds": next(sweep.seconds for sweep in swept if not sweep.workers),
    }


ANN = [sys.executable, "-m", "pipelines.cli", "run", "--json"]


def _job(command: list[str], environ: Mapping[str, str] | None = None) -> Job:
    """Run a command that prints `{"rows": …}`, with a state folder of its own."""
    servers = ("MLFLOW_TRACKING_URI", "PREFECT_API_URL")
    kept = {name: value for name, value in os.environ.items() if name not in servers}
    with tempfile.TemporaryDirectory() as home:
        started = time.perf_counter()
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            env=kept | {"ANN_HOME": home, "TF_CPP_MIN_LOG_LEVEL": "3"} | dict(environ or {}),
            cwd=Path(__file__).parents[1],
        )
        seconds = time.perf_counter() - started
        if done.returncode:
            last_words = (done.stderr.strip() or "it said nothing").splitlines()[-1]
            raise CannotMeasure(f"{command[1:3]} ended with {done.returncode}: {last_words}")
        rows = json.loads(done.stdout.splitlines()[-1])["rows"]
        return Job(seconds, {row["name"]: row["seconds"] for row in rows}, _span(Path(home), rows))


def _span(home: Path, rows: list[dict[str, Any]]) -> float:
    """Seconds between the first start and the last end of a job's MLflow runs, if it has some."""
    database = home / "mlflow.db"
    if not database.exists():
        return 0.0
    identities = [row["run_id"] for row in rows]
    with closing(sqlite3.connect(database)) as store:
        marks = ", ".join("?" * len(identities))
        query = f"SELECT MIN(start_time), MAX(end_time) FROM runs WHERE run_uuid IN ({marks})"
        first, last = store.execute(query, identities).fetchone()
    return (last - first) / 1000


def _bare(names: list[str], shortened: bool) -> list[dict[str, Any]]:
    """The named variants, or all, in this process, without tracking and orchestration."""
    from pipelines import settings

    settings.export(settings.load())  # the same place for compiled programs as `ann run` has
    import ann_models.training
    from ann_models import datasets
    from ann_models.errors import DataUnavailable
    from ann_models.studies import study_of

    def digits() -> datasets.Dataset:
        try:
            return datasets.digits("mnist")
        except DataUnavailable:
            return datasets.digits("offline-digits")

    made: dict[str, datasets.Dataset] = {}
    rows = []
    for variant in variants.find(names):
        if variant.data not in made:
            is_digits = variant.data == "digits"
            made[variant.data] = digits() if is_digits else datasets.generate(variant.data, 0)
        started = time.perf_counter()
        chosen = variant.shortened() if shortened else variant
        data = made[variant.data]
        if chosen.train_size:
            size = min(chosen.train_size, len(data.arrays["x_train"]))
            data = datasets.digits_subset(data, size)
        trained = None
        if chosen.layers:
            trained = ann_models.training.train(chosen, data, tuple(range(chosen.seeds)))
        findings = study_of(chosen)(chosen, data, trained)
        _keep(Path(os.environ["ANN_HOME"], variant.name), findings, trained)
        rows.append({"name": variant.name, "seconds": time.perf_counter() - started})
    return rows


def _keep(folder: Path, findings: Any, trained: Any) -> None:
    """The results as files, as a person would keep them."""
    from ann_models import archives

    folder.mkdir()
    for name, figure in findings.figures.items():
        figure.savefig(folder / f"{name}.png", dpi=100, pil_kwargs={"compress_level": 1})
    archives.write(folder / "curves.npz", {**findings.curves, **findings.arrays})
    facts = {"metrics": findings.metrics, "tables": findings.tables}
    (folder / "facts.json").write_text(json.dumps(facts, default=float))
    if trained:
        trained.save(folder / "training.npz")


if __name__ == "__main__":
    chosen = [name for name in sys.argv[1:] if name != "--quick"]
    print(json.dumps({"rows": _bare(chosen, "--quick" in sys.argv)}))
