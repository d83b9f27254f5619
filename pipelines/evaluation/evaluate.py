"""A version on a person's own labelled pictures; tracked beside the version."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from ann_models.datasets import Dataset
from ann_models.evaluation import (
    confusion_matrix,
    expected_calibration_error,
    wilson_interval,
)
from ann_models.findings import Findings
from ann_models.onnx.inference import least_confidence, scored_predictor
from pipelines.evaluation.labelled import NO_DIGIT, Labelled
from pipelines.tracking import tags
from serving.model import uncertainty

if TYPE_CHECKING:
    from pipelines.registry.versions import Version
    from pipelines.tracking.client import Tracking

EXPERIMENT = "Own pictures"
NOTE = "Registered versions on people's own labelled pictures: one run for each `ann evaluate`."
SHOWN = 60  # errors in the picture


@dataclass(frozen=True)
class Outcome:
    """How a version does on labelled pictures.

    Attributes:
        model: the registered model.
        version: its number.
        digits: how many pictures show a digit.
        accuracy: the share of them that is read correctly; low and high: its 95 % interval.
        marked: the share of them whose answer is marked as uncertain.
        wrong_unmarked: the share of them whose answer is wrong and not marked.
        calibration_error: expected calibration error on them.
        non_digits: how many pictures show no digit.
        non_digits_marked: the share of those that is marked; None if there is none.
        by_class: of each digit, its pictures, and how many are read correctly.
        by_writer: likewise of each named writer.
        errors: of each error, the name, the label, the answer, its confidence, whether marked.
        faults: what could not be read.
        run_id: the MLflow run.
    """

    model: str
    version: str
    digits: int
    accuracy: float | None
    low: float | None
    high: float | None
    marked: float | None
    wrong_unmarked: float | None
    calibration_error: float | None
    non_digits: int
    non_digits_marked: float | None
    by_class: dict[str, tuple[int, int]] = field(default_factory=dict)
    by_writer: dict[str, tuple[int, int]] = field(default_factory=dict)
    errors: list[dict[str, object]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    run_id: str = ""


def evaluate(
    onnx_bytes: bytes, version: Version, pictures: Labelled, name: str, tracking: Tracking
) -> Outcome:
    """Answer all pictures as the service does, measure, and log to an MLflow run.

    Args:
        onnx_bytes: the version's ONNX form.
        version: the registered version.
        pictures: what was read.
        name: of the file or folder, for the record.
        tracking: where the run is logged.
    """
    outcome, findings = measure(onnx_bytes, version.name, version.number, pictures)
    about = {
        tags.MODEL: version.name,
        tags.VERSION: version.number,
        tags.VARIANT: version.variant,
        tags.PICTURES: name,
        tags.TRAINING_RUN: version.run_id,
    }
    arrays: dict[str, np.ndarray] = {"images": pictures.images, "labels": pictures.labels}
    experiment = tracking.monitoring_experiment(EXPERIMENT, NOTE)
    with tracking.run(experiment, f"{version.name} {version.number}", about) as run_id:
        tracking.log_data(run_id, Dataset(name, "own pictures", arrays), "evaluation")
        tracking.log_findings(run_id, findings, {})
    return Outcome(**{**vars(outcome), "run_id": run_id})


def measure(
    onnx_bytes: bytes, model: str, number: str, pictures: Labelled
) -> tuple[Outcome, Findings]:
    """The outcome, and its metrics, tables and figures."""
    answer = scored_predictor(onnx_bytes)
    least = least_confidence(onnx_bytes, uncertainty.SURE)
    parts = [answer(pictures.images[i : i + 100]) for i in range(0, len(pictures.images), 100)]
    probabilities, scores = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    reasons = uncertainty.reasons(pictures.images, probabilities, scores, least)
    marked = np.array([reason is not None for reason in reasons])
    named, labels = probabilities.argmax(axis=1), pictures.labels
    digits = labels != NO_DIGIT
    correct = named == labels
    n, right = int(digits.sum()), int(correct[digits].sum())
    low, high = wilson_interval(right, n) if n else (None, None)
    others = int((~digits).sum())
    wrong = np.flatnonzero((digits & ~correct) | (~digits & ~marked))
    worst = wrong[np.argsort(-probabilities[wrong].max(axis=1), kind="stable")]
    outcome = Outcome(
        model=model,
        version=number,
        digits=n,
        accuracy=right / n if n else None,
        low=low,
        high=high,
        marked=float(marked[digits].mean()) if n else None,
        wrong_unmarked=float((~correct & ~marked)[digits].mean()) if n else None,
        calibration_error=expected_calibration_error(probabilities[digits], labels[digits])
        if n
        else None,
        non_digits=others,
        non_digits_marked=float(marked[~digits].mean()) if others else None,
        by_class=_shares([str(label) for label in labels], correct, digits),
        by_writer=_shares(pictures.writers, correct, digits),
        errors=[
            {
                "picture": pictures.names[i],
                "label": int(labels[i]) if digits[i] else None,
                "digit": int(named[i]),
                "confidence": round(float(probabilities[i].max()), 4),
                "reason": reasons[i],
            }
            for i in worst
        ],
        faults=pictures.faults,
    )
    return outcome, _findings(outcome, pictures, named, worst)


def _shares(
    groups: list[str], correct: np.ndarray, digits: np.ndarray
) -> dict[str, tuple[int, int]]:
    """Of each group, its digits, and how many are read correctly; unnamed ones are left out."""
    found: dict[str, tuple[int, int]] = {}
    for name in sorted(set(groups) - {""}):
        members = np.array([group == name for group in groups]) & digits
        if members.any():
            found[name] = int(members.sum()), int(correct[members].sum())
    return found


def _findings(
    outcome: Outcome, pictures: Labelled, named: np.ndarray, worst: np.ndarray
) -> Findings:
    from ann_models.figures import digits as figures

    numbers = ("accuracy", "low", "high", "marked", "wrong_unmarked", "calibration_error")
    measured = {name: getattr(outcome, name) for name in (*numbers, "non_digits_marked")}
    measured |= {"digits": outcome.digits, "non_digits": outcome.non_digits}
    measured["unreadable"] = len(outcome.faults)
    measured |= {f"accuracy/{c}": right / n for c, (n, right) in outcome.by_class.items()}
    labels, digits = pictures.labels, pictures.labels != NO_DIGIT
    matrix = confusion_matrix(labels[digits], named[digits])
    found = Findings(
        metrics={name: float(value) for name, value in measured.items() if value is not None},
        figures={"confusion_matrix": figures.confusion(matrix, f"{digits.sum():,} own pictures")},
        tables={
            "confusion_matrix": {"true": list(range(10))}
            | {f"predicted_{digit}": matrix[:, digit].tolist() for digit in range(10)}
        },
    )
    for kind in ("by_class", "by_writer"):
        groups: dict[str, tuple[int, int]] = getattr(outcome, kind)
        if groups:
            found.tables[kind] = {
                kind.removeprefix("by_"): [*groups],
                "digits": [count for count, _ in groups.values()],
                "correct": [right for _, right in groups.values()],
            }
    if outcome.errors:
        found.tables["errors"] = {
            key: [error[key] for error in outcome.errors] for key in outcome.errors[0]
        }
        shown = worst[:SHOWN]
        true = ["none" if label == NO_DIGIT else str(label) for label in labels[shown]]
        texts = [f"{a} → {b}" for a, b in zip(true, named[shown], strict=True)]
        title = "Errors: true → predicted digit"
        found.figures["errors"] = figures.labelled_grid(pictures.images[shown], texts, title)
    return found
