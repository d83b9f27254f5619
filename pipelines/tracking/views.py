"""What a person sees of our runs in MLflow's UI: comparison views, notes and colours."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from urllib.parse import quote

from ann_models import data_name
from ann_models.derive import LONGEST_NAME
from ann_models.entry import Question, Variant
from ann_models.variants import VARIANTS
from pipelines.tracking.question_views import LATEST_RUNS, VIEWS, pictures_section
from pipelines.tracking.saved_views import Section, View, bar, line, link, tags

# Shares that are too small for the two digits of a bar: runs log them in per cent, too.
IN_PERCENT = ("generalisation_gap", "nearly_zero_weights", "robustness")

SHOWN_VALUE = 24  # characters of a setting in a run's name

# Okabe & Ito (2008), then darker tones of the same hues for questions with many variants.
PALETTE = (
    "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9",
    "#000000", "#8C8C8C", "#7F3B08", "#542788", "#01665E", "#9E9D24",
)  # fmt: skip

# By study: the figure that stands for a run among the runs of its question.
PANELS = {
    "perceptron": "decision_lines",
    "xor_mlp": "decision_regions",
    "xor_kernel": "lifted_space",
    "linear_classification": "boundary",
    "nonlinear_classification": "decision_regions",
    "relu_shapes": "relu_shapes",
    "points_classification": "decision_regions",
    "points_regression": "fitted_curve",
    "relu_regression": "sum_of_neurons",
    "recursion": "recursion",
    "losses": "loss_curves",
    "gradient_descent": "descent_paths",
    "backpropagation": "cost_against_depth",
    "mnist_samples": "labelled_grid",
    "mnist": "worst_mistakes",
    "vanishing_gradient": "gradient_norms_in_training",
    "overfit": "fitted_curve",
    "overfit_batch_norm": "fitted_curve",
    "overfit_dropout": "fitted_curve",
    "overfit_early_stopping": "fitted_curve",
    "mnist_augmented": "augmented_samples",
    "mnist_data_size": "confusion_matrix",
    "other_hands": "generated_digits",
}


def views_for(question: str, title: str = "") -> dict[str, str]:
    """The tags to set on a question's experiment; `title` names one that is not the lecture's."""
    return tags(_views(question, title))


def _views(question: str, title: str = "") -> tuple[View, ...]:
    return VIEWS.get(question) or (
        View(
            question,
            title,
            (
                "metrics.final_train_loss",
                "metrics.spread/final_train_loss",
                "metrics.train_accuracy",
                "metrics.val_accuracy",
                "metrics.test_accuracy",
            ),
            (
                pictures_section(question),
                Section(
                    "Learning",
                    (
                        line("train_loss", "val_loss", log="xy"),
                        line("train_accuracy", "val_accuracy"),
                        line("seeds/final_train_loss", log="y"),
                        bar("val_accuracy"),
                    ),
                ),
            ),
            LATEST_RUNS,
        ),
    )


def experiment_note(question: Question, experiment_id: str) -> str:
    """The experiment's note in Markdown, in one line: the UI shows no more unless asked."""
    links = (
        f"[{v.name}]({link('', experiment_id, v.id)})" for v in _views(question.key, question.title)
    )
    return f"{question.look_at} {' · '.join(links)}"


def pictures(run_id: str, figures: Iterable[str]) -> str:
    """A run's figures (artifact paths) in Markdown, for a note: the UI shows them in place."""
    return "\n\n".join(
        f"![](get-artifact?path={quote(path)}&run_uuid={run_id})" for path in figures
    )


def run_name(variant: Variant) -> str:
    """A run's name, which MLflow's list cuts at its end: of a changed row, what differs is first.

    Of a long value the middle is left out: files differ in their ends.
    """
    values = [(key, data_name.short(value)) for key, value in variant.changes]
    said = [
        f"{key}={value if len(value) <= SHOWN_VALUE else f'{value[:6]}…{value[7 - SHOWN_VALUE :]}'}"
        for key, value in values
    ]
    return " · ".join([*said, variant.derived_from or variant.name])[:LONGEST_NAME]


def colour(variant: Variant) -> str:
    """The colour of a variant's runs, "#RRGGBB": its place among the question's variants."""
    siblings = [v.name for v in VARIANTS.values() if v.question == variant.question]
    if variant.name not in siblings:
        return PALETTE[zlib.crc32(variant.name.encode()) % len(PALETTE)]
    return PALETTE[siblings.index(variant.name) % len(PALETTE)]
