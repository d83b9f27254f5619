"""MLflow's `python_function` of a version: what `mlflow.pyfunc.load_model` returns.

ONNX Runtime takes float32 (n, 28, 28) alone. Users of MLflow's interface have other forms of the
same digits; here they are converted. MLmodel names this module as its loader, so that nothing is
unpickled and no code comes out of the artifact; ann-pipelines must be installed where it is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import onnxruntime
    import pandas as pd

SIDE = 28
INPUT, PROBABILITIES = "images", "probabilities"
EXPECTED = (
    "expected digits as (n, 28, 28) or (n, 784): float in [0, 1] with ink 1 on paper 0, or "
    "integers from 0 to 255"
)


class DigitClassifier:
    """Digits in any usual form → probabilities, or of a table the digits."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        """Use an ONNX Runtime session."""
        self.session = session

    def predict(
        self, data: Any, params: Mapping[str, Any] | None = None
    ) -> dict[str, np.ndarray] | pd.Series:
        """Classify digits.

        Args:
            data: an array, nested lists, a dictionary with the key `images`, or a DataFrame with
                784 columns or one column of images; see `to_images`.
            params: none are known.

        Returns:
            `probabilities` (n, 10) by that name; of a DataFrame the digits (n,) with its index, as
            scikit-learn's classifiers answer and `mlflow.models.evaluate` expects it.

        Raises:
            ValueError: the data are not digits.
        """
        (probabilities,) = self.session.run([PROBABILITIES], {INPUT: to_images(data)})
        if not hasattr(data, "columns"):
            return {PROBABILITIES: probabilities}
        import pandas as pd

        return pd.Series(probabilities.argmax(axis=1), index=data.index, name="digit")


def to_images(data: Any) -> np.ndarray:
    """Digits as float32 (n, 28, 28) in [0, 1].

    Floating-point pixels are in [0, 1]; integer pixels, and any with a value above 1, are in
    [0, 255].

    Raises:
        ValueError: the data are not digits; the message gives their shape or range.
    """
    if isinstance(data, Mapping):
        if INPUT not in data:
            keys = ", ".join(map(str, data))
            raise ValueError(f"the keys are {keys}, without {INPUT}; {EXPECTED}")
        data = data[INPUT]
    elif hasattr(data, "columns"):
        one = len(data.columns) == 1
        data = [np.asarray(image) for image in data.iloc[:, 0]] if one else data.to_numpy()
    try:
        pixels = np.asarray(data)
        integers = pixels.dtype.kind in "iu"
        pixels = pixels.astype(np.float32)
    except (ValueError, TypeError) as error:
        raise ValueError(f"the images are not numbers of one shape ({error}); {EXPECTED}") from None
    if pixels.shape[1:] not in ((SIDE, SIDE), (SIDE**2,)):
        raise ValueError(f"the shape is {pixels.shape}; {EXPECTED}")
    if not len(pixels):
        return pixels.reshape(0, SIDE, SIDE)
    low, high = pixels.min(), pixels.max()
    if not 0 <= low <= high <= 255:  # so that NaN is refused too
        raise ValueError(f"the pixels are from {low:g} to {high:g}; {EXPECTED}")
    if integers or high > 1:
        pixels = pixels / np.float32(255)
    return pixels.reshape(-1, SIDE, SIDE)


def _load_pyfunc(path: str) -> DigitClassifier:
    """Called by MLflow with the path of the version's model.onnx."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    providers = ["CPUExecutionProvider"]
    return DigitClassifier(
        onnxruntime.InferenceSession(Path(path).read_bytes(), options, providers=providers)
    )
