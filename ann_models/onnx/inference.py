"""ONNX Runtime's answers and their time, without Keras."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import onnxruntime

# The second output of a network that knows what is no digit, and a key of the metadata.
DIGIT_SCORE, LEAST_CONFIDENCE = "digit_score", "least_confidence"


def predictor(onnx_bytes: bytes) -> Callable[[np.ndarray], np.ndarray]:
    """What ONNX Runtime makes of the bytes, on one thread: images (n, 28, 28) → probabilities."""
    session = _session(onnx_bytes)
    return lambda images: session.run(["probabilities"], {"images": images})[0]


def _session(onnx_bytes: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])


def scored_predictor(onnx_bytes: bytes) -> Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """The same, with the score (n,) that each picture is one digit; 1 where the model has none."""
    session = _session(onnx_bytes)
    names = [output.name for output in session.get_outputs()]

    def answer(images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        outputs = dict(zip(names, session.run(None, {"images": images}), strict=True))
        scores = outputs.get(DIGIT_SCORE, np.ones(len(images), np.float32))
        return outputs["probabilities"], scores

    return answer


def least_confidence(onnx_bytes: bytes, default: float) -> float:
    """Below which an answer is uncertain, as the model's metadata say."""
    metadata = _session(onnx_bytes).get_modelmeta().custom_metadata_map
    return float(metadata.get(LEAST_CONFIDENCE, default))


def milliseconds_per_image(onnx_bytes: bytes, image: np.ndarray, seconds: float = 0.1) -> float:
    """Time for one image (28, 28) alone, on one thread.

    It is the fastest of all calls within the given seconds: other work only ever adds to it.
    """
    answer = predictor(onnx_bytes)
    batch = image[np.newaxis]
    fastest, end = np.inf, time.perf_counter() + seconds
    while (started := time.perf_counter()) < end:
        answer(batch)
        fastest = min(fastest, time.perf_counter() - started)
    return 1000 * fastest
