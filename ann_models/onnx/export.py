"""Keras model → ONNX bytes: what serving runs, without TensorFlow.

Keras's own export translates. This module adds the contract: input `images` float32 (N, 28, 28),
output `probabilities` float32 (N, 10), and names that depend on the graph alone. A network with an
eleventh class, "not one digit", has a second output `digit_score` float32 (N,), the probability
that the picture is one digit; `probabilities` are then those of the ten digits, given that it is.
The metadata `least_confidence` is the product of both below which an answer is uncertain. A network
of an image data set of one's own has as many probabilities as classes, whose names are the metadata
`classes`, a JSON list.
"""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import onnx
from keras import layers

from ann_models.errors import UnsupportedLayer
from ann_models.evaluation import CLASSES, SMALLEST, digit_probabilities, predict
from ann_models.layers import Deslant
from ann_models.networks import members
from ann_models.onnx.inference import DIGIT_SCORE, LEAST_CONFIDENCE, predictor

SUPPORTED_LAYERS: tuple[type[keras.Layer], ...] = (
    Deslant,
    layers.Activation,
    layers.AveragePooling2D,
    layers.BatchNormalization,
    layers.Conv2D,
    layers.Dense,
    layers.Dropout,
    layers.Flatten,
    layers.GlobalAveragePooling2D,
    layers.MaxPooling2D,
    layers.Reshape,
)
OPSET = 18
CLASS_NAMES = "classes"


def to_onnx(
    model: keras.Model, least_confidence: float | None = None, classes: Sequence[str] = ()
) -> bytes:
    """Translate a classifier; equal weights give equal bytes.

    Args:
        model: (n, 28, 28) → (n, 10), or (n, 11) with the class "not one digit"; (n, classes) where
            their names are given.
        least_confidence: below which an answer is uncertain; None: as the service sees fit.
        classes: the names of an image data set's classes; none for digits.

    Raises:
        UnsupportedLayer: a layer is of a kind whose translation is not tested here.
    """
    for layer in (layer for network in members(model) for layer in network.layers):
        if type(layer) not in SUPPORTED_LAYERS:
            supported = ", ".join(kind.__name__ for kind in SUPPORTED_LAYERS)
            raise UnsupportedLayer(
                f"layer {layer.name!r} is a {type(layer).__name__}, which has no tested ONNX form "
                f"(supported: {supported}); use one of these, or add it to "
                "ann_models/onnx/export.py together with a test"
            )
    images = keras.InputSpec(shape=(None, 28, 28), dtype="float32", name="images")
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # Keras probes for the bygone np.object
        path = Path(folder, "model.onnx")
        model.export(
            path, format="onnx", verbose=False, input_signature=[images], opset_version=OPSET
        )
        translated = onnx.load(path)
    _make_canonical(translated.graph)
    if not classes and model.output_shape[-1] == CLASSES + 1:
        _separate_no_digit(translated.graph)
    properties = {} if least_confidence is None else {LEAST_CONFIDENCE: f"{least_confidence:.6g}"}
    if classes:
        properties[CLASS_NAMES] = json.dumps(list(classes))
    if properties:
        onnx.helper.set_model_props(translated, properties)
    onnx.checker.check_model(translated)
    return translated.SerializeToString(deterministic=True)


def _make_canonical(graph: onnx.GraphProto) -> None:
    """Order and name by position: the translator's names count all exports of the process."""
    nodes = _depth_first(graph)
    graph.ClearField("node")
    graph.node.extend(nodes)
    uses = [name for node in graph.node for name in node.input]
    graph.initializer.sort(key=lambda weight: uses.index(weight.name))
    names = {graph.input[0].name: "images", graph.output[0].name: "probabilities"}
    for index, weight in enumerate(graph.initializer):
        weight.name = names.setdefault(weight.name, f"weight_{index}")
    for index, node in enumerate(graph.node):
        node.name = f"{node.op_type}_{index}"
        node.input[:] = [names[name] for name in node.input]
        node.output[:] = [names.setdefault(name, f"value_{index}") for name in node.output]
    for value in (*graph.input, *graph.output):
        value.name = names[value.name]
        value.type.tensor_type.shape.dim[0].dim_param = "N"
    graph.ClearField("value_info")
    graph.ClearField("doc_string")


def _separate_no_digit(graph: onnx.GraphProto) -> None:
    """Split the eleven probabilities into those of the digits and that of its being one."""
    outputs = "eleven_probabilities"
    for node in graph.node:
        node.output[:] = [outputs if n == "probabilities" else n for n in node.output]
    constants: dict[str, np.ndarray] = {
        "first": np.array([0], np.int64),
        "end": np.array([CLASSES], np.int64),
        "axis": np.array([1], np.int64),
        "least": np.array(SMALLEST, np.float32),
    }
    graph.initializer.extend(onnx.numpy_helper.from_array(v, k) for k, v in constants.items())
    make = onnx.helper.make_node
    graph.node.extend(
        [
            make("Slice", [outputs, "first", "end", "axis"], ["digits"]),
            make("Max", ["digits", "least"], ["positive"]),
            make("ReduceSum", ["positive", "axis"], ["sum"], keepdims=1),
            make("Div", ["positive", "sum"], ["probabilities"]),
            make("Squeeze", ["sum", "axis"], [DIGIT_SCORE]),
        ]
    )
    graph.output[0].type.tensor_type.shape.dim[1].dim_value = CLASSES
    score = onnx.helper.make_tensor_value_info(DIGIT_SCORE, onnx.TensorProto.FLOAT, ["N"])
    graph.output.append(score)


def _depth_first(graph: onnx.GraphProto) -> list[onnx.NodeProto]:
    """The nodes in the one order that follows from their inputs; the translator's is a hash's."""
    makers = {name: node for node in graph.node for name in node.output}
    ordered: dict[str, onnx.NodeProto] = {}

    def visit(node: onnx.NodeProto) -> None:
        for name in node.input:
            if name in makers and makers[name].output[0] not in ordered:
                visit(makers[name])
        ordered[node.output[0]] = node

    visit(makers[graph.output[0].name])
    return list(ordered.values())


def largest_difference(model: keras.Model, onnx_bytes: bytes, images: np.ndarray) -> float:
    """Largest absolute difference between the two forms' probabilities for images (n, 28, 28)."""
    found, expected = predictor(onnx_bytes)(images), predict(model, images)
    if expected.shape != found.shape:  # a network that knows what is no digit
        expected = digit_probabilities(expected)
    return float(np.max(np.abs(found - expected)))
