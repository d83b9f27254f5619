import time

import numpy as np
import pytest
import tensorflow as tf

from ann_models.digits import offline_digits
from ann_models.digits.augmentation import Augmentation, _blur_basis, augment

FULL = Augmentation(
    shift=2,
    rotation=15,
    scale=0.1,
    shear=0.1,
    elastic_alpha=34,
    thickness=0.5,
    blur=1,
    noise=0.2,
)


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    return offline_digits.load()[0][:64]


def compiled(settings: Augmentation):
    return tf.function(lambda images, seed: augment(images, settings, seed), jit_compile=True)


def augmented(images: np.ndarray, seed: tuple[int, int] = (1, 2), **bounds: float) -> np.ndarray:
    return augment(tf.constant(images), Augmentation(**bounds), tf.constant(seed)).numpy()


def many(image: np.ndarray, n: int = 300) -> np.ndarray:
    return np.repeat(image[None], n, axis=0)


def blob(row: float = 13.5, column: float = 13.5, width: float = 3) -> np.ndarray:
    y, x = np.mgrid[:28, :28]
    return np.exp(-((y - row) ** 2 + (x - column) ** 2) / width**2).astype(np.float32)


def centres(images: np.ndarray) -> np.ndarray:
    """Centre of mass, rows and columns, of each image: (n, 2)."""
    mass = images.sum(axis=(1, 2))
    return np.stack([images.sum(axis=a) @ np.arange(28) / mass for a in (2, 1)], axis=1)


def spread_matrices(images: np.ndarray) -> np.ndarray:
    """Second moments about the centre of each image: (n, 2, 2)."""
    offsets = np.stack(np.mgrid[:28, :28]) - centres(images)[:, :, None, None]
    return np.einsum("nayx,nbyx,nyx->nab", offsets, offsets, images) / images.sum(
        axis=(1, 2)
    ).reshape(-1, 1, 1)


def test_nothing_asked_for_changes_nothing(digits):
    np.testing.assert_array_equal(augmented(digits), digits)


def test_the_same_seed_gives_the_same_images_and_another_seed_others(digits):
    run = compiled(FULL)
    first = run(digits, tf.constant([1, 2])).numpy()
    np.testing.assert_array_equal(first, run(digits, tf.constant([1, 2])).numpy())
    for other in ([1, 3], [2, 2]):
        changed = np.abs(first - run(digits, tf.constant(other)).numpy()).max(axis=(1, 2))
        assert changed.min() > 0.05


def test_compiled_and_plain_calls_agree(digits):
    plain = augment(tf.constant(digits), FULL, tf.constant([1, 2])).numpy()
    np.testing.assert_allclose(
        compiled(FULL)(digits, tf.constant([1, 2])).numpy(), plain, atol=1e-3
    )


def test_it_runs_inside_a_compiled_loop_with_a_seed_a_step(digits):
    @tf.function(jit_compile=True)
    def total(images):
        def step(i, total):
            return i + 1, total + augment(images, FULL, tf.stack([7, i]))

        return tf.while_loop(lambda i, _: i < 3, step, (0, tf.zeros_like(images)))[1]

    steps = [augment(tf.constant(digits), FULL, tf.constant([7, i])) for i in range(3)]
    np.testing.assert_allclose(total(tf.constant(digits)), sum(steps), atol=3e-3)


def test_images_keep_their_form(digits):
    out = augmented(digits, **vars(FULL))
    assert (out.shape, out.dtype) == (digits.shape, np.float32)
    assert out.min() >= 0
    assert out.max() <= 1


def test_each_image_gets_its_own_distortion(digits):
    out = augmented(many(digits[0], 50), **vars(FULL))
    assert len(np.unique(out, axis=0)) == 50


def test_shifts_fill_their_range_and_do_not_leave_it():
    moves = centres(augmented(many(blob()), shift=3)) - 13.5
    assert np.abs(moves).max() <= 3 + 1e-3
    assert moves.min() < -2.8
    assert moves.max() > 2.8
    np.testing.assert_allclose(moves.mean(axis=0), 0, atol=0.4)


def test_what_is_shifted_out_does_not_come_in_again():
    edge = np.zeros((28, 28), np.float32)
    edge[:, 0] = 1
    out = augmented(many(edge), shift=10)
    assert out[:, :, 14:].max() == 0
    assert (out.sum(axis=(1, 2)) == 0).mean() > 0.3


def test_rotations_turn_by_up_to_their_bound_and_keep_the_ink():
    bar = blob(13.5, 9) + blob(13.5, 13.5) + blob(13.5, 18)
    out = augmented(many(bar), rotation=30)
    spread = spread_matrices(out)
    angle = np.degrees(np.arctan2(2 * spread[:, 0, 1], spread[:, 1, 1] - spread[:, 0, 0]) / 2)
    assert 28 < np.abs(angle).max() < 30.5
    assert angle.min() < -25 < 25 < angle.max()
    np.testing.assert_allclose(out.sum(axis=(1, 2)), bar.sum(), rtol=0.01)


def test_scales_stretch_each_axis_on_its_own():
    ratio = spread_matrices(augmented(many(blob()), scale=0.2)) / spread_matrices(blob()[None])
    high, wide = np.sqrt(ratio[:, 0, 0]), np.sqrt(ratio[:, 1, 1])
    for factor in (high, wide):
        assert 0.78 < factor.min() < 0.85
        assert 1.15 < factor.max() < 1.22
    assert abs(np.corrcoef(high, wide)[0, 1]) < 0.2


def test_shear_slants_but_keeps_heights():
    before, out = (
        spread_matrices(blob()[None])[0],
        spread_matrices(augmented(many(blob()), shear=0.3)),
    )
    np.testing.assert_allclose(out[:, 0, 0], before[0, 0], rtol=0.02)
    slant = out[:, 0, 1] / before[0, 0]
    assert 0.27 < np.abs(slant).max() < 0.31


def test_elastic_displacements_have_the_distribution_of_simards():
    """The covariance of smoothed white noise is that of the few coefficients drawn instead."""
    for sigma in (1.0, 4.0, 8.0):
        distance = np.subtract.outer(np.arange(28), np.arange(28)) / sigma
        blur = np.exp(-(distance**2) / 2) / (sigma * np.sqrt(2 * np.pi))
        basis = _blur_basis(28, sigma)
        np.testing.assert_allclose(basis @ basis.T, blur @ blur.T, atol=2e-4)
    assert _blur_basis(28, 4.0).shape[1] < 10


def test_elastic_distortion_moves_pixels_as_far_as_documented():
    ramp = np.tile(np.arange(28, dtype=np.float32), (2000, 1, 1)).repeat(28, axis=1) / 28
    middle = augmented(ramp, elastic_alpha=34)[:, 14, 14] * 28 - 14
    assert np.std(middle) == pytest.approx(1.4, abs=0.1)
    assert np.mean(middle) == pytest.approx(0, abs=0.1)


def ink(images: np.ndarray) -> np.ndarray:
    return images.sum(axis=(1, 2))


def test_strokes_grow_up_to_the_largest_neighbour_and_shrink_down_to_the_smallest():
    square = np.zeros((28, 28), np.float32)
    square[10:16, 10:16] = 1
    out = ink(augmented(many(square), thickness=1))
    assert 5 * 5 <= out.min() < 5 * 5 + 1
    assert 8 * 8 - 1 < out.max() <= 8 * 8
    assert 0.4 < (out > 36).mean() < 0.6


def test_half_of_the_images_are_blurred_by_up_to_the_bound_and_keep_their_ink():
    point = np.zeros((28, 28), np.float32)
    point[13, 13] = 1
    out = augmented(many(point), blur=1.5)
    assert 0.4 < (out == point).all(axis=(1, 2)).mean() < 0.6
    np.testing.assert_allclose(ink(out), 1, atol=1e-3)
    deviations = np.sqrt(spread_matrices(out)[:, 0, 0])
    assert 1.4 < deviations.max() < 1.51


def test_half_of_the_images_are_noisy_by_up_to_the_bound_and_stay_pictures():
    grey = np.full((28, 28), 0.5, np.float32)
    out = augmented(many(grey), noise=0.1)
    deviations = out.std(axis=(1, 2))
    assert 0.4 < (deviations == 0).mean() < 0.6
    assert 0.09 < deviations.max() < 0.11
    np.testing.assert_allclose(out.mean(axis=(1, 2)), 0.5, atol=0.02)
    loud = augmented(many(grey), noise=0.9)
    assert loud.min() == 0
    assert loud.max() == 1


def test_the_noise_of_each_pixel_and_image_is_its_own():
    out = augmented(many(np.full((28, 28), 0.5, np.float32)), noise=0.1)
    noisy = out[out.std(axis=(1, 2)) > 0.02]
    assert np.abs(np.corrcoef(noisy[0].ravel(), noisy[1].ravel())[0, 1]) < 0.15
    assert np.abs(np.corrcoef(noisy[0][:, :-1].ravel(), noisy[0][:, 1:].ravel())[0, 1]) < 0.15


@pytest.mark.parametrize(
    "bounds",
    [{"thickness": 1.1}, {"shift": -1}, {"scale": 1}, {"elastic_sigma": 0}, {"rotation": -5}],
)
def test_impossible_bounds_are_refused(bounds):
    with pytest.raises(ValueError, match="expected bounds of 0 or more"):
        Augmentation(**bounds)


@pytest.mark.slow
def test_an_epoch_of_mnist_takes_seconds_at_most():
    images = tf.random.stateless_uniform([60_000, 28, 28], [0, 0])
    run = compiled(FULL)
    run(images, tf.constant([0, 0]))
    start = time.perf_counter()
    run(images, tf.constant([0, 1]))
    assert time.perf_counter() - start < 5
