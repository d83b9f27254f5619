"""The lecture's ten trainings by Keras's `fit` and by the trainer: seconds, losses, memory.

Each engine has a process of its own for each training, so that compilation is paid every time and
peak memory is its own; TensorFlow's import and the making of the data are not counted.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from ann_models import datasets
from ann_models.datasets import Dataset
from ann_models.entry import Variant
from ann_models.variants import VARIANTS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NAMES = (
    "linear_classification",
    "nonlinear_classification",
    "relu_regression_1",
    "relu_regression_2",
    "relu_regression_4",
    "relu_regression_100",
    "mnist_ann",
    "overfit_base",
    "overfit_batch_norm",
    "overfit_dropout",
)
SHORTENING = 20  # a twentieth of the epochs

Engine = Literal["fit", "trainer"]


@dataclass(frozen=True)
class Measurement:
    """One training, or several seeds of it, in a process of its own.

    Attributes:
        seconds: from the untrained network to the trained one, compilation included.
        losses: the final training loss of each seed.
        peak_megabytes: the process's largest resident memory.
    """

    seconds: float
    losses: list[float]
    peak_megabytes: float


@dataclass(frozen=True)
class Row:
    """Both on one training of the lecture.

    Attributes:
        p_value: two-sided Mann-Whitney test of equal final losses; None with one seed.
        seed_seconds: the trainer's time for all seeds together.
    """

    name: str
    fit_seconds: float
    trainer_seconds: float
    ratio: float
    fit_loss: list[float]
    trainer_loss: list[float]
    p_value: float | None
    seed_seconds: float
    fit_megabytes: float
    trainer_megabytes: float


def compare(
    names: Iterable[str] = NAMES,
    seeds: int = 1,
    shortened: bool = False,
    report: Callable[[Row], None] = lambda row: None,
) -> list[Row]:
    """Measure both, one training after the other.

    Args:
        names: variants of the table.
        seeds: how many seeds both train for their losses; the ratio is that of the first seed.
        shortened: a twentieth of the epochs: a quick look, not the benchmark.
        report: called with each row as it is done.
    """
    names = list(names)
    for name in names:  # missing data is said before minutes are spent
        _training_part(VARIANTS[name])
    rows = []
    for name in names:
        trainer = _measured("trainer", name, 1, shortened)
        together = _measured("trainer", name, seeds, shortened) if seeds > 1 else trainer
        fit = [_measured("fit", name, 1, shortened, seed) for seed in range(seeds)]
        losses = [loss for measurement in fit for loss in measurement.losses]
        rows.append(
            Row(
                name=name,
                fit_seconds=fit[0].seconds,
                trainer_seconds=trainer.seconds,
                ratio=fit[0].seconds / trainer.seconds,
                fit_loss=losses,
                trainer_loss=together.losses,
                p_value=_p_value(losses, together.losses),
                seed_seconds=together.seconds,
                fit_megabytes=max(measurement.peak_megabytes for measurement in fit),
                trainer_megabytes=max(trainer.peak_megabytes, together.peak_megabytes),
            )
        )
        report(rows[-1])
    return rows


def ratio_total(rows: Iterable[Row]) -> float:
    """How many times faster the whole set is."""
    rows = list(rows)
    return sum(row.fit_seconds for row in rows) / sum(row.trainer_seconds for row in rows)


def document(rows: list[Row], shortened: bool) -> dict[str, object]:
    """The result for programs."""
    return {
        "shortened": shortened,
        "ratio_total": ratio_total(rows),
        "rows": [asdict(row) for row in rows],
    }


def plot(rows: list[Row], shortened: bool) -> Figure:
    """Seconds of both, training by training, on a logarithmic axis."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(rows))
    axes.barh(places - 0.2, [row.fit_seconds for row in rows], 0.4, label="compile + fit")
    axes.barh(places + 0.2, [row.trainer_seconds for row in rows], 0.4, label="trainer")
    for place, row in zip(places, rows, strict=True):
        axes.text(row.trainer_seconds, place + 0.2, f" {row.ratio:.0f}×", va="center")
    axes.set(
        yticks=places,
        yticklabels=[row.name for row in rows],
        xscale="log",
        xlabel="seconds, compilation included",
        title=f"The lecture's ten trainings: {ratio_total(rows):.0f} times faster"
        + (" (shortened: NOT the benchmark)" if shortened else ""),
    )
    axes.invert_yaxis()
    axes.legend()
    return figure


def _p_value(fit: list[float], trainer: list[float]) -> float | None:
    from scipy.stats import mannwhitneyu

    if len(fit) < 2:
        return None
    return float(mannwhitneyu(fit, trainer).pvalue)


def _measured(
    engine: Engine, name: str, seeds: int, shortened: bool, first: int = 0
) -> Measurement:
    arguments = [engine, name, str(first), str(first + seeds), str(int(shortened))]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.training", *arguments],
        capture_output=True,
        text=True,
        # Nothing compiled is kept: compilation is part of what is measured.
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "TF_XLA_FLAGS": ""},
        cwd=Path(__file__).parents[1],
    )
    if done.returncode:
        last_words = (done.stderr.strip() or "it said nothing").splitlines()[-1]
        raise RuntimeError(f"{engine} of {name} ended with {done.returncode}: {last_words}")
    return Measurement(**json.loads(done.stdout.splitlines()[-1]))


def _training(engine: Engine, name: str, seeds: tuple[int, ...], shortened: bool) -> Measurement:
    """One engine in this process."""
    import psutil

    variant = VARIANTS[name]
    if shortened:
        variant = replace(variant, epochs=max(1, variant.epochs // SHORTENING))
    data = _training_part(variant)
    train = {"fit": _fit, "trainer": _train}[engine]
    import ann_models.training  # noqa: F401  TensorFlow's import is nobody's time

    started = time.perf_counter()
    losses = train(variant, data, seeds)
    seconds = time.perf_counter() - started
    memory = psutil.Process().memory_info()
    peak = getattr(memory, "peak_wset", None) or _peak_bytes()
    return Measurement(seconds, losses, peak / 1024**2)


def _peak_bytes() -> int:
    """The peak of resident memory of this process, not of the one that started it.

    Linux's `ru_maxrss` survives exec: a small process has the peak of its large parent.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next(s for s in status.read_text().splitlines() if s.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _training_part(variant: Variant) -> Dataset:
    """The variant's training data alone: the lecture's `fit` has no validation."""
    if variant.data == "digits":
        data = datasets.digits("mnist")
    else:
        data = datasets.generate(variant.data, seed=0)
    arrays = {name: data.arrays[name] for name in ("x_train", "y_train")}
    return replace(data, arrays=arrays)


def _train(variant: Variant, data: Dataset, seeds: tuple[int, ...]) -> list[float]:
    from ann_models.training.trainer import train

    return [float(x) for x in train(variant, data, seeds).history["train_loss"][-1]]


def _fit(variant: Variant, data: Dataset, seeds: tuple[int, ...]) -> list[float]:
    """What the lecture does: a new model, `compile`, `fit`."""
    import keras

    from ann_models import networks

    losses = []
    for seed in seeds:
        keras.utils.set_random_seed(seed)
        x, y = data.arrays["x_train"], data.arrays["y_train"]
        model = networks.build(variant, x.shape[1:], seed)
        model.compile(keras.optimizers.Adam(variant.optimizer.learning_rate), variant.loss)
        history = model.fit(x, y, batch_size=variant.batch_size, epochs=variant.epochs, verbose=0)
        losses.append(float(history.history["loss"][-1]))
    return losses


if __name__ == "__main__":
    engine, name, first, last, shortened = sys.argv[1:]
    measurement = _training(
        "fit" if engine == "fit" else "trainer",
        name,
        tuple(range(int(first), int(last))),
        shortened == "1",
    )
    print(json.dumps(asdict(measurement)))
