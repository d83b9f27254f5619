"""A variant as one short Keras script in the lecture's own style, without this project.

The script starts from the initial weights, the data and the dropout masks of the pipeline's run of
the same seed. Batches come in the order of Keras's `fit`, so losses agree with `fit` to the digit
and with the pipeline's trainer up to that order.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from ann_models import entry
from ann_models.code import data_source
from ann_models.digits.augmentation import Augmentation
from ann_models.entry import Variant
from ann_models.errors import UnsupportedLayer

MAX_LINES = 60  # of code: comments and empty lines are not counted
MAX_WIDTH = 100
_CONTINUED = "\n" + " " * len("loss = model.fit(")


@dataclass(frozen=True)
class Section:
    """Lines of the script that belong together: a cell of the notebook."""

    heading: str
    code: str


def script(variant: Variant, seed: int = 0, weights: str | None = None) -> str:
    """The Python source of a variant for one seed.

    Args:
        variant: an entry with layers.
        seed: of the initial weights and the dropout masks.
        weights: the file name of a trained network that the script compares with its own.

    Raises:
        UnsupportedLayer: nothing is trained, or its training does not fit a short script.
    """
    look_at = " ".join(variant.look_at.split())  # a comment has one line
    title = f"# {variant.name}: {look_at}\n"
    parts = sections(variant, seed, weights)
    return title + "\n\n".join(f"# {part.heading}\n{part.code}" for part in parts) + "\n"


def sections(variant: Variant, seed: int = 0, weights: str | None = None) -> list[Section]:
    """The script's parts, in order; arguments and errors as for `script`."""
    _require_expressible(variant)
    found = [
        Section("packages", _imports(seed)),
        Section("training data", data_source.code(variant)),
    ]
    if variant.augmentation:
        found.append(Section("distortion", data_source.distortion(variant.augmentation, seed)))
    found += [
        Section("model", _model(variant, seed)),
        Section("loss and optimizer", _compile(variant)),
        Section("training", _fit(variant)),
        Section("panel", data_source.panel(variant)),
    ]
    if weights:
        found.append(Section("the pipeline's network of this seed", _load(variant, weights)))
    return found


def _require_expressible(variant: Variant) -> None:
    if not variant.layers:
        why = "answers with other networks" if variant.members else "trains nothing with Keras"
        raise UnsupportedLayer(
            f"{variant.name} {why}, so there is no training script; `ann list` names the rows, "
            "e.g. `ann code relu_regression_4`."
        )
    if variant.other_hands:
        raise UnsupportedLayer(
            f"{variant.name} learns from generated handwriting, which no script of {MAX_LINES} "
            "lines writes; `ann code mnist_cnn` is one that fits."
        )
    if variant.distillation:
        raise UnsupportedLayer(
            f"{variant.name} learns from the networks of {variant.distillation.teacher}, which no "
            f"script of {MAX_LINES} lines trains; `ann code mnist_cnn` is one that fits."
        )
    too_much = [
        f.name
        for f in fields(Augmentation)
        if f.name not in ("shift", "rotation", "elastic_alpha", "elastic_sigma")
        and variant.augmentation
        and getattr(variant.augmentation, f.name)
    ]
    if any(isinstance(layer, entry.Deslant) for layer in variant.layers):
        too_much.append("the Deslant layer")
    if too_much:
        raise UnsupportedLayer(
            f"{variant.name} uses {', '.join(too_much)}, which take more than a script of "
            f"{MAX_LINES} lines; `ann code mnist_augmented` distorts digits in one that fits."
        )


def _imports(seed: int) -> str:
    return (
        "import numpy as np\n"
        "import matplotlib.pyplot as plt\n"
        "import tensorflow as tf\n\n"
        f"tf.keras.utils.set_random_seed({seed})"
    )


def _model(variant: Variant, seed: int) -> str:
    lines = ["glorot = tf.keras.initializers.GlorotUniform  # Keras's default, here with a seed"]
    if variant.penalty:
        kind = variant.penalty.norm.upper()
        lines.append(f"penalty = tf.keras.regularizers.{kind}({variant.penalty.strength!r})")
    lines += ["model = tf.keras.models.Sequential([", f"    {data_source.input_layer(variant)},"]
    if variant.augmentation:
        lines.append("    Distortion(),")
    convolves = False
    for position, layer in enumerate(variant.layers):
        if isinstance(layer, entry.Convolution) and not convolves:
            convolves = True
            lines.append("    tf.keras.layers.Reshape((28, 28, 1)),")
        line = f"    tf.keras.layers.{_layer(layer, seed * 1000 + position, variant)},"
        if len(line) > MAX_WIDTH:
            line = line.replace(" kernel_initializer", "\n        kernel_initializer")
        lines.append(line)
    return "\n".join([*lines, "])"])


def _layer(layer: entry.Layer, seed: int, variant: Variant) -> str:
    """Keras's name of a layer with its arguments."""
    kernel = f"kernel_initializer = glorot({seed})"
    if variant.penalty:
        kernel += ", kernel_regularizer = penalty"
    match layer:
        case entry.Dense(units, activation, use_bias):
            shape = "" if activation == "linear" else f", activation = {activation!r}"
            bias = "" if use_bias else ", use_bias = False"
            return f"Dense(units = {units}{shape}{bias}, {kernel})"
        case entry.Convolution(filters, size, strides, activation):
            step = "" if strides == 1 else f", strides = {strides}"
            shape = "" if activation == "linear" else f", activation = {activation!r}"
            return f"Conv2D({filters}, {size}{step}, padding = 'same'{shape}, {kernel})"
        case entry.MaxPooling(size):
            return f"MaxPooling2D({size})"
        case entry.Flatten():
            return "Flatten()"
        case entry.BatchNormalization(momentum):
            keras_default = momentum == entry.BatchNormalization().momentum
            return f"BatchNormalization({'' if keras_default else f'momentum = {momentum!r}'})"
        case entry.ActivationLayer(activation):
            return f"Activation({activation!r})"
        case entry.Dropout(rate):
            return f"Dropout(rate = {rate!r}, seed = {seed})"
        case entry.Deslant():
            raise UnsupportedLayer("Deslant has no form in Keras.")


def _compile(variant: Variant) -> str:
    metrics = "" if variant.loss == "mse" else ", metrics = ['accuracy']"
    return (
        f"{_rate(variant)}model.compile(optimizer = tf.keras.optimizers.{_optimizer(variant)},\n"
        f"              loss = {variant.loss!r}{metrics})"
    )


def _rate(variant: Variant) -> str:
    rate = variant.optimizer.learning_rate
    if not isinstance(rate, entry.CosineDecay):
        return ""
    return (
        f"steps = {variant.epochs} * -(-len(train_x) // {variant.batch_size})\n"
        f"warmup = min(round({rate.warmup!r} * steps), steps - 1)\n"
        f"rate = tf.keras.optimizers.schedules.CosineDecay(0.0 if warmup else {rate.peak!r}, "
        "steps - warmup,\n"
        f"    warmup_target = {rate.peak!r} if warmup else None, warmup_steps = warmup)\n"
    )


def _optimizer(variant: Variant) -> str:
    settings = variant.optimizer
    scheduled = isinstance(settings.learning_rate, entry.CosineDecay)
    rate = "rate" if scheduled else repr(settings.learning_rate)
    match settings:
        case entry.Adam(weight_decay=decay):
            return f"Adam({rate}{f', weight_decay = {decay!r}' if decay else ''})"
        case entry.SGD(momentum=momentum):
            return f"SGD({rate}{f', momentum = {momentum!r}' if momentum else ''})"


def _fit(variant: Variant) -> str:
    validated = data_source.has_validation(variant)
    batch = "" if variant.batch_size == 32 else f", batch_size = {variant.batch_size}"
    arguments = f"train_x, train_y, epochs = {variant.epochs}{batch}, verbose = 0"
    if validated:
        wraps = len(arguments) > 50
        arguments += f",{_CONTINUED if wraps else ' '}validation_data = (val_x, val_y)"
    if variant.early_stopping:
        arguments += (
            f",{_CONTINUED}callbacks = [tf.keras.callbacks.EarlyStopping(\n"
            f"                     patience = {variant.early_stopping.patience}, "
            "restore_best_weights = True)]"
        )
    lines = [f"loss = model.fit({arguments})", "print('training loss:', loss.history['loss'][-1])"]
    if variant.data == "digits":
        lines.append("print('test loss, accuracy:', model.evaluate(test_x, test_y, verbose = 0))")
    return "\n".join(lines)


def _load(variant: Variant, weights: str) -> str:
    return (
        f"trained = tf.keras.models.load_model({weights!r})\n"
        f"trained.compile(loss = {variant.loss!r})\n"
        "print('its training loss:', trained.evaluate(train_x, train_y, verbose = 0))"
    )
