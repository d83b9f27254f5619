"""One example of every panel."""

import numpy as np

from ann_models.figures import classification, comparison, digits, learning, overfitting, regression

RNG = np.random.default_rng(0)
X = RNG.uniform(-4, 4, (60, 2))
Z = RNG.random((60, 2))
Y = (X[:, :1] > 0).astype(np.float32)
IMAGES = RNG.random((12, 28, 28))
GRID = np.linspace(-4.5, 4.5, 40)
POINTS = {"training": (GRID[::4, None], np.sin(GRID[::4, None]))}


def legend(axes):
    (below,) = axes.figure.legends
    return [text.get_text() for text in below.get_texts()]


def the_axes(figure):
    return figure.axes[0]


PANELS = {
    "data": lambda: classification.data(X, Y),
    "boundary": lambda: classification.boundary(X, Y, np.ones((3, 2)), np.arange(3.0), 1),
    "hidden_space": lambda: classification.hidden_space(Z, Y),
    "hidden_space_with_boundary": lambda: classification.hidden_space_with_boundary(
        Z, Y, np.array([1.0, -1.0]), 0.2
    ),
    "hidden_lines": lambda: classification.hidden_lines(X, Y, np.eye(2), np.zeros(2)),
    "decision_regions": lambda: classification.decision_regions(
        X, Y, GRID, GRID, RNG.random((40, 40))
    ),
    "contributions": lambda: regression.contributions(GRID, np.ones((40, 4)), GRID, GRID),
    "sum_of_neurons": lambda: regression.sum_of_neurons(GRID, np.ones((40, 3)), 2, GRID, GRID),
    "digit": lambda: digits.digit(IMAGES[0], 7),
    "labelled_grid": lambda: digits.labelled_grid(IMAGES, range(12), "Digits"),
    "class_counts": lambda: digits.class_counts({"train": np.arange(10), "test": np.ones(10)}),
    "confusion": lambda: digits.confusion(np.eye(10, dtype=int) * 90 + 1, "test digits"),
    "worst_mistakes": lambda: digits.worst_errors(
        IMAGES, np.arange(12), np.arange(12), "10,000 test digits"
    ),
    "prediction": lambda: digits.prediction(IMAGES[0], 3, np.full(10, 0.1), "test digit 7"),
    "robustness": lambda: digits.robustness({"noise": IMAGES}, {"noise": 0.9}, "500 test digits"),
    "weight_pictures": lambda: digits.weight_pictures(RNG.normal(size=(16, 3, 3)), "Kernels"),
    "augmented_samples": lambda: digits.augmented_samples(IMAGES[:10], RNG.random((3, 10, 28, 28))),
    "learning_curves": lambda: learning.learning_curves(
        {"training": RNG.random((5000, 5)), "validation": RNG.random((5000, 5))}, "t", "loss", True
    ),
    "gradient_norms_at_start": lambda: learning.gradient_norms_at_start(RNG.random((9, 3)), "tanh"),
    "gradient_norms_at_start_of_one_seed": lambda: learning.gradient_norms_at_start(
        RNG.random((9, 1)), "tanh"
    ),
    "gradient_norms_in_training": lambda: learning.gradient_norms_in_training(
        RNG.random((11, 9)), "tanh"
    ),
    "zero_activations": lambda: learning.zero_activations(RNG.random((2, 8)), "relu"),
    "ten_points": lambda: overfitting.ten_points(POINTS),
    "fitted_curve": lambda: overfitting.fitted_curve(POINTS, GRID, RNG.random((40, 3)), 1),
    "batch_and_moving_statistics": lambda: overfitting.batch_and_moving_statistics(
        [(GRID, GRID)] * 4, [(GRID, GRID)] * 4
    ),
    "training_and_inference": lambda: overfitting.training_and_inference(GRID, GRID, GRID, GRID),
    "dropout_scaling": lambda: overfitting.dropout_scaling(
        np.arange(1, 41), np.ones(40), np.zeros(40), 1.0, 0.2
    ),
    "weight_estimates": lambda: overfitting.weight_estimates(RNG.normal(size=1000)),
    "stopping_point": lambda: overfitting.stopping_point(np.ones(50), np.ones(50) * 2, 20),
    "final_loss_against_units": lambda: comparison.final_loss_against_units(
        {1: np.array([0.3, 0.2]), 100: np.array([1e-5, 2e-5])}
    ),
    "learning_curves_side_by_side": lambda: comparison.learning_curves_side_by_side(
        {name: {"training": RNG.random((10, 2))} for name in ("sigmoid", "tanh", "relu")}, "loss"
    ),
    "gradient_norms_of_all": lambda: comparison.gradient_norms_at_start(
        {"sigmoid": RNG.random(9), "relu": RNG.random(9)}
    ),
    "weights_norm": lambda: comparison.weights_norm_against_strength(
        np.array([0.01, 0.1]), np.array([9.0, 2.0]), np.array([3.0, 1.0]), (20.0, 5.0), "t"
    ),
    "estimates": lambda: comparison.estimates_against_strength(
        np.array([0.01, 0.1]), {"5%": -np.ones(2), "50%": np.zeros(2), "95%": np.ones(2)}, "t"
    ),
    "fit": lambda: comparison.fit_against_strength(
        np.array([0.01, 0.1]), np.array([0.1, 5.0]), np.array([300.0, 0.0]), "t"
    ),
    "fitted_curves": lambda: comparison.fitted_curves(
        GRID, {0.0: GRID, 0.1: -GRID}, (GRID[::4], GRID[::4]), "t"
    ),
    "losses": lambda: comparison.losses({0.0: GRID + 5, 0.1: GRID + 6}, "t"),
    "error_against_size": lambda: comparison.error_against_size(
        {
            "without": np.array([[500, 2000], [0.13, 0.08], [0.12, 0.07], [0.14, 0.09]]),
            "with": np.array([[500], [0.1], [0.09], [0.11]]),
        }
    ),
    "accuracies": lambda: comparison.accuracies(
        ["ann", "cnn"], np.array([0.99, 0.995]), np.array([0.97, 0.99]), np.array([0.001, 0.0])
    ),
}
