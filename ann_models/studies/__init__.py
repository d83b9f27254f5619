"""What each row of the lecture measures and shows: one function a study."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from ann_models.entry import Variant
from ann_models.errors import UnknownName
from ann_models.findings import Findings

Study = Callable[..., Findings]  # (variant, data, training or None) -> Findings

_STUDIES = {
    "first_principles": (
        "perceptron",
        "xor_kernel",
        "relu_shapes",
        "recursion",
        "losses",
        "gradient_descent",
        "backpropagation",
    ),
    "classification": ("xor_mlp", "linear_classification", "nonlinear_classification"),
    "regression": ("relu_regression",),
    "points": ("points_classification", "points_regression"),
    "digits": ("mnist_samples", "mnist", "mnist_augmented", "mnist_data_size", "other_hands"),
    "vanishing": ("vanishing_gradient",),
    "overfitting": (
        "overfit",
        "overfit_batch_norm",
        "overfit_dropout",
        "overfit_early_stopping",
    ),
}
_MODULES = {study: module for module, studies in _STUDIES.items() for study in studies}


def study_of(variant: Variant) -> Study:
    """The function that measures this variant; its module is imported only now.

    Raises:
        UnknownName: no study has the name in `variant.study`.
    """
    if variant.study not in _MODULES:
        raise UnknownName(
            f"{variant.name} asks for the study {variant.study!r}; there are {', '.join(_MODULES)}."
        )
    module = import_module(f"ann_models.studies.{_MODULES[variant.study]}")
    study: Study = getattr(module, variant.study)
    return study
