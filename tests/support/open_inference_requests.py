"""Requests of the Open Inference Protocol, and how it reads them."""

import json

import numpy as np

from serving.protocols import open_inference
from serving.protocols.open_inference import Inference, parse
from tests.support.a_request import a_request
from tests.support.small_service import NAME, a_one, answers_of

ONE = a_one()
BATCH = np.stack([ONE, ONE.T])
V2 = f"/v2/models/{NAME}"
INFER = f"{V2}/infer"


def expected(images: np.ndarray) -> np.ndarray:
    return answers_of(1, images)


def tensor(**changes) -> dict:
    fields = {"name": "images", "shape": [2, 28, 28], "datatype": "FP32", "data": BATCH.tolist()}
    return {name: value for name, value in (fields | changes).items() if value is not None}


def parsed(**content) -> Inference:
    return parse(a_request({"inputs": [tensor()]} | content))


def followed(fields: dict, binary: bytes) -> Inference:
    """A request whose tensor follows its JSON."""
    head = json.dumps({"inputs": [fields]}).encode()
    length = {open_inference.LENGTH.decode().replace("-", "_"): str(len(head))}
    return parse(a_request(head + binary, **length))
