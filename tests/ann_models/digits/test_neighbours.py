"""Nearest digits, what they bear witness to, and copies that are not quite equal."""

import io

import numpy as np
import pytest
from PIL import Image

from ann_models import datasets
from ann_models.digits.neighbours import (
    NO_WITNESS,
    are_copies,
    centred,
    near_copies,
    nearest,
    unanimous_label,
)

DIGITS = datasets.digits("offline-digits").arrays
IMAGES, LABELS = DIGITS["x_train"][:600], DIGITS["y_train"][:600]
HELD_OUT = DIGITS["x_test"]


def test_the_nearest_are_those_of_a_search_one_by_one():
    mine = HELD_OUT[:300]  # more than one chunk
    apart = np.linalg.norm((mine[:, None] - IMAGES[None, :200]).reshape(300, 200, -1), axis=2)
    places, distances = nearest(mine, IMAGES[:200], 3)
    np.testing.assert_allclose(distances, np.sort(apart, axis=1)[:, :3], rtol=1e-3)
    np.testing.assert_array_equal(places[:, 0], apart.argmin(axis=1))


def test_neighbours_that_agree_are_nearly_always_right():
    said = unanimous_label(HELD_OUT, IMAGES, LABELS)
    clear = said != NO_WITNESS
    assert clear.mean() > 0.6
    assert (said == DIGITS["y_test"])[clear].mean() > 0.98


def test_neighbours_that_differ_bear_no_witness():
    labels = np.arange(len(IMAGES), dtype=np.int32)  # no two alike
    assert (unanimous_label(HELD_OUT[:5], IMAGES, labels) == NO_WITNESS).all()


def as_jpeg(image: np.ndarray) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(np.uint8(255 * image)).save(stream, "JPEG", quality=75)
    return np.asarray(Image.open(stream), np.float32) / 255


DISGUISES = {
    "equal": lambda x: x,
    "rounded": lambda x: np.rint(15 * x) / 15,
    "moved": lambda x: np.roll(x, (2, -1), (1, 2)),
    "dimmed": lambda x: 0.9 * x,
    "noisy": lambda x: np.clip(x + np.random.default_rng(0).normal(0, 0.03, x.shape), 0, 1),
    "compressed": lambda x: np.stack([as_jpeg(image) for image in x]),
}


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
def test_a_copy_is_known_in_disguise(disguise):
    copies = disguise(HELD_OUT[:60]).astype(np.float32)
    assert are_copies(copies, HELD_OUT).all()


def test_other_digits_of_mnist_are_no_copies(mnist):
    arrays = mnist.arrays
    held_out = np.concatenate([arrays["x_val"], arrays["x_test"]])
    ones = arrays["x_train"][arrays["y_train"] == 1][:200]  # which are alike
    assert are_copies(np.concatenate([arrays["x_train"][:200], ones]), held_out).mean() < 0.01


def test_nothing_is_a_copy_of_nothing():
    assert not are_copies(IMAGES[:3], IMAGES[:0]).any()
    assert are_copies(IMAGES[:0], IMAGES).shape == (0,)


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
def test_near_copies_are_one_group_named_by_its_first_image(disguise, mnist):
    originals = mnist.arrays["x_train"][:200]  # more than one chunk with their copies
    copies = disguise(originals[::-1]).astype(np.float32)
    expected = np.concatenate([np.arange(200), np.arange(200)[::-1]])
    np.testing.assert_array_equal(near_copies(np.concatenate([originals, copies])), expected)


def test_a_copy_of_a_copy_is_in_the_group_although_it_is_too_far_from_the_first():
    steps = np.float32([1.0, 0.88, 0.77])[:, None, None] * HELD_OUT[0]
    assert not are_copies(steps[2:], steps[:1]).any()
    assert near_copies(steps[[0, 2, 1]]).tolist() == [0, 0, 0]


def test_of_no_images_there_are_no_groups():
    assert near_copies(IMAGES[:0]).shape == (0,)


def test_a_centred_digit_is_where_mnist_puts_it():
    margin = ~IMAGES[:, [0, 1, -2, -1]].any(axis=(1, 2)) & ~IMAGES[:, :, :2].any(axis=(1, 2))
    moved = np.roll(IMAGES[margin], (2, -2), (1, 2))
    assert len(moved) > 50
    pixels = np.arange(28)
    down = centred(moved).sum(axis=2) @ pixels / moved.sum(axis=(1, 2))
    assert np.abs(down - 14).max() <= 0.51
