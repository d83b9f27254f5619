"""A whole request and its answer for each route, as the documents show them; tests send them."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from functools import cache
from typing import Any

from serving.feedback.correction import IMAGE, Correction
from serving.feedback.store import REMEMBERED

DIGIT = [
    [1 if 4 <= row < 24 and 13 <= column < 16 else 0 for column in range(28)] for row in range(28)
]  # a one
PROBABILITIES = [0.0001, 0.9991, 0.0001, 0.0001, 0.0001, 0.0001, 0.0001, 0.0001, 0.0001, 0.0001]
COLUMNS = [str(pixel) for pixel in range(784)]

Schema = dict[str, Any]


@dataclass(frozen=True)
class Body:
    """A request's body in one media type.

    Attributes:
        schema: of JSON Schema, as OpenAPI 3.1 uses it.
        example: a value for JSON, text for CSV, a picture's bytes for images.
    """

    schema: Schema
    example: Any = None


@cache
def picture(kind: str = "PNG") -> bytes:
    """A drawn one as a picture file."""
    from PIL import Image

    image = Image.new("L", (28, 28))
    image.putdata([255 * ink for row in DIGIT for ink in row])
    file = io.BytesIO()
    image.resize((112, 112)).save(file, kind)
    return file.getvalue()


def as_data_url() -> str:
    """The picture as a browser's canvas gives it."""
    return f"data:image/png;base64,{base64.b64encode(picture()).decode()}"


# Schemas

TEXT: Schema = {"type": "string"}
BINARY: Schema = {"type": "string", "format": "binary"}
CLASS: Schema = {"type": "integer", "minimum": 0, "maximum": 9}
PIXELS: Schema = {"type": "array", "items": {"type": "array", "items": {"type": "number"}}}
ONE_PREDICTION: Schema = {
    "type": "object",
    "required": ["probabilities", "confidence", "uncertain", "model", "version", "request_id"],
    "anyOf": [{"required": ["digit"]}, {"required": ["class", "label"]}],
    "properties": {
        "digit": CLASS,
        "class": {
            "type": "integer",
            "minimum": 0,
            "description": "In place of `digit` where a model of other pictures answers.",
        },
        "label": {"type": "string", "description": "What that class is called."},
        "probabilities": {"type": "array", "items": {"type": "number"}},
        "confidence": {"type": "number", "description": "The highest probability."},
        "uncertain": {"type": "boolean", "description": "Not sure, or nothing like a digit."},
        "reason": {
            "type": ["string", "null"],
            "description": "Why it is uncertain: `not one digit`, `faint`, or a text such as "
            "`not sure between 1 and 7`.",
        },
        "model": TEXT,
        "version": TEXT,
        "data": {"type": "string", "description": "What it was trained on."},
        "run_id": TEXT,
        "run_url": {"type": ["string", "null"], "description": "Its training in MLflow's UI."},
        "request_id": {
            "type": "string",
            "description": "Of this one image, for /feedback, which knows those of requests of at "
            f"most {REMEMBERED} images.",
        },
        "image": PIXELS | {"description": "With `?image=1`: the 28×28 that the network saw."},
        "explanation": {
            "type": "object",
            "required": ["saliency", "hidden"],
            "properties": {"saliency": PIXELS, "hidden": {"type": "array"}},
            "description": "With `?explain=1`: how much each pixel spoke for the answer, and the "
            "units of the network that fired most.",
        },
    },
}
PREDICTION: Schema = {
    "anyOf": [
        ONE_PREDICTION,
        {
            "type": "object",
            "required": ["predictions"],
            "properties": {
                "predictions": {
                    "type": "array",
                    "items": ONE_PREDICTION,
                    "description": "Of several images, an object each.",
                },
            },
        },
    ]
}
CORRECTION: Schema = Correction.model_json_schema()
OBJECT: Schema = {"type": "object"}

# Requests

TENSOR = {"name": "images", "shape": [1, 28, 28], "datatype": "FP32", "data": DIGIT}
PREDICT = {
    "application/json": Body(
        {
            "type": ["object", "array", "string"],
            "properties": {
                "image": IMAGE,
                "images": IMAGE | {"description": "Another name of `image`; for several, say."},
            },
        },
        {"image": DIGIT},
    ),
    "image/png": Body(BINARY, picture),
    "image/jpeg": Body(BINARY),
    "multipart/form-data": Body({"type": "object", "properties": {"file": BINARY}}),
}
FEEDBACK = {"application/json": Body(CORRECTION, {"image": DIGIT, "digit": 1})}
INFER = {"application/json": Body(OBJECT, {"inputs": [TENSOR]})}
INSTANCES = {"application/json": Body(OBJECT, {"instances": [DIGIT]})}
CSV_EXAMPLE = "\n".join([",".join(COLUMNS), ",".join(str(ink) for row in DIGIT for ink in row), ""])
INVOCATIONS = {
    "application/json": Body(OBJECT, {"instances": [DIGIT]}),
    "text/csv": Body(TEXT, CSV_EXAMPLE),
}
INDEX = {"application/json": Body(OBJECT, {"ready": True})}

# Answers

MODEL = "mnist-digits"
PREDICTED = {
    "digit": 1,
    "probabilities": PROBABILITIES,
    "confidence": 0.9991,
    "uncertain": False,
    "reason": None,
    "model": MODEL,
    "version": "3",
    "data": "mnist",
    "run_id": "2f1c",
    "run_url": "http://127.0.0.1:5000/#/experiments/3/runs/2f1c",
    "request_id": "9c56cc51b374c3ba",
}
READY = {
    "ready": True,
    "status": "ok",
    **{key: PREDICTED[key] for key in ("model", "version", "data", "run_id", "run_url")},
    "registry_error": None,
    "registry_age_seconds": 1.2,
    "refused": None,
}
INFERRED = {
    "model_name": MODEL,
    "model_version": "3",
    "outputs": [
        {"name": "probabilities", "shape": [1, 10], "datatype": "FP32", "data": PROBABILITIES},
        {"name": "reasons", "shape": [1], "datatype": "BYTES", "data": [""]},
    ],
}
SERVER = {
    "name": "ann-serve",
    "version": "0.1.0",
    "extensions": [
        "binary_tensor_data",
        "classification",
        "model_configuration",
        "model_repository",
        "statistics",
    ],
}
TENSORS = {
    "inputs": [{"name": "images", "datatype": "FP32", "shape": [-1, 28, 28]}],
    "outputs": [
        {"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]},
        {"name": "reasons", "datatype": "BYTES", "shape": [-1]},
    ],
}
METADATA = {"name": MODEL, "versions": ["1", "2", "3"], "platform": "onnxruntime_onnx", **TENSORS}
INDEXED = [{"name": MODEL, "version": "3", "state": "READY", "reason": ""}]
STATE = {
    "model_version_status": [
        {
            "version": "3",
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
    ],
    "name": MODEL,
    "ready": True,
}
PREDICTIONS = {"predictions": [PROBABILITIES]}
SCORED = {"predictions": {"probabilities": [PROBABILITIES]}}
