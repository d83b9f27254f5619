"""Real handwriting that needs no download: scikit-learn's 8×8 digits in MNIST's 28×28 form."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import ndimage
from sklearn.datasets import load_digits

BOX = 20  # MNIST's digits fill a 20×20 box of the 28×28 picture
SIDE = 28
CENTRE = 14  # the pixel on which MNIST's centre of mass lies


@cache
def load() -> tuple[np.ndarray, np.ndarray]:
    """Return the 1,797 digits of scikit-learn (UCI "optical recognition", its test writers).

    Returns:
        Images, float32 (1797, 28, 28) in [0, 1] with ink 1 on 0, and labels, int32 (1797,); every
        call returns the same arrays, which are read-only.
    """
    bundled = load_digits()
    images = np.stack([mnist_form(image / 16) for image in bundled.images])
    labels = bundled.target.astype(np.int32)
    for array in (images, labels):
        array.setflags(write=False)
    return images, labels


def mnist_form(ink: np.ndarray) -> np.ndarray:
    """Bring a small picture to MNIST's form.

    The ink is cut out, enlarged smoothly until its longer side fills MNIST's 20×20 box, and put
    where its centre of mass comes closest to the centre pixel.

    Args:
        ink: shape (height, width), at most 20 pixels a side, in [0, 1], not 0 everywhere.

    Returns:
        float32 (28, 28) in [0, 1].
    """
    cut = ink[ndimage.find_objects((ink > 0).astype(int))[0]]
    scale = BOX / max(cut.shape)
    box = ndimage.zoom(cut, scale, order=3, mode="grid-constant", grid_mode=True).clip(0, 1)
    top, left = (
        np.clip(round(CENTRE - centre), 0, SIDE - side)
        for centre, side in zip(ndimage.center_of_mass(box), box.shape, strict=True)
    )
    digit = np.zeros((SIDE, SIDE), np.float32)
    digit[top : top + box.shape[0], left : left + box.shape[1]] = box
    return digit
