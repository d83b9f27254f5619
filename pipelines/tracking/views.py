"""What a person sees of our runs in MLflow's UI: comparison views, notes and colours."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from urllib.parse import quote

from ann_models.entry import Question, Variant
from ann_models.variants import VARIANTS
from pipelines.tracking.saved_views import (
    Section,
    View,
    bar,
    images,
    line,
    link,
    parallel,
    scatter,
    tags,
)
from pipelines.tracking.tags import LATEST

LATEST_RUNS = f"attributes.status = 'FINISHED' AND tags.{LATEST} = 'true'"

# Shares that are too small for the two digits of a bar: runs log them in per cent, too.
IN_PERCENT = ("generalisation_gap", "nearly_zero_weights", "robustness")

# By question: the title of the card that shows one figure of each run. MLflow takes it from the key
# under which the image is logged.
PICTURES = {
    "one_neuron": "What separates the points",
    "boundary": "Decision boundaries",
    "neurons": "Fitted shapes",
    "learning": "What each idea looks like",
    "digits": "Digits and the worst mistakes",
    "vanishing": "Gradient norms in training",
    "overfitting": "Fitted curves",
    "data": "Augmented digits and confusions",
    "accuracy": "The remaining mistakes",
}

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

_ONE_ROW, _TWO_ROWS = 400, 680  # pixels of the card that shows three images a row


def picture_title(question: str) -> str:
    """The title of the card that shows one figure of each run of a question."""
    return PICTURES.get(question, "One figure of each run")


def _pictures(
    question: str, name: str = "One figure of each run", height: int = _TWO_ROWS
) -> Section:
    return Section(name, (images(picture_title(question)),), columns=1, height=height)


_ONE_NEURON = View(
    "one_neuron",
    "What can one neuron learn?",
    ("params.epochs", "metrics.xor_best_accuracy", "metrics.train_accuracy"),
    (
        Section(
            "One neuron: AND and OR are learned, XOR is not",
            (
                line("and_mistakes", "or_mistakes", "xor_mistakes"),
                bar("and_accuracy", "or_accuracy", "xor_best_accuracy", "train_accuracy"),
            ),
        ),
        Section(
            "XOR: with a hidden layer, or with the feature x₁·x₂",
            (line("train_accuracy", log="x"), line("train_loss", log="xy")),
        ),
        _pictures("one_neuron", height=_ONE_ROW),
    ),
    LATEST_RUNS,
)
_BOUNDARY = View(
    "boundary",
    "Where is the boundary?",
    ("params.epochs", "metrics.train_accuracy", "metrics.angle_degrees"),
    (
        _pictures("boundary", "A line; a line bent by hidden units", _ONE_ROW),
        Section(
            "Ten epochs are enough",
            (
                line("train_loss"),
                line("train_accuracy"),
                bar("train_accuracy"),
                bar("angle_degrees"),
            ),
        ),
    ),
    LATEST_RUNS,
)
_NEURONS = View(
    "neurons",
    "How many neurons fit a curve?",
    (
        "params.epochs",
        "metrics.hidden_units",
        "metrics.final_train_loss",
        "metrics.spread/final_train_loss",
        "metrics.max_error",
    ),
    (
        _pictures("neurons", "Each neuron adds one kink"),
        Section(
            "More neurons, smaller loss; it depends on the seed",
            (
                line("train_loss", log="xy"),
                line("seeds/final_train_loss", log="y"),
                bar("max_error"),
                bar("dead_neurons"),
            ),
        ),
    ),
    LATEST_RUNS,
)
_LEARNING = View(
    "learning",
    "How does a network learn?",
    (
        "metrics.largest_difference",
        "metrics.central_differences_relative_error",
        "metrics.gradient_tape_relative_error",
    ),
    (
        Section(
            "Memory saves work: in recursion, in the backward pass",
            (
                bar("naive_calls", "memoised_calls"),
                bar("without_memory_products", "with_memory_products"),
            ),
        ),
        Section(
            "Three ways down one loss surface",
            (
                line(
                    *(f"{way}_train_loss" for way in ("gradient_descent", "momentum", "adam")),
                    log="y",
                ),
            ),
            columns=1,
        ),
        _pictures("learning"),
    ),
    LATEST_RUNS,
)
_DIGITS = View(
    "digits",
    "Which digit is it?",
    (
        "params.epochs",
        "metrics.parameters",
        "metrics.train_seconds",
        "metrics.train_accuracy",
        "metrics.test_accuracy",
        "metrics.generalisation_gap",
    ),
    (
        Section(
            "Learning and overfitting: training, validation",
            (line("train_loss", "val_loss", log="y"), line("train_accuracy", "val_accuracy")),
        ),
        Section(
            "On ten thousand unseen digits",
            (
                bar("test_error_count"),
                bar("generalisation_gap_percent"),
                scatter("parameters", "test_accuracy"),
                scatter("train_seconds", "test_accuracy"),
            ),
        ),
        _pictures("digits", height=_ONE_ROW),
    ),
    LATEST_RUNS,
)
_VANISHING = View(
    "vanishing",
    "Why do deep gradients vanish?",
    (
        "metrics.gradient_norm_start_first_to_last",
        "metrics.zero_activation_share",
        "metrics.test_accuracy",
    ),
    (
        Section(
            "The gradient by layer; layer 1's by epoch",
            (line("gradient_norm_by_layer", log="y"), line("gradient_norm_layer_1", log="y")),
        ),
        Section(
            "What learns, and what does not",
            (
                line("train_loss", "val_loss"),
                line("val_accuracy"),
                bar("test_accuracy"),
                line("zero_activation_share"),
            ),
        ),
        _pictures("vanishing", height=_ONE_ROW),
    ),
    LATEST_RUNS,
)
_OVERFITTING = View(
    "overfitting",
    "How is overfitting tamed?",
    (
        "params.epochs",
        "metrics.train_mse",
        "metrics.curve_roughness",
        "metrics.weights_norm_l2",
        "metrics.stopped_epoch",
    ),
    (
        Section(
            "A rough curve through every point, or a smooth one",
            (bar("curve_roughness"), scatter("train_mse", "curve_roughness")),
        ),
        _pictures("overfitting", "Through every point, or smooth between them"),
        Section(
            "Losses and weights",
            (
                line("train_loss", log="xy"),
                line("val_loss", log="xy"),
                bar("weights_norm_l2"),
                scatter("weights_norm_l2", "curve_roughness"),
            ),
        ),
    ),
    f"{LATEST_RUNS} AND params.row != '22'",
)
_PENALTY = View(
    "overfitting-penalty",
    "What does the penalty λ do?",
    (
        "params.penalty_norm",
        "params.penalty_strength",
        "metrics.train_mse",
        "metrics.curve_roughness",
        "metrics.weights_norm_l1",
        "metrics.weights_norm_l2",
        "metrics.nearly_zero_weights",
    ),
    (
        Section(
            "A larger λ: smaller weights, a smoother curve",
            (
                bar("weights_norm_l2"),
                bar("nearly_zero_weights_percent"),
                bar("curve_roughness"),
                scatter("train_mse", "curve_roughness"),
            ),
        ),
        Section(
            "From λ to the fit",
            (parallel("penalty_strength", "weights_norm_l2", "curve_roughness", "train_mse"),),
            columns=1,
        ),
        _pictures("overfitting", "Through every point, or smooth between them"),
    ),
    f"{LATEST_RUNS} AND params.study = 'overfit'",  # row 22, and row 19, where λ = 0
)
_SIZES = (
    "metrics.train_size",
    "params.augmentation",
    "metrics.test_accuracy",
    "metrics.generalisation_gap",
)
_DATA = View(
    "data",
    "What does more data bring?",
    _SIZES,
    (
        Section(
            "Test error against the number of training digits",
            (line("test_error_by_train_size", log="xy"),),
            columns=1,
            height=500,
        ),
    ),
    LATEST_RUNS,
    group_by="augmentation",
)
_DATA_RUNS = View(
    "data-runs",
    "Run by run",
    _SIZES,
    (
        Section(
            "Training and validation",
            (
                line("train_loss", log="xy"),
                line("val_accuracy", log="x"),
                bar("test_error_count"),
                bar("generalisation_gap_percent"),
            ),
        ),
        _pictures("data"),
    ),
    LATEST_RUNS,
)
_HANDS = View(
    "hands",
    "Whose handwriting is read?",
    ("metrics.hands_accuracy", "metrics.test_accuracy", "metrics.non_digits_marked"),
    (
        Section(
            "Other hands than MNIST's, and what is no digit",
            (bar("hands_accuracy", "test_accuracy"), bar("non_digits_marked", "hands_marked")),
            columns=2,
        ),
        _pictures("Generated digits"),
    ),
    LATEST_RUNS,
)
_ACCURACY = View(
    "accuracy",
    "What is the highest accuracy?",
    (
        "metrics.test_accuracy",
        "metrics.spread/test_accuracy",
        "metrics.val_accuracy",
        "metrics.test_error_count",
        "metrics.parameters",
        "metrics.train_seconds",
        "metrics.ece",
        "metrics.robustness",
    ),
    (
        Section(
            "The best, and what it costs",
            (
                bar("test_error_count"),
                scatter("parameters", "test_accuracy"),
                scatter("train_seconds", "test_accuracy"),
                bar("robustness_percent"),
            ),
        ),
        Section(
            "Learning", (line("val_accuracy"), line("train_loss", "val_loss", log="y")), columns=2
        ),
        _pictures("accuracy", height=_ONE_ROW),
    ),
    LATEST_RUNS,
)

# By question; the first view of a question has its key as id.
VIEWS: dict[str, tuple[View, ...]] = {
    "one_neuron": (_ONE_NEURON,),
    "boundary": (_BOUNDARY,),
    "neurons": (_NEURONS,),
    "learning": (_LEARNING,),
    "digits": (_DIGITS,),
    "vanishing": (_VANISHING,),
    "overfitting": (_OVERFITTING, _PENALTY),
    "data": (_DATA, _DATA_RUNS),
    "hands": (_HANDS,),
    "accuracy": (_ACCURACY,),
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
                _pictures(question),
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


def colour(variant: Variant) -> str:
    """The colour of a variant's runs, "#RRGGBB": its place among the question's variants."""
    siblings = [v.name for v in VARIANTS.values() if v.question == variant.question]
    if variant.name not in siblings:
        return PALETTE[zlib.crc32(variant.name.encode()) % len(PALETTE)]
    return PALETTE[siblings.index(variant.name) % len(PALETTE)]
