"""The Open Inference Protocol, version 2, in JSON and with its binary tensor extension.

https://github.com/kserve/open-inference-protocol and, for binary tensors,
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from reprlib import repr as brief
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from serving.errors import InvalidDigits, InvalidRequest
from serving.http import Request, Response, json_response
from serving.model.runner import ModelRunner
from serving.protocols.digits import (
    MAX_DIMENSIONS,
    Images,
    from_lists,
    in_range,
    parse_json,
    shaped,
)

LENGTH = b"inference-header-content-length"
INPUT, OUTPUT = "images", "probabilities"
LONGEST_ID = 200
DTYPES = {
    "FP64": "<f8",
    "FP32": "<f4",
    "FP16": "<f2",
    "UINT8": "u1",
}


@dataclass(frozen=True, slots=True)
class Inference:
    """A request for inference.

    Attributes:
        id: the sender's, echoed in the answer; "" if there is none.
        images: (n, 28, 28).
        binary: whether the answer's tensor is to be binary.
    """

    id: str
    images: Images
    binary: bool


def parse(request: Request) -> Inference:
    """Read a request: FP16, FP32 or FP64 in [0, 1], or UINT8 in 0 … 255.

    Raises:
        InvalidRequest, InvalidDigits, TooLarge: what is wrong.
    """
    length = _header_length(request)
    content = parse_json(request.body[:length])
    if type(content) is not dict:
        raise InvalidRequest('Expected an object with "inputs".')
    inputs = content.get("inputs")
    if type(inputs) is not list or len(inputs) != 1 or type(inputs[0]) is not dict:
        raise InvalidRequest(f'"inputs" is no list of one tensor named "{INPUT}".')
    identity = content.get("id", "")
    if type(identity) is not str or len(identity) > LONGEST_ID:
        raise InvalidRequest(f'"id" is no text of at most {LONGEST_ID} characters.')
    images = _images(inputs[0], request.body[length:])
    return Inference(identity, images, _wants_binary(content))


def _header_length(request: Request) -> int:
    text = request.header(LENGTH)
    if not text:
        return len(request.body)
    if not text.isdecimal() or len(text) > 12 or int(text) > len(request.body):
        raise InvalidRequest(
            f"Inference-Header-Content-Length is {text[:20]!r}; expected at most the body's "
            f"{len(request.body)} bytes."
        )
    return int(text)


def _images(tensor: dict[str, Any], binary: bytes) -> Images:
    if tensor.get("name") != INPUT:
        raise InvalidRequest(f"The input is named {brief(tensor.get('name'))}; expected {INPUT!r}.")
    datatype = tensor.get("datatype")
    if type(datatype) is not str or datatype not in DTYPES:
        raise InvalidRequest(
            f"The datatype is {brief(datatype)}; expected one of {', '.join(DTYPES)}."
        )
    shape = tensor.get("shape")
    if (
        type(shape) is not list
        or len(shape) > MAX_DIMENSIONS  # the product of a million sizes takes minutes
        or not all(type(n) is int and 0 < n < 2**31 for n in shape)
    ):
        raise InvalidRequest(
            f'"shape" is {brief(shape)}; expected [images, 28, 28] or [images, 784].'
        )
    size = _parameters(tensor).get("binary_data_size")
    if size is None:
        values = _from_lists(tensor.get("data"), DTYPES[datatype])
    elif type(size) is int and size == len(binary):
        if size % np.dtype(DTYPES[datatype]).itemsize:
            raise InvalidRequest(f"{size} bytes are no whole number of {datatype} values.")
        values = np.frombuffer(binary, DTYPES[datatype])
    else:
        raise InvalidRequest(
            f"binary_data_size is {brief(size)}, but {len(binary)} bytes follow the JSON header."
        )
    if values.size != math.prod(shape):
        raise InvalidDigits(f"The tensor has {values.size} values; its shape is {shape}.")
    images = shaped(values.reshape(shape))
    return images / np.float32(255) if datatype == "UINT8" else in_range(images)


def _from_lists(data: Any, dtype: str) -> NDArray[Any]:
    """Flat or nested lists, row-major."""
    if type(data) is not list:
        raise InvalidRequest('"data" is no list, and no binary_data_size is given.')
    array = from_lists(data)
    if dtype == "u1" and not np.isin(array, np.arange(256)).all():
        raise InvalidDigits('A value of "data" is no UINT8; expected whole numbers from 0 to 255.')
    return array


def _parameters(holder: dict[str, Any]) -> dict[str, Any]:
    parameters = holder.get("parameters") or {}
    if type(parameters) is not dict:
        raise InvalidRequest('"parameters" is no object.')
    return parameters


def _wants_binary(content: dict[str, Any]) -> bool:
    outputs = content.get("outputs")
    if not outputs:
        return _parameters(content).get("binary_data_output") is True
    if type(outputs) is not list or len(outputs) != 1 or type(outputs[0]) is not dict:
        raise InvalidRequest(f'"outputs" is no list of one tensor named "{OUTPUT}".')
    if outputs[0].get("name") != OUTPUT:
        raise InvalidRequest(
            f"The output is named {brief(outputs[0].get('name'))}; expected {OUTPUT!r}."
        )
    default = _parameters(content).get("binary_data_output")
    return _parameters(outputs[0]).get("binary_data", default) is True


def answer(
    runner: ModelRunner, inference: Inference, probabilities: NDArray[np.float32]
) -> Response:
    """The ten probabilities of each image, as one tensor."""
    tensor: dict[str, Any] = {
        "name": OUTPUT,
        "shape": probabilities.shape,
        "datatype": "FP32",
    }
    content: dict[str, Any] = {
        "model_name": runner.model.name,
        "model_version": runner.model.version,
        "outputs": [tensor],
    }
    if inference.id:
        content["id"] = inference.id
    if not inference.binary:
        tensor["data"] = probabilities.ravel()
        return json_response(content)
    values = probabilities.astype("<f4", copy=False).tobytes()
    tensor["parameters"] = {"binary_data_size": len(values)}
    header = orjson.dumps(content)
    length = [(LENGTH, b"%d" % len(header))]
    return Response(header + values, media_type="application/octet-stream", headers=length)


def server_metadata(version: str) -> Response:
    """What the server is."""
    return json_response(
        {"name": "ann-serve", "version": version, "extensions": ["binary_tensor_data"]}
    )


def model_metadata(runner: ModelRunner) -> Response:
    """What the model takes and gives."""
    return json_response(
        {
            "name": runner.model.name,
            "versions": [runner.model.version],
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": INPUT, "datatype": "FP32", "shape": [-1, 28, 28]}],
            "outputs": [{"name": OUTPUT, "datatype": "FP32", "shape": [-1, 10]}],
        }
    )


def failure(error: Exception, status: int, request: Request) -> Response:
    """{"error": what was wrong and what is expected}; the protocol knows no 422."""
    return json_response({"error": str(error)}, 400 if status == 422 else status)
