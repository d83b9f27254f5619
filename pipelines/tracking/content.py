"""What the findings of a study become in an MLflow run: metrics, files, and a model's packages."""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from mlflow.entities import Metric

from ann_models import archives
from ann_models.findings import Findings
from pipelines.tracking import views

CURVE_POINTS = 100  # of a curve are metrics; every point is in curves.npz
PACKAGES = ("keras", "tensorflow", "numpy")  # what loading a logged model needs


def metrics_of(findings: Findings, now: int) -> list[Metric]:
    """Every number of a study as a metric: curves by epoch, series by step, the rest at step 0.

    Args:
        findings: what the study found.
        now: milliseconds since 1970.
    """
    metrics = []
    for name, curve in findings.curves.items():
        metrics += _curve(name, curve, findings.metrics.get(name), now)
    for name in findings.metrics.keys() - findings.curves.keys():
        metrics.append(Metric(name, float(findings.metrics[name]), now, 0))
    for name in findings.metrics.keys() & views.IN_PERCENT:
        share = float(findings.metrics[name])
        metrics.append(Metric(f"{name}_percent", 100 * share, now, 0))
    for name, series in findings.series.items():
        metrics += [Metric(name, value, now, step) for step, value in series.items()]
    return metrics


def _curve(name: str, curve: np.ndarray, final: float | None, now: int) -> list[Metric]:
    """At most CURVE_POINTS epochs of a curve, its mean over the seeds; the first epoch is 1.

    The final value of the same measure, taken on the finished network, is the last epoch's: what
    MLflow shows of a metric is its last value.
    """
    by_seed = curve.reshape(len(curve), -1)
    epochs = np.flatnonzero(np.isfinite(by_seed).any(axis=1))
    if len(epochs) > CURVE_POINTS:  # denser where curves bend: at the start
        places = np.geomspace(1, len(epochs), CURVE_POINTS).astype(int) - 1
        epochs = epochs[np.unique(places)]
    means = np.nanmean(by_seed[epochs], axis=1)
    if final is not None and len(means):
        means[-1] = final
    return [
        Metric(name, float(mean), now, int(epoch) + 1)
        for epoch, mean in zip(epochs, means, strict=True)
    ]


def write_files(folder: Path, findings: Findings, extra: Mapping[str, Path]) -> None:
    """Write the artifacts: figures, animations, tables, every point of the curves, and `extra`."""
    for name, figure in findings.figures.items():
        path = folder / "figures" / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        figure.savefig(path, dpi=100, pil_kwargs={"compress_level": 1})
    for name, animation in findings.animations.items():
        (folder / "animations").mkdir(exist_ok=True)
        (folder / "animations" / f"{name}.gif").write_bytes(animation.gif())
    for name, table in findings.tables.items():
        (folder / "tables").mkdir(exist_ok=True)
        (folder / "tables" / f"{name}.json").write_text(json.dumps(table, default=float))
    archives.write(folder / "curves.npz", {**findings.curves, **findings.arrays})
    for name, path in extra.items():
        shutil.copyfile(path, folder / name)


@cache
def requirements() -> list[str]:
    """Given, not inferred: to infer them MLflow loads the model in a new process, for seconds."""
    installed = {d.name for d in importlib.metadata.distributions()}
    names = [name if name in installed else f"{name}-cpu" for name in PACKAGES]
    return [f"{name}=={importlib.metadata.version(name)}" for name in names]
