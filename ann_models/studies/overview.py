"""The panels across the variants of one question, from the numbers of their runs alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.figure import Figure

from ann_models.datasets import generate
from ann_models.evaluation import deviation as spread_of
from ann_models.figures import comparison as figures
from ann_models.findings import Findings
from ann_models.studies.over_seeds import final
from ann_models.studies.overfitting import GRID, QUANTILES

TEST_DIGITS = 10_000
ENDS = ("high", "low")  # of an accuracy's 95 % interval; as errors, the low end first
AGAINST_STRENGTH = ("weights_norm_l1", "weights_norm_l2", "train_mse", "curve_roughness")


@dataclass(frozen=True)
class Summary:
    """One run as it was logged.

    Attributes:
        name: the variant's.
        parameters: the variant's settings; numbers may be texts.
        metrics: final values.
        curves: by epoch, (epochs,) or (epochs, seeds); and the arrays that are by something else.
    """

    name: str
    parameters: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, np.ndarray] = field(default_factory=dict)

    def curve(self, name: str) -> np.ndarray:
        """The curve of that name as (epochs, seeds)."""
        values = self.curves[name]
        return values.reshape(len(values), -1)


def overview(question: str, runs: Sequence[Summary]) -> Findings:
    """Compare the runs of one question of the lecture.

    Args:
        question: a key of `questions.QUESTIONS`.
        runs: finished runs of its variants; those that a panel does not need are left aside.

    Returns:
        Figures and tables; none for a question whose runs stand alone or are missing.
    """
    compare = _OVERVIEWS.get(question)
    return compare(runs) if compare else Findings()


def _neurons(runs: Sequence[Summary]) -> Findings:
    """Rows 7 to 10: the final loss against the number of neurons, all seeds."""
    fits = sorted(
        (run for run in runs if "hidden_units" in run.metrics),
        key=lambda run: run.metrics["hidden_units"],
    )
    losses = {int(run.metrics["hidden_units"]): final(run.curve("train_loss")) for run in fits}
    if not losses:
        return Findings()
    return Findings(
        figures={"final_loss_against_units": figures.final_loss_against_units(losses)},
        tables={
            "final_loss_against_units": {
                "units": list(losses),
                "median": [float(np.median(values)) for values in losses.values()],
                "lowest": [float(values.min()) for values in losses.values()],
                "highest": [float(values.max()) for values in losses.values()],
            }
        },
    )


def _digits(runs: Sequence[Summary]) -> Findings:
    """Rows 16 and 17: training accuracy, test accuracy and their gap for each network."""
    judged = [run for run in runs if "test_accuracy" in run.metrics]
    if not judged:
        return Findings()
    names = [run.name for run in judged]
    train, test, gap = (
        np.array([run.metrics.get(metric, 0.0) for run in judged])
        for metric in ("train_accuracy", "test_accuracy", "generalisation_gap")
    )
    deviation = np.array([spread_of(run.metrics, "test_accuracy") or 0.0 for run in judged])
    return Findings(
        figures={"accuracies": figures.accuracies(names, train, test, deviation)},
        tables={
            "accuracies": {
                "name": [*names],
                "train_accuracy": train.tolist(),
                "test_accuracy": test.tolist(),
                "generalisation_gap": gap.tolist(),
            }
        },
    )


def _vanishing(runs: Sequence[Summary]) -> Findings:
    """Row 18: the three activations' learning curves and gradient norms at the start."""
    if not runs:
        return Findings()
    shown: dict[str, Figure] = {}
    for measure, ylabel in (("loss", "cross entropy"), ("accuracy", "accuracy")):
        curves = {
            run.name: {
                "training": run.curve(f"train_{measure}"),
                "validation": run.curve(f"val_{measure}"),
            }
            for run in runs
        }
        shown[f"learning_curves_{measure}"] = figures.learning_curves_side_by_side(curves, ylabel)
    norms = {run.name: _by_layer(run) for run in runs}
    shown["gradient_norms_at_start"] = figures.gradient_norms_at_start(norms)
    return Findings(figures=shown)


def _by_layer(run: Summary) -> np.ndarray:
    prefix = "gradient_norm_start_layer_"
    layers = sum(name.startswith(prefix) for name in run.metrics)
    return np.array([run.metrics[f"{prefix}{layer + 1}"] for layer in range(layers)])


def _overfitting(runs: Sequence[Summary]) -> Findings:
    """Row 22: weights' norm, estimates and curves against λ, for each norm of the penalty."""
    findings = Findings()
    base = [run for run in runs if run.name == "overfit_base"]
    for norm in ("l2", "l1"):
        penalised = sorted(
            (run for run in runs if run.parameters.get("penalty_norm") == norm), key=_strength
        )
        if penalised and base:
            findings.figures |= _against_strength(norm, base[0], penalised)
            findings.tables[f"penalty_{norm}"] = {
                "strength": [_strength(run) for run in penalised],
                **{m: [run.metrics[m] for run in penalised] for m in AGAINST_STRENGTH},
            }
    return findings


def _strength(run: Summary) -> float:
    return float(str(run.parameters.get("penalty_strength", 0)))


def _against_strength(norm: str, base: Summary, penalised: Sequence[Summary]) -> dict[str, Figure]:
    strengths = np.array([_strength(run) for run in penalised])
    penalty = {"l2": "λ‖ω‖²", "l1": "λ‖ω‖₁"}[norm]

    def column(metric: str) -> np.ndarray:
        return np.array([run.metrics[metric] for run in penalised])

    ten = generate("ten_points", 0).arrays
    fitted = {_strength(run): np.median(run.curve("fitted_curve"), 1) for run in (base, *penalised)}
    losses = {_strength(run): np.median(run.curve("train_loss"), 1) for run in (base, *penalised)}
    return {
        f"weights_norm_{norm}": figures.weights_norm_against_strength(
            strengths,
            column("weights_norm_l1"),
            column("weights_norm_l2"),
            (base.metrics["weights_norm_l1"], base.metrics["weights_norm_l2"]),
            f"Weights' norm against {penalty}",
        ),
        f"weight_estimates_{norm}": figures.estimates_against_strength(
            strengths,
            {f"{q:.0%}": column(f"weight_quantile_{q:g}") for q in QUANTILES},
            f"Weights' estimates against {penalty}",
        ),
        f"fit_{norm}": figures.fit_against_strength(
            strengths, column("train_mse"), column("curve_roughness"), f"Fit against {penalty}"
        ),
        f"fitted_curves_{norm}": figures.fitted_curves(
            GRID, fitted, (ten["x_train"], ten["y_train"]), f"Fitted curves with {penalty}"
        ),
        f"learning_curves_{norm}": figures.losses(losses, f"Learning curves with {penalty}"),
    }


def _data(runs: Sequence[Summary]) -> Findings:
    """Row 24: test error against training-set size, with and without augmentation."""
    lines: dict[str, list[tuple[float, ...]]] = {}
    for run in runs:
        if "train_size" in run.metrics:
            augmented = any(name.startswith("augmentation_") for name in run.parameters)
            line = "with augmentation" if augmented else "without augmentation"
            accuracy = run.metrics["test_accuracy"]
            interval = (run.metrics.get(f"best_test_accuracy_{end}", accuracy) for end in ENDS)
            point = (1 - accuracy, *(1 - end for end in interval))
            lines.setdefault(line, []).append((run.metrics["train_size"], *point))
    if not lines:
        return Findings()
    errors = {name: np.array(sorted(pairs)).T for name, pairs in sorted(lines.items())}
    return Findings(
        figures={"test_error_against_size": figures.error_against_size(errors)},
        tables={
            "test_error_against_size": {
                "line": [name for name, line in errors.items() for _ in line[0]],
                "train_size": [float(size) for line in errors.values() for size in line[0]],
                "test_error": [float(error) for line in errors.values() for error in line[1]],
            }
        },
    )


def _hands(runs: Sequence[Summary]) -> Findings:
    """Row 25: what other hands are worth, with and without, on MNIST and on held-out writers."""
    judged = [run for run in runs if "hands_accuracy" in run.metrics]
    if not judged:
        return Findings()
    measures = {
        "test_accuracy": "MNIST's test digits read",
        "hands_accuracy": "other hands read",
        "non_digits_marked": "no digit, and marked",
    }
    names = [run.name for run in judged]
    values = {
        metric: np.array([run.metrics.get(metric, 0.0) for run in judged]) for metric in measures
    }
    deviations = {
        metric: np.array([spread_of(run.metrics, metric) or 0.0 for run in judged])
        for metric in measures
    }
    shown = {label: (values[metric], deviations[metric]) for metric, label in measures.items()}
    columns = {metric: column.tolist() for metric, column in values.items()}
    columns |= {f"{metric}_std": column.tolist() for metric, column in deviations.items()}
    return Findings(
        figures={"other_hands": figures.shares(names, shown, "What other hands are worth")},
        tables={"other_hands": {"name": [*names], **columns}},
    )


def _accuracy(runs: Sequence[Summary]) -> Findings:
    """Row 16: the recipes by validation accuracy, with what the test digits report of them."""
    judged = [run for run in runs if "test_accuracy" in run.metrics]
    if not judged:
        return Findings()
    judged.sort(key=lambda run: -run.metrics["val_accuracy"])

    def column(metric: str) -> np.ndarray:
        return np.array([run.metrics.get(metric, 0.0) for run in judged])

    names = [run.name for run in judged]
    test = column("test_accuracy")
    deviation = np.array([spread_of(run.metrics, "test_accuracy") or 0.0 for run in judged])
    return Findings(
        figures={
            "mistakes_left": figures.errors_left(
                names, TEST_DIGITS * (1 - test), TEST_DIGITS * deviation, column("parameters")
            )
        },
        tables={
            "leaderboard": {
                "name": [*names],
                "val_accuracy": column("val_accuracy").tolist(),
                "test_accuracy": test.tolist(),
                "test_accuracy_std": deviation.tolist(),
                "parameters": column("parameters").tolist(),
                "train_seconds": column("train_seconds").tolist(),
                "ece": column("ece").tolist(),
                "robustness": column("robustness").tolist(),
            }
        },
    )


_OVERVIEWS: dict[str, Callable[[Sequence[Summary]], Findings]] = {
    "neurons": _neurons,
    "digits": _digits,
    "vanishing": _vanishing,
    "overfitting": _overfitting,
    "data": _data,
    "hands": _hands,
    "accuracy": _accuracy,
}
