"""Whether an entry can be trained at all, and which study can show it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ann_models import data_name, limits, points
from ann_models.data_name import DataName, Kind
from ann_models.digits import image_sets
from ann_models.entry import (
    ActivationLayer,
    BatchNormalization,
    Convolution,
    Dense,
    Deslant,
    Dropout,
    Flatten,
    MaxPooling,
    Variant,
)
from ann_models.errors import AnnError

SIDE = 28  # pixels of a picture
OUTPUTS = {"regression": 1, "classification": 1, "digits": 10}
_LOSSES: dict[Kind, tuple[str, ...]] = {
    "regression": ("mse",),
    "classification": ("binary_crossentropy", "mse"),
    "digits": ("sparse_categorical_crossentropy",),
}


def kind_of(data: DataName) -> Kind:
    """What can be learned from a data set.

    Raises:
        InvalidData: a file of points cannot be read.
    """
    if data.is_images:
        return "digits"
    if data.is_file:
        return points.read(Path(data.path)).kind
    return data_name.KINDS[data.name]


def faults_of(variant: Variant) -> list[str]:
    """All that keeps an entry with layers from being trained, each as a sentence."""
    try:
        data = data_name.parse(variant.data)
        kind = kind_of(data)
    except AnnError as error:
        return [str(error)]
    if numbers := list(limits.faults_of(variant)):
        return numbers
    if kind not in OUTPUTS:
        fit = ", ".join(n for n, k in data_name.KINDS.items() if k in OUTPUTS)
        return [f"data={variant.data} trains no Keras network; expected one of {fit}"]
    if data.name != "digits" and (variant.depends_on or variant.other_hands):
        learns = "it learns from " + (
            "other networks" if variant.depends_on else "generated digits"
        )
        if data.is_images:
            return [f"{learns}; on {data.path} run mnist_ann, mnist_cnn or fast_cnn"]
        return [f"{learns}, so its data must be digits, not {variant.data}"]
    try:
        units = _outputs(data, kind) + bool(variant.other_hands)  # one more: not one digit
    except AnnError as error:
        return [str(error)]
    return [
        *_output_faults(variant, kind, units),
        *(faults := list(_layer_faults(variant, kind))),
        *([] if faults else _size_faults(variant, kind)),
        *_rest(variant, kind),
    ]


def _outputs(data: DataName, kind: Kind) -> int:
    """How many numbers a network answers with; an image data set has one for each class."""
    if not data.is_images:
        return OUTPUTS[kind]
    return len(image_sets.classes_of(image_sets.parse(data.path)))


def _output_faults(variant: Variant, kind: Kind, units: int) -> Iterator[str]:
    layers = variant.layers
    match layers[-3:]:  # normalised logits, whose softmax is a layer of its own
        case (Dense() as dense, BatchNormalization(), ActivationLayer(activation=activation)):
            layers = (*layers[:-3], replace(dense, activation=activation))
    if not layers or not isinstance(layers[-1], Dense):
        yield "the last layer must be dense: it gives the answer"
        return
    last = layers[-1]
    if last.activation == "softmax" and last.units == 1:
        yield "softmax on one unit always answers 1; did you mean sigmoid?"
    if last.units != units:
        what = "the data" if kind == "digits" else kind
        yield f"the last layer has {last.units} units; {what} needs {units}"
    elif kind == "digits" and last.activation != "softmax":
        yield f"digits need softmax in the last layer, not {last.activation}"
    elif kind == "classification" and last.activation not in ("sigmoid", "softmax"):
        yield f"two classes need sigmoid in the last layer, not {last.activation}"
    if variant.loss not in _LOSSES[kind] and not variant.distillation:
        yield f"loss={variant.loss} does not fit {kind}; did you mean {_LOSSES[kind][0]}?"


def _layer_faults(variant: Variant, kind: Kind) -> Iterator[str]:
    is_image, convolves = kind == "digits", False
    for position, layer in enumerate(variant.layers):
        what = f"layers.{position} ({type(layer).__name__})"
        if isinstance(layer, Convolution | MaxPooling | Deslant) and not is_image:
            where = "after flatten" if kind == "digits" else f"on {kind}"
            yield f"{what} needs images and stands {where}"
        elif isinstance(layer, MaxPooling) and not convolves:
            yield f"{what} needs channels: put conv before it"
        elif isinstance(layer, Deslant) and convolves:
            yield f"{what} sets pictures of one channel upright: put it before conv"
        convolves |= isinstance(layer, Convolution)
        if isinstance(layer, Dense) and is_image:
            yield f"{what} needs vectors: put flatten before it"
            is_image = False
        if isinstance(layer, Flatten):
            is_image = False
        softmax = isinstance(layer, Dense | ActivationLayer) and layer.activation == "softmax"
        if softmax and position < len(variant.layers) - 1:
            yield f"{what} is softmax before the last layer; did you mean sigmoid, tanh or relu?"


def _size_faults(variant: Variant, kind: Kind) -> Iterator[str]:
    """A picture smaller than what is laid on it, and more weights than a machine holds."""
    side, channels = SIDE, 1
    width = {"regression": 1, "classification": 2}.get(kind, 0)  # of a vector; 0: still a picture
    weights = 0
    for position, layer in enumerate(variant.layers):
        for name in ("kernel", "strides", "size"):
            if (value := getattr(layer, name, 1)) > side:
                yield (
                    f"layers.{position} ({type(layer).__name__}): {name}={value} is larger than "
                    f"the picture of {side}×{side} pixels that reaches it"
                )
                return
        match layer:
            case Convolution(filters, kernel, strides):
                weights += (kernel**2 * channels + 1) * filters
                side, channels = -(-side // strides), filters
            case MaxPooling(size):
                side //= size
            case Flatten():
                width = width or side**2 * channels
            case Dense(units):
                weights += (width + 1) * units
                width = units
    if weights > limits.MOST_WEIGHTS:
        yield f"the network has {weights:,} weights; expected at most {limits.MOST_WEIGHTS:,}"


def _rest(variant: Variant, kind: Kind) -> Iterator[str]:
    if variant.augmentation and kind != "digits":
        yield "augmentation distorts digits; for points there is data.noise"
    has_validation = kind == "digits" or data_name.parse(variant.data).has_validation
    if variant.early_stopping and not has_validation:
        yield "early stopping needs validation data; did you mean data=ten_points_held_out?"


def suitable_study(variant: Variant) -> str:
    """The study that shows an entry: its own where it fits, else a general one."""
    data = data_name.parse(variant.data)
    kind = kind_of(data)
    if _fits(variant, data) or variant.other_hands:
        return variant.study
    if kind == "digits":
        return "mnist_data_size"
    return f"points_{kind}"


def _fits(variant: Variant, data: DataName) -> bool:
    """Whether the panels of the entry's own study can be drawn of its layers and data."""
    match variant.study, variant.layers:
        case "linear_classification", (Dense(1, _, True),):
            return data.name == "linear"
        case "nonlinear_classification", (Dense(2, "sigmoid", True), Dense(1, _, True)):
            return data.name == "nonlinear"
        case "xor_mlp", (Dense(2, "sigmoid" | "tanh", True), Dense(1, _, True)):
            return data.name == "xor"
        case "relu_regression", (Dense(_, "relu", True), Dense(1, "linear", False)):
            return data.name == "cubic"
        case "overfit", _:
            return data.name.startswith("ten_points")
        case "overfit_batch_norm", _:
            found = any(isinstance(layer, BatchNormalization) for layer in variant.layers)
            dropped = any(isinstance(layer, Dropout) for layer in variant.layers)
            return data.name.startswith("ten_points") and found and not dropped
        case "overfit_dropout", (*_, Dropout(), Dense(1, "linear", True)):
            return data.name.startswith("ten_points")
        case "overfit_early_stopping", _:
            return data.name == "ten_points_held_out" and variant.early_stopping is not None
        case "vanishing_gradient", (Flatten(), *rest):
            return len(rest) > 1 and all(isinstance(layer, Dense) for layer in rest)
        case "mnist" | "mnist_augmented" | "mnist_data_size", _:
            return kind_of(data) == "digits"
    return False
