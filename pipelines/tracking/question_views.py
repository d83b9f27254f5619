"""The saved comparison views of each question: which charts, of which metrics, in which order."""

from __future__ import annotations

from dataclasses import replace

from ann_models.entry import IMAGES
from pipelines.tracking.saved_views import Section, View, bar, images, line, parallel, scatter
from pipelines.tracking.tags import LATEST

LATEST_RUNS = f"attributes.status = 'FINISHED' AND tags.{LATEST} = 'true'"
# Counts on ten thousand digits say nothing beside those on an image data set of one's own.
DIGIT_RUNS = f"{LATEST_RUNS} AND params.data = 'digits'"
OWN_RUNS = f"{LATEST_RUNS} AND params.data LIKE '{IMAGES}%'"
_OWN = "-own"  # ends the id of the view of OWN_RUNS

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
    "hands": "Generated handwriting",
    "accuracy": "The remaining mistakes",
}

_ONE_ROW, _TWO_ROWS = 400, 680  # pixels of the card that shows three images a row


def picture_title(question: str) -> str:
    """The title of the card that shows one figure of each run of a question."""
    return PICTURES.get(question, "One figure of each run")


def pictures_section(
    question: str, name: str = "One figure of each run", height: int = _TWO_ROWS
) -> Section:
    """The card that shows one figure of each run of a question; `height` in pixels."""
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
        pictures_section("one_neuron", height=_ONE_ROW),
    ),
    LATEST_RUNS,
)
_BOUNDARY = View(
    "boundary",
    "Where is the boundary?",
    ("params.epochs", "metrics.train_accuracy", "metrics.angle_degrees"),
    (
        pictures_section("boundary", "A line; a line bent by hidden units", _ONE_ROW),
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
        pictures_section("neurons", "Each neuron adds one kink"),
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
        pictures_section("learning"),
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
        pictures_section("digits", height=_ONE_ROW),
    ),
    DIGIT_RUNS,
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
        pictures_section("vanishing", height=_ONE_ROW),
    ),
    DIGIT_RUNS,
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
        pictures_section("overfitting", "Through every point, or smooth between them"),
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
        pictures_section("overfitting", "Through every point, or smooth between them"),
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
    DIGIT_RUNS,
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
        pictures_section("data"),
    ),
    DIGIT_RUNS,
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
        pictures_section("hands"),
    ),
    DIGIT_RUNS,
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
        pictures_section("accuracy", height=_ONE_ROW),
    ),
    DIGIT_RUNS,
)


def _own(view: View) -> View:
    """The same of image data sets of one's own."""
    sections = tuple(
        replace(s, name=s.name.replace("ten thousand unseen digits", "unseen pictures"))
        for s in view.sections
    )
    return replace(
        view,
        id=f"{view.id}{_OWN}",
        name="Pictures of your own",
        sections=sections,
        runs=OWN_RUNS,
    )


# By question; the first view of a question has its key as id.
VIEWS: dict[str, tuple[View, ...]] = {
    "one_neuron": (_ONE_NEURON,),
    "boundary": (_BOUNDARY,),
    "neurons": (_NEURONS,),
    "learning": (_LEARNING,),
    "digits": (_DIGITS, _own(_DIGITS)),
    "vanishing": (_VANISHING, _own(_VANISHING)),
    "overfitting": (_OVERFITTING, _PENALTY),
    "data": (_DATA, _DATA_RUNS, _own(_DATA_RUNS)),
    "hands": (_HANDS,),
    "accuracy": (_ACCURACY, _own(_ACCURACY)),
}


def view_of(question: str, own_pictures: bool) -> str:
    """The id of the view that shows runs of a question, on digits or on pictures of one's own."""
    views = VIEWS.get(question, ())
    found = next((v.id for v in views if v.runs == OWN_RUNS), question)
    return found if own_pictures else question
