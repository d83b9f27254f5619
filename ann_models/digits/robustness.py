"""The same digits under every corruption, made once for all networks that are put to them."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ann_models.digits.corruptions import CORRUPTIONS, corrupted

Images = NDArray[np.float32]


def under_each_corruption(images: Images) -> dict[str, Images]:
    """The images (n, 28, 28) under each of CORRUPTIONS, by its name; read-only."""
    return dict(_made(images.tobytes(), images.shape))


@lru_cache(maxsize=2)  # a job has two such sets: of the validation and of the test digits
def _made(pixels: bytes, shape: tuple[int, ...]) -> dict[str, Images]:
    images = np.frombuffer(pixels, np.float32).reshape(shape)
    made = {name: corrupted(images, name) for name in CORRUPTIONS}
    for version in made.values():
        version.flags.writeable = False
    return made
