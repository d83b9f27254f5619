"""The same network behind MLServer, as its documentation shows a custom runtime."""

from __future__ import annotations

import onnxruntime
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Digits(MLModel):
    """ONNX Runtime in MLServer's own process."""

    async def load(self) -> bool:
        """Open the ONNX file that the settings name."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            self.settings.parameters.uri, options, providers=["CPUExecutionProvider"]
        )
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Ten probabilities for each image (n, 28, 28)."""
        images = NumpyCodec.decode_input(payload.inputs[0]).astype("float32")
        probabilities = self._session.run(["probabilities"], {"images": images})[0]
        output = NumpyCodec.encode_output("probabilities", probabilities)
        return InferenceResponse(model_name=self.name, outputs=[output])
