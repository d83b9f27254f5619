"""What counts as drift: inverted, moved and thin digits do, other people's ordinary ones do not."""

from dataclasses import replace

import numpy as np
import pytest

from ann_models import datasets
from ann_models.drift import (
    Embedding,
    Finding,
    Sample,
    compare,
    drifted,
    energy_test,
    stability_index,
    unusualness,
)

RNG = np.random.default_rng(0)


def nearest_mean(images: np.ndarray, labels: np.ndarray):
    """A model: softmax of the distances to the classes' means."""
    means = np.stack([images[labels == digit].mean(axis=0).ravel() for digit in range(10)])

    def answer(x: np.ndarray) -> np.ndarray:
        scores = 3 * (x.reshape(len(x), -1) @ means.T - (means**2).sum(axis=1) / 2)
        powers = np.exp(scores - scores.max(axis=1, keepdims=True))
        return powers / powers.sum(axis=1, keepdims=True)

    return answer


class Watched:
    """A model, digits that it knows, and a pool of others."""

    def __init__(self, arrays: dict[str, np.ndarray], known: int) -> None:
        images = np.concatenate([arrays["x_train"], arrays["x_val"]])
        labels = np.concatenate([arrays["y_train"], arrays["y_val"]])
        fitted, images = images[:known], images[known:]
        self.model = nearest_mean(fitted, labels[:known])
        self.embedding = Embedding(fitted)
        self.reference = self.sample(images[:known])
        self.pool = images[known:]

    def sample(self, images: np.ndarray) -> Sample:
        return Sample(images, self.model(images))

    def drifted(self, images: np.ndarray) -> list[str]:
        return drifted(compare(self.sample(images), self.reference, self.embedding))


@pytest.fixture(scope="module")
def offline() -> Watched:
    return Watched(datasets.digits("offline-digits").arrays, 300)


@pytest.mark.parametrize(
    ("change", "by"),
    [
        (lambda x: 1 - x, {"ink", "confidence", "classes", "embedding"}),
        (lambda x: np.roll(x, 4, 2), {"embedding"}),
        (lambda x: np.clip(x - 0.4, 0, 1), {"ink"}),
        (lambda x: np.rot90(x, axes=(1, 2)), {"classes", "embedding"}),
    ],
    ids=["inverted", "moved by 4 pixels", "thin", "lying"],
)
def test_digits_in_another_form_are_drift(offline, change, by):
    found = set(offline.drifted(change(offline.pool[:300])))
    assert by <= found


def test_a_person_who_draws_one_digit_again_and_again_is_drift(offline):
    images = offline.pool[offline.sample(offline.pool).probabilities.argmax(axis=1) == 7]
    assert "classes" in offline.drifted(np.concatenate([images, images, images, images]))


def test_ordinary_digits_raise_an_alarm_in_one_of_twenty_samples_at_most(offline):
    alarms = [bool(offline.drifted(RNG.choice(offline.pool, 200))) for _ in range(50)]
    assert np.mean(alarms) <= 0.05


@pytest.mark.slow
def test_ordinary_validation_and_test_digits_of_mnist_raise_no_more_alarms(mnist):
    watched = Watched(mnist.arrays, 2000)
    for part in ("x_val", "x_test"):
        pool = mnist.arrays[part]
        alarms = [bool(watched.drifted(RNG.choice(pool, 300))) for _ in range(50)]
        assert np.mean(alarms) <= 0.05, part


def test_the_stability_index_is_zero_for_equal_shares_and_large_for_a_class_that_vanished():
    counts = np.full(10, 1000)
    assert stability_index(counts, 3 * counts) < 1e-4
    assert stability_index(np.r_[0, counts[1:]], counts) > 0.25


def test_the_stability_index_sums_the_change_of_each_share():
    """Half an example more each: shares 0.3 and 0.7 become 0.7 and 0.3."""
    expected = 2 * 0.4 * np.log(7 / 3)
    assert stability_index(np.array([1, 3]), np.array([3, 1])) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("size", "p_value", "expected"),
    [(0.2, 0.009, True), (0.1999, 0.009, False), (0.2, 0.01, False), (1.0, 0.0, True)],
)
def test_a_change_is_drift_if_it_is_large_and_significant(size, p_value, expected):
    finding = Finding(size, least=0.2, p_value=p_value, level=0.01)
    assert finding.drifted is expected
    assert drifted({"ink": finding}) == (["ink"] if expected else [])


def test_the_four_tests_share_one_error_rate(offline):
    found = compare(offline.reference, offline.reference, offline.embedding)
    assert [finding.level for finding in found.values()] == [0.0025] * 4
    assert drifted(found) == []


def test_a_model_that_names_one_class_only_has_no_drift_of_classes(offline):
    always = [replace(offline.sample(offline.pool[:n]), probabilities=sure(n)) for n in (40, 60)]
    found = compare(*always, offline.embedding)["classes"]
    assert (found.p_value, found.drifted) == (1.0, False)


def test_a_digit_that_nobody_draws_any_more_is_drift_of_the_classes_alone(offline):
    images = offline.pool[:180]
    five, six = (np.eye(10)[np.arange(180) % classes] for classes in (5, 6))
    found = compare(Sample(images, five), Sample(images, six), offline.embedding)
    assert drifted(found) == ["classes"]
    assert found["classes"].size == pytest.approx(0.7, abs=0.1)


def sure(count: int) -> np.ndarray:
    """Answers (count, 10) that name a seven."""
    return np.tile(np.eye(10)[7], (count, 1))


# --- the embedding --------------------------------------------------------------------------------


def test_the_embedding_scales_each_of_twenty_components_to_variance_one():
    images = RNG.random((300, 6, 6))
    embedded = Embedding(images)(images)
    assert embedded.shape == (300, 20)
    np.testing.assert_allclose(embedded.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(embedded.var(axis=0, ddof=1), 1)


def test_few_pictures_have_fewer_components():
    assert Embedding(RNG.random((5, 6, 6)))(RNG.random((9, 6, 6))).shape == (9, 4)


def test_the_most_unusual_picture_is_the_farthest_from_the_known_ones(offline):
    images = np.concatenate([offline.pool[:20], 1 - offline.pool[:1]])
    found = unusualness(images, offline.reference.images, offline.embedding)
    assert found.shape == (21,) and found.argmax() == 20
    (first, *_), known = offline.embedding(images), offline.embedding(offline.reference.images)
    assert found[0] == pytest.approx(np.linalg.norm(known - first, axis=1).mean())


# --- the energy test ------------------------------------------------------------------------------


def test_the_energy_coefficient_is_1_for_points_far_apart_and_0_for_equal_samples():
    assert energy_test(np.zeros((4, 1)), np.ones((6, 1)))[0] == pytest.approx(1)
    two = np.array([[0.0], [1.0]])
    assert energy_test(two, two) == (pytest.approx(0), 1.0)
    # E|X−Y| is 9/6, E|X−X′| 1/2 and E|Y−Y′| 8/9.
    three = np.array([[1.0], [2.0], [3.0]])
    assert energy_test(two, three)[0] == pytest.approx((3 - 1 / 2 - 8 / 9) / 3)


def test_the_energy_test_rejects_at_its_level_under_no_drift_and_finds_a_shift():
    rng = np.random.default_rng(1)
    p_values = [
        energy_test(rng.normal(size=(40, 3)), rng.normal(size=(60, 3)))[1] for _ in range(40)
    ]
    assert np.mean(np.array(p_values) < 0.05) <= 0.15
    assert np.mean(p_values) > 0.35
    coefficient, p_value = energy_test(rng.normal(2, 1, (40, 3)), rng.normal(size=(60, 3)))
    assert coefficient > 0.3
    assert p_value == 0.001


def test_the_same_samples_give_the_same_findings(offline):
    recent = offline.sample(offline.pool[:100])
    first, second = (compare(recent, offline.reference, offline.embedding) for _ in range(2))
    assert first == second


def test_samples_without_any_distance_are_no_drift():
    same = np.ones((20, 3))
    assert energy_test(same, same) == (0.0, 1.0)
