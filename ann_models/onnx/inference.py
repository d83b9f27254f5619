"""ONNX Runtime's answers and their time, without Keras."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import onnxruntime


def predictor(onnx_bytes: bytes) -> Callable[[np.ndarray], np.ndarray]:
    """What ONNX Runtime makes of the bytes, on one thread: images (n, 28, 28) → probabilities."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(["probabilities"], {"images": images})[0]


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
