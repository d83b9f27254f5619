"""Real handwriting that needs no download: scikit-learn's 8×8 digits in MNIST's 28×28 form."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from sklearn.datasets import load_digits

BOX = 20  # MNIST's digits fill a 20×20 box of the 28×28 picture
SIDE = 28
CENTRE = 14  # the pixel on which MNIST's centre of mass lies


def load() -> tuple[np.ndarray, np.ndarray]:
    """Return the 1,797 digits of scikit-learn (UCI "optical recognition", its test writers).

    Returns:
        Images, float32 (1797, 28, 28) in [0, 1] with ink 1 on 0, and labels, int32 (1797,).
    """
    bundled = load_digits()
    return mnist_form(bundled.images), bundled.target.astype(np.int32)


def mnist_form(images: np.ndarray) -> np.ndarray:
    """Bring small pictures with ink 16 on 0 to MNIST's form.

    Each is enlarged smoothly to MNIST's 20×20 box and moved by whole pixels until its centre of
    mass lies where MNIST's authors put it.

    Args:
        images: shape (n, 8, 8), values 0 to 16.

    Returns:
        float32 (n, 28, 28) in [0, 1].
    """
    scale = BOX / images.shape[1]
    smooth = ndimage.zoom(images / 16, (1, scale, scale), order=3, mode="grid-constant", grid_mode=True)
    digits = np.zeros((len(images), SIDE, SIDE), np.float32)
    for digit, box in zip(digits, smooth.clip(0, 1), strict=True):
        row, column = (
            np.clip(round(CENTRE - centre), 0, SIDE - BOX)
            for centre in ndimage.center_of_mass(box)
        )
        digit[row : row + BOX, column : column + BOX] = box
    return digits
