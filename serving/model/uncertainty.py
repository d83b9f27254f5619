"""Is the answer to be taken with care?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from serving.protocols.digits import SIDE

# The limits leave out fewer than one MNIST digit in a thousand.
SURE = 0.8  # of the answers that are less sure than this, four in ten are wrong
LEAST_INK = 18.0  # sum of the squared pixels
MOST_FILLED = 300  # pixels with any ink at all
NEIGHBOURS = 0.45  # correlation of a pixel with the one below; noise and speckles have less


def is_uncertain(image: NDArray[np.float32], confidence: float) -> bool:
    """Whether the network is not sure, or the image is nothing like the digits it has seen.

    A network is sure of many images that are no digits at all: noise, a blank or a full page.

    Args:
        image: (28, 28) in [0, 1].
        confidence: the highest of the ten probabilities.
    """
    pixels = image.ravel()
    ink = pixels.dot(pixels)
    return bool(
        confidence < SURE
        or ink < LEAST_INK
        or np.count_nonzero(pixels) > MOST_FILLED
        or pixels[SIDE:].dot(pixels[:-SIDE]) < NEIGHBOURS * ink
    )
