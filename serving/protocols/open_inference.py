"""The Open Inference Protocol, version 2, in JSON and with its binary tensor extension.

https://github.com/kserve/open-inference-protocol and, for binary tensors,
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from reprlib import repr as brief
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from serving.errors import InvalidDigits, InvalidRequest, TooLarge
from serving.http import Request, Response, json_response
from serving.metrics import ModelTotals
from serving.model.runner import ModelRunner
from serving.protocols.digits import (
    MAX_DIMENSIONS,
    MAX_IMAGES,
    MAX_PICTURES,
    PIXELS,
    Images,
    Pictures,
    from_lists,
    in_range,
    parse_json,
    pictures,
    shaped,
)

LENGTH = b"inference-header-content-length"
INPUT, OUTPUT = "images", "probabilities"
REASONS = "reasons"  # why each answer is uncertain, "" where it is not
LONGEST_ID = 200
DTYPES = {
    "FP64": "<f8",
    "FP32": "<f4",
    "FP16": "<f2",
    "UINT8": "u1",
}
EXTENSIONS = [
    "binary_tensor_data",
    "classification",
    "model_configuration",
    "model_repository",
    "statistics",
]
NO_CONTROL = (
    "explicit model load / unload is not allowed: the registry's alias decides what serves."
)
BYTES = "BYTES"  # encoded pictures


@dataclass(frozen=True, slots=True)
class Inference:
    """A request for inference.

    Attributes:
        id: the sender's, echoed in the answer; "" if there is none.
        images: (n, 28, 28), or the files of pictures.
        outputs: the tensors that the answer is to have, and whether each is to be binary.
        classes: how many of the best classes are to be named instead of probabilities; 0: none.
    """

    id: str
    images: Images | Pictures
    outputs: dict[str, bool]
    classes: int = 0


def parse(request: Request) -> Inference:
    """Read a request: FP16, FP32 or FP64 in [0, 1], UINT8 in 0 … 255, or pictures as BYTES.

    By Triton's extension, a body without JSON is the one tensor, FP32, and all outputs are binary.

    Raises:
        InvalidRequest, InvalidDigits, TooLarge: what is wrong.
    """
    length = _header_length(request)
    if length == 0 and request.body:
        return Inference("", _raw(request.body), {OUTPUT: True, REASONS: True})
    content = parse_json(request.body[:length])
    if type(content) is not dict:
        raise InvalidRequest('Expected an object with "inputs".')
    inputs = content.get("inputs")
    if type(inputs) is not list or len(inputs) != 1 or type(inputs[0]) is not dict:
        raise InvalidRequest(f'"inputs" is no list of one tensor named "{INPUT}".')
    identity = content.get("id")
    if identity is None:
        identity = ""
    if type(identity) is not str or len(identity) > LONGEST_ID:
        raise InvalidRequest(f'"id" is no text of at most {LONGEST_ID} characters.')
    images = _images(inputs[0], request.body[length:])
    return Inference(identity, images, *_wanted(content))


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


def _raw(binary: bytes) -> Images:
    if len(binary) % (4 * PIXELS):
        raise InvalidRequest(
            f"The body is a binary tensor of {len(binary)} bytes, as its header's length is 0; "
            f"expected {4 * PIXELS:,} an image, 28×28 of FP32."
        )
    return in_range(shaped(np.frombuffer(binary, DTYPES["FP32"]).reshape(-1, PIXELS)))


def _images(tensor: dict[str, Any], binary: bytes) -> Images | Pictures:
    if tensor.get("name") != INPUT:
        raise InvalidRequest(f"The input is named {brief(tensor.get('name'))}; expected {INPUT!r}.")
    datatype = tensor.get("datatype")
    if type(datatype) is not str or datatype not in (*DTYPES, BYTES):
        raise InvalidRequest(
            f"The datatype is {brief(datatype)}; expected one of {', '.join((*DTYPES, BYTES))}."
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
    announced = 0 if size is None else size
    if type(announced) is not int or announced != len(binary):
        raise InvalidRequest(
            f"binary_data_size is {'missing' if size is None else brief(size)}, but {len(binary)} "
            "bytes follow the JSON header."
        )
    if datatype == BYTES:
        return _pictures(tensor.get("data"), binary if size is not None else None, math.prod(shape))
    if size is None:
        values = _from_lists(tensor.get("data"), DTYPES[datatype])
    else:
        if size % np.dtype(DTYPES[datatype]).itemsize:
            raise InvalidRequest(f"{size} bytes are no whole number of {datatype} values.")
        values = np.frombuffer(binary, DTYPES[datatype])
    if values.size != math.prod(shape):
        raise InvalidDigits(f"The tensor has {values.size} values; its shape is {shape}.")
    images = shaped(values.reshape(shape))
    return images / np.float32(255) if datatype == "UINT8" else in_range(images)


def _pictures(data: Any, binary: bytes | None, count: int) -> Pictures:
    """Files as they are, each after its length in four bytes; in JSON, in base64."""
    found: Pictures = []
    if binary is None:
        if type(data) is not list:
            raise InvalidRequest('"data" is no list, and no binary_data_size is given.')
        while data and type(data[0]) is list:  # a row a picture, say
            if len(data) != 1 and any(type(row) is not list or len(row) != 1 for row in data):
                raise InvalidRequest('"data" is nested; expected a list of strings in base64.')
            data = data[0] if len(data) == 1 else [row[0] for row in data]
        found = pictures(data)
    else:
        start = 0
        while start < len(binary):
            end = start + 4 + int.from_bytes(binary[start : start + 4], "little")
            if end > len(binary):
                raise InvalidRequest("A BYTES element says that it is longer than the tensor.")
            found.append(binary[start + 4 : end])
            start = end
        if len(found) > MAX_PICTURES:
            raise TooLarge(f"{len(found):,} pictures were sent; send at most {MAX_PICTURES}.")
    if not found or len(found) != count:
        raise InvalidDigits(f"The tensor has {len(found)} elements; its shape has {count}.")
    return found


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


def _wanted(content: dict[str, Any]) -> tuple[dict[str, bool], int]:
    """The outputs that are asked for, which of them binary, and how many classes are to be named.

    By the protocol, a request that names no outputs asks for all.
    """
    default = _parameters(content).get("binary_data_output") is True
    outputs = content.get("outputs") or [{"name": OUTPUT}, {"name": REASONS}]
    if type(outputs) is not list or not all(type(output) is dict for output in outputs):
        raise InvalidRequest(f'"outputs" is no list of tensors named "{OUTPUT}" or "{REASONS}".')
    wanted: dict[str, bool] = {}
    classes = 0
    for output in outputs:
        name = output.get("name")
        if type(name) is not str or name not in (OUTPUT, REASONS) or name in wanted:
            raise InvalidRequest(
                f"The output is named {brief(name)}; expected {OUTPUT!r} or {REASONS!r}, each once."
            )
        parameters = _parameters(output)
        binary = parameters.get("binary_data")
        wanted[name] = default if binary is None else binary is True
        if name == OUTPUT:
            classes = parameters.get("classification") or 0
    if type(classes) is not int or classes < 0:
        raise InvalidRequest(
            f"classification is {brief(classes)}; expected how many classes, 1 to 10 of digits."
        )
    return wanted, classes


def answer(
    runner: ModelRunner,
    inference: Inference,
    probabilities: NDArray[np.float32],
    reasons: list[str | None],
) -> Response:
    """The ten probabilities of each image, or its best classes as "value:class", and the reasons.

    Args:
        runner: of the model that answered.
        inference: what was asked.
        probabilities: (n, 10).
        reasons: why each answer is uncertain; not read if they are not asked for.
    """
    tensors, parts = [], []
    for name, binary in inference.outputs.items():
        tensor: dict[str, Any] = {"name": name, "shape": [len(probabilities)], "datatype": BYTES}
        values: NDArray[np.float32] | list[str]
        if name == REASONS:
            values = [reason or "" for reason in reasons]
        elif inference.classes:
            best = min(inference.classes, probabilities.shape[1])
            tensor["shape"] = [len(probabilities), best]
            values = _classified(probabilities, best, runner.model.labels)
        else:
            tensor |= {"shape": probabilities.shape, "datatype": "FP32"}
            values = probabilities.ravel()
        if binary:
            parts.append(_binary(values))
            tensor["parameters"] = {"binary_data_size": len(parts[-1])}
        else:
            tensor["data"] = values
        tensors.append(tensor)
    content: dict[str, Any] = {
        "model_name": runner.model.name,
        "model_version": runner.model.version,
        "outputs": tensors,
    }
    if inference.id:
        content["id"] = inference.id
    if not parts:
        return json_response(content)
    header = orjson.dumps(content, option=orjson.OPT_SERIALIZE_NUMPY)
    length = [(LENGTH, b"%d" % len(header))]
    body = b"".join([header, *parts])
    return Response(body, media_type="application/octet-stream", headers=length)


def _binary(values: NDArray[np.float32] | list[str]) -> bytes:
    """A tensor's values, little endian; texts each after its length in four bytes."""
    if isinstance(values, list):
        encoded = [text.encode() for text in values]
        return b"".join(struct.pack("<I", len(text)) + text for text in encoded)
    return values.astype("<f4", copy=False).tobytes()


def _classified(
    probabilities: NDArray[np.float32], classes: int, labels: Sequence[str]
) -> list[str]:
    """Triton's classification extension: the best classes of each image, the best first.

    "value:class", and with names "value:class:name".
    """
    best = np.argsort(-probabilities, axis=1, kind="stable")[:, :classes]
    return [
        f"{row[digit]:f}:{digit}" + (f":{labels[digit]}" if labels else "")
        for row, order in zip(probabilities, best, strict=True)
        for digit in order.tolist()
    ]


def server_metadata(version: str) -> Response:
    """What the server is."""
    return json_response({"name": "ann-serve", "version": version, "extensions": EXTENSIONS})


def model_metadata(name: str, versions: list[str], classes: int) -> Response:
    """What the model takes and gives, and the versions that may be asked for."""
    return json_response(
        {
            "name": name,
            "versions": versions,
            "platform": "onnxruntime_onnx",
            "inputs": [{"name": INPUT, "datatype": "FP32", "shape": [-1, 28, 28]}],
            "outputs": [
                {"name": OUTPUT, "datatype": "FP32", "shape": [-1, classes]},
                {"name": REASONS, "datatype": BYTES, "shape": [-1]},
            ],
        }
    )


def model_config(name: str, classes: int, labels: Sequence[str] = ()) -> Response:
    """Triton's model configuration extension; the batch is no dimension here.

    The names of the classes are the parameter `labels`, a JSON list.
    """
    parameters = {"labels": {"string_value": json.dumps(list(labels))}}
    one_value = {"dims": [1], "reshape": {"shape": []}}  # an image, without a dimension of its own
    return json_response(
        {
            "name": name,
            "platform": "onnxruntime_onnx",
            "backend": "onnxruntime",
            "max_batch_size": MAX_IMAGES,
            "input": [{"name": INPUT, "data_type": "TYPE_FP32", "dims": [28, 28]}],
            "output": [
                {"name": OUTPUT, "data_type": "TYPE_FP32", "dims": [classes]},
                {"name": REASONS, "data_type": "TYPE_STRING", **one_value},
            ],
            **({"parameters": parameters} if labels else {}),
        }
    )


def statistics(totals: list[ModelTotals]) -> Response:
    """Triton's statistics extension; what is not measured here is 0."""
    return json_response({"model_stats": [_statistics(total) for total in totals]})


def _statistics(total: ModelTotals) -> dict[str, Any]:
    nothing = {"count": 0, "ns": 0}
    inferred = {"count": total.requests, "ns": total.nanoseconds}
    return {
        "name": total.name,
        "version": total.version,
        "last_inference": total.last_milliseconds,
        "inference_count": total.images,
        "execution_count": total.requests,
        "inference_stats": {
            "success": inferred,
            "fail": nothing,
            "queue": nothing,
            "compute_input": nothing,
            "compute_infer": inferred,
            "compute_output": nothing,
        },
        "batch_stats": [],
    }


def repository_index(versions: list[tuple[str, str, bool]]) -> Response:
    """Triton's model repository extension: name, version, and whether it is loaded."""
    return json_response(
        [
            {
                "name": name,
                "version": version,
                "state": "READY",
                "reason": "" if loaded else "loaded when it is asked for",
            }
            for name, version, loaded in versions
        ]
    )


def failure(message: str, status: int, request: Request) -> Response:
    """{"error": what was wrong and what is expected}; the protocol knows no 422."""
    return json_response({"error": message}, 400 if status == 422 else status)
