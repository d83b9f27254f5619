"""The same network behind BentoML, as its documentation shows a service."""

from __future__ import annotations

import os

import bentoml
import numpy as np
import onnxruntime


@bentoml.service(workers=1, metrics={"enabled": False}, logging={"access": {"enabled": False}})
class Digits:
    """ONNX Runtime in BentoML's own process."""

    def __init__(self) -> None:
        """Open the ONNX file that the environment names."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            os.environ["DIGITS_ONNX"], options, providers=["CPUExecutionProvider"]
        )

    @bentoml.api
    async def predict(self, image: list[float]) -> list[float]:
        """Ten probabilities for 784 floats."""
        images = np.array(image, np.float32).reshape(1, 28, 28)
        return self._session.run(["probabilities"], {"images": images})[0][0].tolist()
