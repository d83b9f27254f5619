"""Rows 15 to 17 and 24: which digit is it, how sure is the network, and what more data brings.

Validation decides which seed's network is *the* network; the test digits only report.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ann_models.digits.augmentation import augment
from ann_models.digits.non_digits import KINDS
from ann_models.digits.people import held_out
from ann_models.digits.rejection import judged as judged_on_people
from ann_models.digits.rejection import served_form
from ann_models.digits.robustness import under_each_corruption
from ann_models.evaluation import (
    accuracy,
    confusion_matrix,
    cross_entropies,
    digit_probabilities,
    expected_calibration_error,
    named_classes,
    predict,
    predict_each,
    wilson_interval,
    worst_errors,
)
from ann_models.figures import digits as figures
from ann_models.figures import frames
from ann_models.findings import Findings
from ann_models.studies.frames import trajectory
from ann_models.studies.over_seeds import learned

if TYPE_CHECKING:
    import keras
    from matplotlib.figure import Figure

    from ann_models.datasets import Dataset
    from ann_models.entry import Variant
    from ann_models.training.trainer import Training

SPLITS = ("train", "val", "test")
SHOWN = 5  # the index of the training digit that the lecture shows
EACH = 4  # digits of every class in the labelled grid
WORST = 30  # errors that are shown
VERSIONS = 5  # augmented versions of each sample
CORRUPTED = 500  # test digits that are evaluated under each corruption


def mnist_samples(variant: Variant, data: Dataset, training: None = None) -> Findings:
    """Row 15: what the network will see."""
    arrays = data.arrays
    counts = {split: np.bincount(arrays[f"y_{split}"], minlength=10) for split in SPLITS}
    x, y = arrays["x_train"], arrays["y_train"]
    columns = np.stack([np.flatnonzero(y == digit)[:EACH] for digit in range(10)], axis=1).ravel()
    return Findings(
        metrics={f"{split}_size": float(count.sum()) for split, count in counts.items()},
        figures={
            "digit": figures.digit(x[SHOWN], y[SHOWN]),
            "labelled_grid": figures.labelled_grid(x[columns], y[columns], "Training digits"),
            "class_counts": figures.class_counts(counts),
        },
        tables={
            "arrays": {
                "array": list(arrays),
                "shape": [str(array.shape) for array in arrays.values()],
                "dtype": [str(array.dtype) for array in arrays.values()],
                "lowest": [float(array.min()) for array in arrays.values()],
                "highest": [float(array.max()) for array in arrays.values()],
            },
            "class_counts": {"digit": list(range(10))} | {s: c.tolist() for s, c in counts.items()},
        },
    )


def mnist(variant: Variant, data: Dataset, training: Training) -> Findings:
    """Rows 16 and 17: how well the digits are classified, and which errors are the worst."""
    judged = _judged(variant, data, training)
    findings, probabilities = judged.findings, judged.probabilities
    images, labels = data.arrays["x_test"], data.arrays["y_test"]
    named = named_classes(probabilities)
    worst = worst_errors(probabilities, labels, WORST)
    names = np.array(_class_names(data))
    one = int(np.random.default_rng(0).integers(len(images)))
    if variant.registered:
        _add_robustness(findings, data, judged.model)
    findings.figures |= {
        "worst_mistakes": figures.worst_errors(
            images[worst],
            names[labels[worst]],
            names[named[worst]],
            f"{len(labels):,} test {_pictures_of(data)}s",
        ),
        "prediction": figures.prediction(
            images[one],
            labels[one],
            probabilities[one],
            f"test {_pictures_of(data)} {one:,}",
            list(names),
        ),
    }
    first = judged.model.get_weights()[0]
    if first.ndim > 1:  # normalisation before every kernel has one number a pixel
        findings.figures["first_layer_weights"] = figures.weight_pictures(
            *_pictures(first, images[0])
        )
    if first.ndim > 1 and (path := trajectory(variant, training, judged.seed)):
        pictures = [_pictures(kernel, images[0]) for kernel in path.weights[0]]
        findings.animations["first_layer_weights"] = frames.weight_pictures(
            np.stack([picture for picture, _ in pictures]), pictures[0][1], path.epochs
        )
    findings.tables["worst_mistakes"] = {
        "test_digit": worst.tolist(),
        "true": names[labels[worst]].tolist(),
        "predicted": names[named[worst]].tolist(),
        "loss": cross_entropies(probabilities, labels)[worst].tolist(),
    }
    return findings


def mnist_augmented(variant: Variant, data: Dataset, training: Training) -> Findings:
    """Row 24: row 16's network, trained on distorted digits."""
    findings = mnist(variant, data, training)
    findings.figures |= _augmented_samples(variant, data)
    return findings


def mnist_data_size(variant: Variant, data: Dataset, training: Training) -> Findings:
    """Row 24: row 16's network on a part of the training digits."""
    findings = _judged(variant, data, training).findings
    findings.figures |= _augmented_samples(variant, data)
    return findings


def other_hands(variant: Variant, data: Dataset, training: Training) -> Findings:
    """Row 25: what handwriting other than MNIST's is worth, and what is no digit at all."""
    findings = mnist(variant, data, training)
    people = held_out()
    columns = np.stack([np.flatnonzero(people.labels == digit)[:6] for digit in range(10)], axis=1)
    shown = columns.ravel()
    kinds = list(KINDS)
    others = np.stack([np.flatnonzero(people.kinds == kind)[:10] for kind in range(len(kinds))])
    names = [kind if column == 4 else "" for kind in kinds for column in range(others.shape[1])]
    findings.figures |= {
        "generated_digits": figures.labelled_grid(
            people.images[shown], people.labels[shown], "Generated digits of held-out writers"
        ),
        "non_digits": figures.labelled_grid(
            people.non_digits[others.ravel()], names, "What is not one upright digit"
        ),
    }
    return findings


def scores(
    data: Dataset, models: list[keras.Model]
) -> tuple[dict[str, list[float]], list[np.ndarray]]:
    """Each model's accuracy in every split, its test loss, and train − test accuracy.

    Returns:
        These by metric name, and each model's test probabilities (n, 10).
    """
    labels = {split: data.arrays[f"y_{split}"] for split in SPLITS}
    found = predict_each(models, [data.arrays[f"x_{split}"] for split in SPLITS])
    outputs = {
        s: [_probabilities(data, o) for o in each] for s, each in zip(SPLITS, found, strict=True)
    }
    measured = {
        f"{split}_accuracy": [accuracy(o, labels[split]) for o in outputs[split]]
        for split in SPLITS
    }
    measured["generalisation_gap"] = [
        train - test
        for train, test in zip(measured["train_accuracy"], measured["test_accuracy"], strict=True)
    ]
    measured["test_loss"] = [
        float(cross_entropies(o, labels["test"]).mean()) for o in outputs["test"]
    ]
    return measured, outputs["test"]


@dataclass(frozen=True)
class _Judged:
    """The findings on all seeds, and the chosen seed's model with its test answers, as served."""

    findings: Findings
    seed: int  # its index
    model: keras.Model
    probabilities: np.ndarray


def _judged(variant: Variant, data: Dataset, training: Training) -> _Judged:
    measured, test_outputs = scores(data, training.models)
    best = int(np.argmax(measured["val_accuracy"]))
    arrays, labels = data.arrays, data.arrays["y_test"]
    model, probabilities = training.models[best], test_outputs[best]
    calibration: dict[str, float] = {}
    if variant.registered:  # as it will be served
        form = served_form(model, data)
        uncalibrated = expected_calibration_error(probabilities, labels)
        calibration = {"temperature": form.temperature, "ece_uncalibrated": uncalibrated}
        if not data.classes:  # digits
            calibration |= judged_on_people(form).metrics()
            del calibration["hands_accuracy"]  # of one seed; that of all follows
            people = held_out()
            measured["hands_accuracy"] = [
                accuracy(_answers(data, each, people.images), people.labels)
                for each in training.models
            ]
        model, probabilities = form.model, _answers(data, form.model, arrays["x_test"])
    names = _class_names(data)
    matrix = confusion_matrix(labels, named_classes(probabilities), len(names))
    right = int(matrix.trace())
    low, high = wilson_interval(right, len(labels))
    findings = learned(variant, training, **measured)
    findings.metrics |= {
        "train_size": float(len(data.arrays["x_train"])),
        "best_seed": float(training.seeds[best]),
        "best_test_accuracy": right / len(labels),
        "best_test_accuracy_low": low,
        "best_test_accuracy_high": high,
        "test_error_count": float(len(labels) - right),
        "ece": expected_calibration_error(probabilities, labels),
    } | calibration
    size = len(data.arrays["x_train"])
    findings.series["test_error_by_train_size"] = {size: 1 - findings.metrics["test_accuracy"]}
    findings.figures["confusion_matrix"] = figures.confusion(
        matrix,
        f"{len(labels):,} test {_pictures_of(data)}s, seed {training.seeds[best]}",
        names,
    )
    findings.tables["confusion_matrix"] = {"true": names} | {
        f"predicted_{name}": matrix[:, number].tolist() for number, name in enumerate(names)
    }
    return _Judged(findings, best, model, probabilities)


def _add_robustness(findings: Findings, data: Dataset, model: keras.Model) -> None:
    """How the chosen model does under each corruption, and what the corruptions look like."""
    versions = under_each_corruption(data.arrays["x_test"][:CORRUPTED])
    labels = data.arrays["y_test"][:CORRUPTED]
    right = {name: accuracy(_answers(data, model, x), labels) for name, x in versions.items()}
    findings.metrics |= {f"test_accuracy_{name}": share for name, share in right.items()}
    findings.metrics["robustness"] = float(np.mean(list(right.values())))
    findings.figures["robustness"] = figures.robustness(
        {name: x[: figures.SHOWN_CORRUPTED] for name, x in versions.items()},
        right,
        f"{len(labels):,} test {_pictures_of(data)}s",
    )


def _answers(data: Dataset, model: keras.Model, images: np.ndarray) -> np.ndarray:
    return _probabilities(data, predict(model, images))


def _probabilities(data: Dataset, outputs: np.ndarray) -> np.ndarray:
    """The probabilities (n, 10) of the ten digits, or (n, classes) of an image data set's."""
    return outputs if data.classes else digit_probabilities(outputs)


def _pictures_of(data: Dataset) -> str:
    return "image" if data.classes else "digit"


def _class_names(data: Dataset) -> list[str]:
    return list(data.classes) or [str(digit) for digit in range(10)]


def _pictures(kernel: np.ndarray, image: np.ndarray) -> tuple[np.ndarray, str]:
    """The first layer's weights as pictures: hidden units' (784 → 28×28) or kernels' (3×3)."""
    if kernel.ndim == 2:
        return kernel.T.reshape(-1, *image.shape), "Weights of the hidden units"
    return kernel[:, :, 0].transpose(2, 0, 1), "Kernels of the first convolution"


def _augmented_samples(variant: Variant, data: Dataset) -> dict[str, Figure]:
    """The first ten training digits, each in several versions, where the variant augments."""
    if variant.augmentation is None:
        return {}
    originals = data.arrays["x_train"][:10]
    versions = [
        np.asarray(augment(originals, variant.augmentation, [0, i])) for i in range(VERSIONS)
    ]
    return {"augmented_samples": figures.augmented_samples(originals, np.stack(versions))}
