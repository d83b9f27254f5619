"""All benchmarks in one run, with the machine's description, and the ratios that CI guards.

Times differ between machines; ratios of two times that were measured in one run hardly do.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import time
from collections.abc import Callable
from typing import Any

from benchmarks import accuracy, pipeline, serving, store, training

LEAST_SHARE = 2 / 3  # of its recorded value that a ratio must reach
PARTS = {  # which benchmark's document has a key
    "rows": "training",
    "pipeline_seconds": "pipeline",
    "results": "serving",
    "commands": "store",
}
PACKAGES = ("tensorflow-cpu", "tensorflow", "keras", "mlflow", "prefect", "numpy", "onnxruntime")

Say = Callable[[str], None]


def run(shortened: bool, say: Say) -> dict[str, Any]:
    """Measure everything; a part that cannot be measured has the key `error` in its place.

    Args:
        shortened: fewer epochs, rows and turns: a quick look, not the benchmark.
        say: called with each stage that begins.
    """
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "training": lambda: _training(shortened, say),
        "time_to_accuracy": lambda: accuracy.document(
            accuracy.measure(seeds=1 if shortened else 20, say=say)
        ),
        "pipeline": lambda: pipeline.document(
            pipeline.overhead(shortened, say), pipeline.sweeps((1, 2), shortened, say), shortened
        ),
        "serving": lambda: serving.document(
            *serving.compare((1, 32), 1.0 if shortened else 5.0, 1 if shortened else 3, say)
        ),
        "store": lambda: store.document(store.compare(1 if shortened else 3, say)),
    }
    found: dict[str, Any] = {"machine": machine(), "shortened": shortened}
    for name, measure in parts.items():
        say(f"{name} …")
        started = time.perf_counter()
        try:
            found[name] = measure()
        except Exception as error:  # the other parts are measured all the same
            found[name] = {"error": f"{type(error).__name__}: {error}"}
        found[name]["measured_in_seconds"] = time.perf_counter() - started
    return found | {"ratios": ratios(found)}


def machine() -> dict[str, Any]:
    """What the times depend on: processor, memory, system, versions, and how busy it is."""
    import psutil

    from pipelines.flows.reproducibility import processor

    versions = {}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            pass
    return {
        "processor": processor(),
        "cores": len(psutil.Process().cpu_affinity()) if hasattr(os, "sched_getaffinity") else None,
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": versions,
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }


def ratios(found: dict[str, Any]) -> dict[str, float]:
    """Every ratio in a document of `run`, by name; a higher one is better."""
    named: dict[str, float] = {}
    rows = found.get("training", {}).get("rows", ())
    if {row["name"] for row in rows} >= set(training.NAMES):
        named["training: fit / trainer"] = found["training"]["ratio_total"]
    named |= {f"training: {row['name']}": row["ratio"] for row in rows}
    jobs = found.get("pipeline", {})
    if "pipeline_seconds" in jobs:
        named["pipeline: bare / ann run"] = jobs["bare_seconds"] / jobs["pipeline_seconds"]
    named |= _serving(found.get("serving", {}).get("results", ()))
    for row in found.get("store", {}).get("commands", ()):
        named[f"store: small / large, {row['command']}"] = 1 / row["ratio"]
    return named


def compared(
    result: dict[str, Any], recorded: dict[str, float]
) -> tuple[dict[str, float], dict[str, float]]:
    """The ratios of a result, and the recorded ones that it has to reach.

    Args:
        result: the document of `ann benchmark all`, which has to reach all of them, or of one
            benchmark, which has to reach those that it measured.
        recorded: by name.

    Raises:
        ValueError: no recorded ratio is in it.
    """
    if "ratios" in result:
        return dict(result["ratios"]), recorded
    parts = {part: result for key, part in PARTS.items() if key in result}
    measured = ratios(parts)
    expected = {name: value for name, value in recorded.items() if name in measured}
    if not expected:
        raise ValueError("it has none of the recorded ratios")
    return measured, expected


def dropped(measured: dict[str, float], recorded: dict[str, float]) -> list[str]:
    """A message for each recorded ratio that fell by more than a third, or was not measured."""
    messages = []
    for name, value in recorded.items():
        now = measured.get(name)
        if now is None:
            messages.append(f"{name}: not measured; {value:.2f} is recorded")
        elif now < LEAST_SHARE * value:
            messages.append(f"{name}: {now:.2f}, less than two thirds of {value:.2f}")
    return messages


def _training(shortened: bool, say: Say) -> dict[str, Any]:
    rows = training.compare(shortened=shortened, report=lambda row: say(f"{row.name} is measured"))
    return dict(training.document(rows, shortened))


def _serving(results: Any) -> dict[str, float]:
    """Requests a second of the digit service over those of each other server, same load."""
    rates = {
        (r["server"], r["connections"]): r["requests_per_second"]
        for r in results
        if r["body"] == "JSON"
    }
    return {
        f"serving: ann serve / {server}, {count} connections": rates["ann serve", count] / rate
        for (server, count), rate in rates.items()
        if server != "ann serve" and ("ann serve", count) in rates and rate
    }
