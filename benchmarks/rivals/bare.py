"""The least that answers a digit over HTTP: what any service can be measured against.

No checks, no metrics, no log, no versions: JSON of 784 floats in, ten probabilities out.
"""

from __future__ import annotations

import sys

import numpy as np
import onnxruntime
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def app(model: str) -> Starlette:
    """An application with one route, answering with the ONNX file `model`."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    async def predict(request: Request) -> Response:
        pixels = orjson.loads(await request.body())["image"]
        images = np.array(pixels, np.float32).reshape(1, 28, 28)
        probabilities = session.run(["probabilities"], {"images": images})[0][0]
        answer = {"digit": int(probabilities.argmax()), "probabilities": probabilities}
        content = orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)
        return Response(content, media_type="application/json")

    return Starlette(routes=[Route("/predict", predict, methods=["POST"])])


if __name__ == "__main__":
    uvicorn.run(
        app(sys.argv[1]),
        port=int(sys.argv[2]),
        http="httptools",
        loop="uvloop",
        access_log=False,
        log_level="error",
    )
