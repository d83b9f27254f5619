"""TensorFlow Serving's REST form, version 1, which is KServe's first one too.

https://www.tensorflow.org/tfx/serving/api_rest
"""

from __future__ import annotations

from reprlib import repr as brief
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.errors import InvalidRequest
from serving.http import Request, Response, json_response
from serving.model.runner import ModelRunner
from serving.protocols.digits import Images, Pictures, from_json, parse_json, the_one

SIGNATURE = "serving_default"


def parse(request: Request) -> tuple[Images | Pictures, bool]:
    """Images (n, 28, 28), and whether they came as rows ("instances") or a column ("inputs").

    Raises:
        InvalidRequest, InvalidDigits, TooLarge: what is wrong.
    """
    content = parse_json(request.body)
    if type(content) is not dict:
        raise InvalidRequest('Expected an object with either "instances" or "inputs".')
    value = the_one(content, "instances", "inputs")
    if content.get("signature_name") not in (SIGNATURE, "", None):
        given = brief(content["signature_name"])
        raise InvalidRequest(f"The model has no signature {given}; expected {SIGNATURE!r}.")
    if content.get("inputs") is not None:
        columns = type(value) is not list
        return from_json(_named(value) if columns else [_named(row) for row in value]), False
    if type(value) is not list or not value:
        raise InvalidRequest('"instances" is no list with at least one image.')
    return from_json([_named(instance) for instance in value]), True


def _named(value: Any) -> Any:
    """The tensor itself, or that of an object {"images": tensor}."""
    if type(value) is not dict or value.keys() == {"b64"}:
        return value
    if value.keys() != {"images"}:
        raise InvalidRequest(
            f'The inputs are named {brief(sorted(value))}; expected "images" alone.'
        )
    return value["images"]


def answer(probabilities: NDArray[np.float32], rows: bool) -> Response:
    """The ten probabilities of each image."""
    return json_response({"predictions" if rows else "outputs": probabilities})


def status(runner: ModelRunner) -> Response:
    """The state of one version, and for KServe's clients whether it is ready."""
    state = {
        "version": runner.model.version,
        "state": "AVAILABLE",
        "status": {"error_code": "OK", "error_message": ""},
    }
    ready = {"name": runner.model.name, "ready": True}
    return json_response({"model_version_status": [state], **ready})


def metadata(runner: ModelRunner) -> Response:
    """Name, version and signature."""
    champion = runner.model
    signature = {
        "inputs": {"images": _tensor(-1, 28, 28)},
        "outputs": {"probabilities": _tensor(-1, champion.classes)},
        "method_name": "tensorflow/serving/predict",
    }
    return json_response(
        {
            "model_spec": {
                "name": champion.name,
                "signature_name": "",
                "version": champion.version,
            },
            "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
        }
    )


def _tensor(*shape: int) -> dict[str, Any]:
    dimensions = [{"size": str(size), "name": ""} for size in shape]
    shape_of_it = {"dim": dimensions, "unknown_rank": False}
    return {"dtype": "DT_FLOAT", "tensor_shape": shape_of_it, "name": ""}


def failure(message: str, status: int, request: Request) -> Response:
    """{"error": what was wrong and what is expected}; the protocol knows no 422."""
    return json_response({"error": message}, 400 if status == 422 else status)
