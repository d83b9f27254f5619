"""Ten digits in the form of MNIST's four arrays."""

import numpy as np

_rng = np.random.default_rng(0)
TINY = {
    "x_train": _rng.integers(0, 256, (6, 28, 28), np.uint8),
    "y_train": np.arange(6, dtype=np.uint8),
    "x_test": _rng.integers(0, 256, (4, 28, 28), np.uint8),
    "y_test": np.arange(4, dtype=np.uint8),
}
