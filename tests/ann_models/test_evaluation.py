"""What the numbers of an evaluation mean."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ann_models import evaluation
from ann_models.errors import InvalidData

RNG = np.random.default_rng(0)
CLASSES = st.integers(0, 9)
FINITE = st.floats(-100, 100)


def some_probabilities(n, classes=10, seed=0):
    return np.random.default_rng(seed).dirichlet(np.ones(classes), n).astype(np.float32)


def test_the_class_of_several_outputs_is_the_largest():
    assert evaluation.named_classes(np.array([[0.1, 0.7, 0.2], [0.5, 0.3, 0.2]])).tolist() == [1, 0]


def test_the_class_of_one_output_is_one_above_a_half():
    assert evaluation.named_classes(np.array([[0.2], [0.5], [0.51]])).tolist() == [0, 0, 1]


def test_accuracy_takes_labels_as_vector_and_as_column():
    outputs = np.array([[0.9], [0.1], [0.8], [0.7]])
    labels = np.array([1.0, 0.0, 0.0, 1.0])
    assert evaluation.accuracy(outputs, labels) == 0.75
    assert evaluation.accuracy(outputs, labels[:, None]) == 0.75


@pytest.mark.parametrize(
    "measure",
    [
        evaluation.accuracy,
        evaluation.cross_entropies,
        evaluation.expected_calibration_error,
    ],
)
def test_predictions_and_labels_of_different_number_are_refused(measure):
    with pytest.raises(InvalidData, match="3 predictions and 2 labels"):
        measure(some_probabilities(3), np.array([0, 1]))


def test_cross_entropy_is_minus_the_logarithm_of_the_labels_probability():
    losses = evaluation.cross_entropies(np.array([[0.25, 0.75], [0.9, 0.1]]), np.array([1, 1]))
    assert losses == pytest.approx([-np.log(0.75), -np.log(0.1)])


def test_a_confident_mistake_costs_much_but_not_infinitely_much():
    loss = evaluation.cross_entropies(np.array([[1.0, 0.0]]), np.array([1]))
    assert loss == pytest.approx(-np.log(1e-7))


def test_cross_entropy_agrees_with_kerass():
    import keras

    probabilities, labels = some_probabilities(50), RNG.integers(0, 10, 50)
    theirs = keras.losses.sparse_categorical_crossentropy(labels, probabilities)
    assert evaluation.cross_entropies(probabilities, labels) == pytest.approx(
        np.asarray(theirs), rel=1e-5
    )


@given(st.lists(st.tuples(CLASSES, CLASSES), min_size=1))
def test_a_confusion_matrix_counts_every_example_once(pairs):
    labels, named = (np.array(column) for column in zip(*pairs, strict=True))
    matrix = evaluation.confusion_matrix(labels, named)
    assert matrix.shape == (10, 10)
    assert matrix.sum() == len(pairs)
    assert matrix.trace() == np.sum(labels == named)
    assert (matrix.sum(axis=1) == np.bincount(labels, minlength=10)).all()
    assert (matrix.sum(axis=0) == np.bincount(named, minlength=10)).all()


def test_a_confusion_matrix_has_the_true_class_in_its_rows():
    assert evaluation.confusion_matrix(np.array([2]), np.array([5]))[2, 5] == 1


def test_the_worst_errors_are_wrong_and_the_costliest_comes_first():
    probabilities, labels = some_probabilities(200), RNG.integers(0, 10, 200)
    worst = evaluation.worst_errors(probabilities, labels, 12)
    losses = evaluation.cross_entropies(probabilities, labels)
    wrong = probabilities.argmax(axis=1) != labels
    assert len(worst) == 12
    assert wrong[worst].all()
    assert (np.diff(losses[worst]) <= 0).all()
    assert losses[worst[0]] == losses[wrong].max()


def test_without_mistakes_there_is_no_worst_one():
    probabilities = np.eye(10)
    assert len(evaluation.worst_errors(probabilities, np.arange(10), 5)) == 0


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_wilsons_interval_holds_the_share_and_stays_a_proportion(trials, share):
    successes = round(share * trials)
    low, high = evaluation.wilson_interval(successes, trials)
    assert 0 <= low <= successes / trials + 1e-12
    assert successes / trials - 1e-12 <= high <= 1
    assert low < high


@given(st.integers(1, 1000), st.integers(0, 1000))
def test_wilsons_interval_of_failures_mirrors_that_of_successes(trials, successes):
    successes = min(successes, trials)
    low, high = evaluation.wilson_interval(successes, trials)
    mirrored = evaluation.wilson_interval(trials - successes, trials)
    assert mirrored == pytest.approx((1 - high, 1 - low))


def test_wilsons_interval_is_the_published_formulas():
    """Wilson (1927): (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n), z = 1.959964."""
    z, n, p = 1.959964, 10_000, 0.975
    centre, radius = p + z**2 / (2 * n), z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    expected = (centre - radius) / (1 + z**2 / n), (centre + radius) / (1 + z**2 / n)
    assert evaluation.wilson_interval(9750, n) == pytest.approx(expected)


@pytest.mark.parametrize(("successes", "trials"), [(0, 0), (3, 2), (-1, 5)])
def test_what_is_no_proportion_has_no_interval(successes, trials):
    with pytest.raises(InvalidData, match=f"{successes} successes in {trials} trials"):
        evaluation.wilson_interval(successes, trials)


def test_calibration_is_perfect_where_confidence_is_the_share_of_right_answers():
    probabilities = np.tile([[0.75, 0.25]], (4, 1))
    assert evaluation.expected_calibration_error(probabilities, np.array([0, 0, 0, 1])) == (
        pytest.approx(0)
    )


def test_always_certain_and_always_wrong_is_the_worst_calibration():
    assert evaluation.expected_calibration_error(np.eye(2), np.array([1, 0])) == 1


@given(st.integers(1, 60), st.integers(0, 1000))
def test_the_calibration_error_is_a_share(n, seed):
    labels = np.random.default_rng(seed).integers(0, 10, n)
    assert 0 <= evaluation.expected_calibration_error(some_probabilities(n, seed=seed), labels) <= 1


@given(arrays(np.float64, st.integers(2, 10), elements=FINITE))
def test_the_spread_is_the_mean_and_the_deviation_under_a_prefix(values):
    metrics = evaluation.spread("final_train_loss", values)
    assert metrics["final_train_loss"] == pytest.approx(values.mean())
    assert metrics["spread/final_train_loss"] == pytest.approx(values.std(ddof=1))
    assert len(metrics) == 2
    assert evaluation.deviation(metrics, "final_train_loss") == metrics["spread/final_train_loss"]


def test_the_deviation_of_runs_of_earlier_versions_is_found():
    assert evaluation.deviation({"test_accuracy_std": 0.25}, "test_accuracy") == 0.25
    assert evaluation.deviation({"test_accuracy": 0.97}, "test_accuracy") is None


def test_a_single_seed_has_a_value_but_no_spread():
    assert evaluation.spread("test_accuracy", [0.97]) == {"test_accuracy": 0.97}


@given(arrays(np.float64, 2, elements=st.floats(0.1, 10)), st.floats(0.1, 100))
def test_the_angle_does_not_depend_on_lengths_and_turns_around_with_the_sign(normal, scale):
    assert evaluation.angle_between(normal, scale * normal) == pytest.approx(0, abs=1e-5)
    assert evaluation.angle_between(normal, -normal) == pytest.approx(180, abs=1e-5)
    turned = np.array([-normal[1], normal[0]])
    assert evaluation.angle_between(normal, turned) == pytest.approx(90)


def test_a_zero_vector_has_no_angle():
    with pytest.raises(InvalidData, match="zero"):
        evaluation.angle_between(np.zeros(2), np.ones(2))


@given(st.floats(-5, 5), st.floats(-5, 5))
def test_a_line_is_not_rough(slope, offset):
    x = np.linspace(-1, 1, 50)
    assert evaluation.roughness(x, slope * x + offset) == pytest.approx(0, abs=1e-6)


def test_the_roughness_of_a_parabola_is_its_squared_second_derivative_times_the_width():
    x = np.linspace(0, 3, 3001)
    assert evaluation.roughness(x, x**2) == pytest.approx(4 * 3, rel=1e-3)


def test_predictions_in_batches_are_those_of_one_call_in_inference_mode():
    import keras

    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dropout(0.5), keras.layers.Dense(2)])
    x = RNG.random((25, 3), dtype=np.float32)
    whole = np.asarray(model(x, training=False))
    for batch in (10, 2):  # by direct calls, and through a graph, with an incomplete last batch
        assert evaluation.predict(model, x, batch) == pytest.approx(whole)
    assert evaluation.predict(model, x[:0]).shape == (0, 2)
