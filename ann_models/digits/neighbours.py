"""Pictures near other pictures: nearest neighbours, what they bear witness to, near copies."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

CHUNK = 256  # rows at once: their distances to 60,000 digits take 60 MB
CENTRE = 14  # of a 28×28 digit: MNIST puts its centre of mass there
NEAR_COPY = 0.15  # of a digit's own norm; see `are_copies`
NO_WITNESS = -1


def nearest(
    images: np.ndarray, reference: np.ndarray, count: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """The nearest of the reference pictures to each image, by Euclidean distance of the pixels.

    Args:
        images: (n, …) with d numbers each.
        reference: (m, …) likewise, m ≥ count.
        count: how many, the nearest first.

    Returns:
        Their places in the reference and their distances, both (n, count).
    """
    flat = reference.reshape(len(reference), -1)
    squares = np.einsum("ij,ij->i", flat, flat)
    places = np.empty((len(images), count), np.intp)
    distances = np.empty((len(images), count), np.float32)
    for start in range(0, len(images), CHUNK):
        rows = slice(start, start + CHUNK)
        mine = images[rows].reshape(len(images[rows]), -1)
        apart = squares - 2 * (mine @ flat.T) + np.einsum("ij,ij->i", mine, mine)[:, None]
        few = np.argpartition(apart, count - 1, axis=1)[:, :count]
        found = np.take_along_axis(apart, few, axis=1)
        order = np.argsort(found, axis=1, kind="stable")
        places[rows] = np.take_along_axis(few, order, axis=1)
        distances[rows] = np.sqrt(np.take_along_axis(found, order, axis=1).clip(0))
    return places, distances


def unanimous_label(
    images: np.ndarray, reference: np.ndarray, labels: np.ndarray, count: int = 5
) -> NDArray[np.int32]:
    """The label that all nearest neighbours of an image bear, (n,); NO_WITNESS if they differ.

    Neighbours' labels are the classic check of a label (Wilson 1972), also against deliberate ones
    (Paudice, Muñoz-González and Lupu, "Label sanitization against label flipping poisoning
    attacks", 2018).
    """
    found = labels[nearest(images, reference, count)[0]]
    same = (found == found[:, :1]).all(axis=1)
    return np.where(same, found[:, 0], NO_WITNESS).astype(np.int32)


def are_copies(images: np.ndarray, originals: np.ndarray) -> NDArray[np.bool_]:
    """Which images (n, 28, 28) equal one of the originals (m, 28, 28), or nearly do; (n,).

    All are moved by whole pixels until their centres of mass meet, give or take one pixel, which
    noise decides. What then differs by at most NEAR_COPY of the original's norm is a copy: so much
    do rounding, compression and faint noise change. Different digits are hardly ever as near: of
    MNIST's 10,000 test digits, eight are copies of training digits by this rule.
    """
    found = np.zeros(len(images), bool)
    if not len(images) or not len(originals):
        return found
    there, here = centred(originals), centred(images)
    norms = np.sqrt(np.einsum("ijk,ijk->i", there, there))
    for down, right in itertools.product((-1, 0, 1), repeat=2):
        places, distances = nearest(np.roll(here, (down, right), (1, 2)), there, 1)
        found |= distances[:, 0] <= NEAR_COPY * norms[places[:, 0]]
    return found


def near_copies(images: np.ndarray) -> NDArray[np.intp]:
    """Group images (n, 28, 28) that are near copies of each other, by the rule of `are_copies`.

    A copy of a copy is in the same group (single linkage), so that no threshold separates two that
    are alike. Takes some seconds for 3,000 images, and four times as long for twice as many.

    Returns:
        For each image the place of the first one of its group, its own if it has no copy; (n,).
    """
    here = centred(images)
    flat = here.reshape(len(here), math.prod(here.shape[1:]))
    squares = np.einsum("ij,ij->i", flat, flat)
    first = np.arange(len(images))
    for start in range(0, len(images), CHUNK):
        mine, later = slice(start, start + CHUNK), slice(start, None)
        sums = squares[mine, None] + squares[later]
        limit = NEAR_COPY**2 * np.maximum(squares[mine, None], squares[later])
        near = np.zeros(sums.shape, bool)
        for down, right in itertools.product((-1, 0, 1), repeat=2):
            moved = np.roll(here[mine], (down, right), (1, 2)).reshape(len(sums), -1)
            near |= sums - 2 * (moved @ flat[later].T) <= limit
        for row in near[near.sum(axis=1) > 1]:
            together = np.unique(first[later][row])
            first[np.isin(first, together)] = together[0]
    return first


def centred(images: np.ndarray) -> NDArray[np.float32]:
    """Images (n, 28, 28) moved by whole pixels until their centre of mass is on pixel (14, 14)."""
    side = images.shape[1]
    mass = np.maximum(images.sum(axis=(1, 2)), 1e-6)
    pixels = np.arange(side)
    down = np.rint(CENTRE - images.sum(axis=2) @ pixels / mass).astype(int)
    right = np.rint(CENTRE - images.sum(axis=1) @ pixels / mass).astype(int)
    rows = (pixels - down[:, None]) % side
    columns = (pixels - right[:, None]) % side
    every = np.arange(len(images))[:, None, None]
    return images[every, rows[:, :, None], columns[:, None, :]]
