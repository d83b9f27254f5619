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


def guo(probabilities, labels, bins=15):
    """Σ |B|/n · |acc(B) − conf(B)| over the bins B = ((b − 1)/bins, b/bins] (Guo et al. 2017)."""
    pairs = zip(probabilities, labels, strict=True)
    named = [(max(row), row.index(max(row)) == label) for row, label in pairs]
    error = 0.0
    for b in range(1, bins + 1):
        members = [(c, right) for c, right in named if (b - 1) / bins < c <= b / bins]
        if members:
            accuracy = sum(right for _, right in members) / len(members)
            confidence = sum(c for c, _ in members) / len(members)
            error += len(members) / len(named) * abs(accuracy - confidence)
    return error


@given(st.integers(0, 1000), st.integers(2, 12), st.floats(0.05, 2), st.integers(1, 20))
def test_the_calibration_error_is_that_of_the_published_formula(seed, classes, sharpness, bins):
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.full(classes, sharpness), 80)
    labels = np.array([rng.choice(classes, p=row) for row in probabilities])
    for chosen in ({}, {"bins": bins}):
        found = evaluation.expected_calibration_error(probabilities, labels, **chosen)
        assert found == pytest.approx(guo(probabilities.tolist(), labels.tolist(), **chosen))


def two_answers(right, wrong):
    """Probabilities and labels of an answer of each confidence, one right and one wrong."""
    probabilities = np.array([[right, 1 - right], [wrong, 1 - wrong]])
    return probabilities, np.array([0, 1])


@pytest.mark.parametrize(
    ("right", "wrong", "apart"),
    [
        (0.92, 0.93, False),
        (0.93, 0.94, True),  # between the 14th and the 15th of 15 bins: 0.9333
        (0.86, 0.87, True),  # between the 13th and the 14th: 0.8667
        (0.8, 0.81, True),  # a bin holds its upper end
        (0.79, 0.8, False),
        (0.94, 1.0, False),
        (0.53, 0.54, True),
    ],
)
def test_answers_in_bins_of_their_own_do_not_cancel(right, wrong, apart):
    gaps = [1 - right, -wrong]
    expected = sum(map(abs, gaps)) / 2 if apart else abs(sum(gaps)) / 2
    found = evaluation.expected_calibration_error(*two_answers(right, wrong))
    assert found == pytest.approx(expected)


def test_a_confidence_of_zero_is_in_the_lowest_bin():
    assert evaluation.expected_calibration_error(np.zeros((2, 3)), np.array([0, 1])) == 0.5


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


def test_ten_outputs_are_the_probabilities_of_the_digits_as_they_are():
    outputs = some_probabilities(4)
    assert evaluation.digit_probabilities(outputs) is outputs
    assert evaluation.digit_scores(outputs).tolist() == [1] * 4


def test_eleven_outputs_give_probabilities_of_the_digits_given_that_it_is_one():
    outputs = np.array([[0.3, 0.1, *[0] * 8, 0.6], [0.5, *[0] * 9, 0.5]])
    found = evaluation.digit_probabilities(outputs)
    assert found[:, :2] == pytest.approx(np.array([[0.75, 0.25], [1, 0]]))
    assert found.shape == (2, 10)
    assert evaluation.digit_scores(outputs) == pytest.approx([0.4, 0.5])


def test_what_is_surely_no_digit_is_each_of_them_equally_likely():
    outputs = np.eye(11)[[10]]
    assert evaluation.digit_probabilities(outputs)[0] == pytest.approx([0.1] * 10)
    assert evaluation.digit_scores(outputs).tolist() == [0]


def test_the_confidence_is_the_probability_of_the_likeliest_digit_among_all_answers():
    outputs = np.array([[0.3, 0.1, *[0] * 8, 0.6], [0.7, 0.1, *[0] * 8, 0.2]])
    assert evaluation.confidences(outputs) == pytest.approx([0.3, 0.7])
    assert evaluation.confidences(outputs[:, :10]) == pytest.approx([0.3, 0.7])


@pytest.mark.parametrize(
    ("first", "second", "p_value"),
    [(0, 0, 1), (1, 1, 1), (5, 0, 2 / 32), (0, 5, 2 / 32), (1, 4, 12 / 32)],
)
def test_mcnemars_test_tosses_a_coin_for_each_difference(first, second, p_value):
    assert evaluation.mcnemar(first, second) == pytest.approx(p_value)


def test_errors_of_the_same_loss_stay_in_their_order():
    probabilities = np.tile([[0.75, 0.25]], (4, 1))
    worst = evaluation.worst_errors(probabilities, np.array([1, 0, 1, 1]), 2)
    assert worst.tolist() == [0, 2]


@pytest.fixture
def calls():
    """Two networks of one architecture, and whether each call of their layer was eager."""
    import keras
    import tensorflow as tf

    eager = []

    class Watched(keras.layers.Dense):
        def call(self, x):
            eager.append(tf.executing_eagerly())
            return super().call(x)

    networks = [keras.Sequential([keras.Input((2,)), Watched(3)]) for _ in range(2)]
    eager.clear()
    return networks, eager


@pytest.mark.parametrize(("examples", "traced"), [(9, False), (10, True), (25, True)])
def test_ten_batches_or_more_go_through_a_graph(calls, examples, traced):
    (network, _), eager = calls
    x = RNG.random((examples, 2), dtype=np.float32)
    found = evaluation.predict(network, x, batch=1)
    assert eager == ([False] if traced else [True] * examples)
    assert found == pytest.approx(np.asarray(network(x)), rel=1e-5)


def test_networks_of_one_architecture_share_one_graph(calls):
    networks, eager = calls
    inputs = [RNG.random((n, 2), dtype=np.float32) for n in (20, 9, 11)]
    found = evaluation.predict_each(networks, inputs, batch=1)
    assert eager.count(False) == 1
    assert eager.count(True) == 2 * 9  # too few for a graph
    for answers, x in zip(found, inputs, strict=True):
        assert len(answers) == 2
        for answer, network in zip(answers, networks, strict=True):
            assert answer == pytest.approx(np.asarray(network(x)), rel=1e-5)


def test_a_thousand_examples_are_a_batch():
    sizes = []

    def model(x, training):
        sizes.append(len(x))
        return x

    evaluation.predict(model, np.zeros((2001, 1), np.float32))
    assert sizes == [1000, 1000, 1]


def test_the_roughness_is_that_of_the_curve_whatever_its_distance():
    x = np.linspace(0, 1, 1001)
    curve = np.sin(2 * np.pi * x)
    assert evaluation.roughness(x, curve) == pytest.approx((2 * np.pi) ** 4 / 2, rel=1e-2)
    assert evaluation.roughness(x + 7, curve + 3) == pytest.approx(evaluation.roughness(x, curve))
