"""The panels across the variants of one question, from numbers as they were logged."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from ann_models.questions import QUESTIONS
from ann_models.studies.overview import Summary, overview

RNG = np.random.default_rng(0)


def relu_run(units, losses):
    curve = np.stack([np.ones(len(losses)), losses])
    return Summary(f"relu_regression_{units}", {}, {"hidden_units": units}, {"train_loss": curve})


def penalty_run(norm, strength, **metrics):
    quantiles = {f"weight_quantile_{q:g}": q for q in (0.05, 0.25, 0.5, 0.75, 0.95)}
    measured = {"weights_norm_l1": 9.0, "weights_norm_l2": 3.0, "train_mse": 0.1}
    return Summary(
        f"overfit_{norm}_{strength}" if norm else "overfit_base",
        {"penalty_norm": norm, "penalty_strength": strength} if norm else {},
        measured | {"curve_roughness": 30.0} | quantiles | metrics,
        {"train_loss": RNG.random((20, 3)), "fitted_curve": RNG.random((100, 3))},
    )


def vanishing_run(activation):
    norms = {f"gradient_norm_start_layer_{layer}": 10.0**-layer for layer in range(1, 10)}
    names = ("train_loss", "val_loss", "train_accuracy", "val_accuracy")
    return Summary(
        f"vanishing_gradient_{activation}", {}, norms, {n: RNG.random((10, 3)) for n in names}
    )


def size_run(size, accuracy, augmented):
    parameters = {"augmentation_shift": "2.0"} if augmented else {}
    return Summary("mnist", parameters, {"train_size": size, "test_accuracy": accuracy})


def test_the_final_losses_of_all_seeds_stand_over_their_number_of_neurons():
    runs = [relu_run(100, [2e-5, 1e-5, 3e-5]), relu_run(1, [0.3, 0.2, 0.4])]
    findings = overview("neurons", [Summary("relu_shapes"), *runs])
    axes = findings.figures["final_loss_against_units"].axes[0]
    seeds = [line.get_xydata().tolist() for line in axes.lines[:2]]
    assert seeds[0] == [[1, 0.3], [1, 0.2], [1, 0.4]]
    assert findings.tables["final_loss_against_units"] == {
        "units": [1, 100],
        "median": [0.3, 2e-5],
        "lowest": [0.2, 1e-5],
        "highest": [0.4, 3e-5],
    }


def test_curves_of_a_single_seed_may_be_flat():
    run = Summary("r", {}, {"hidden_units": 4}, {"train_loss": np.array([1.0, 0.5])})
    assert overview("neurons", [run]).tables["final_loss_against_units"]["median"] == [0.5]


def test_the_three_activations_stand_side_by_side():
    findings = overview("vanishing", [vanishing_run(a) for a in ("sigmoid", "tanh", "relu")])
    for measure in ("loss", "accuracy"):
        axes = findings.figures[f"learning_curves_{measure}"].axes
        assert [a.get_title() for a in axes] == [
            f"vanishing_gradient_{activation}" for activation in ("sigmoid", "tanh", "relu")
        ]
        assert len({a.get_ylim() for a in axes}) == 1
    norms = findings.figures["gradient_norms_at_start"].axes[0].lines
    assert norms[0].get_ydata() == pytest.approx(10.0 ** -np.arange(1, 10))


def test_each_norm_of_the_penalty_has_its_panels_against_lambda():
    runs = [penalty_run("", 0)] + [
        penalty_run(norm, strength) for norm in ("l1", "l2") for strength in ("0.01", "0.001")
    ]
    findings = overview("overfitting", runs)
    assert set(findings.figures) == {
        f"{panel}_{norm}"
        for norm in ("l1", "l2")
        for panel in ("weights_norm", "weight_estimates", "fit", "fitted_curves", "learning_curves")
    }
    assert findings.tables["penalty_l1"]["strength"] == [0.001, 0.01]
    legend = findings.figures["fitted_curves_l2"].legends[0].get_texts()
    lines = ["λ = 0", "λ = 0.001", "λ = 0.01", "training points"]
    assert [text.get_text() for text in legend] == lines


def test_a_curve_that_the_penalty_flattened_wholly_is_still_drawn():
    runs = [penalty_run("", 0), penalty_run("l1", 0.1, curve_roughness=0.0)]
    figure = overview("overfitting", runs).figures["fit_l1"]
    figure.draw_without_rendering()
    assert figure.axes[0].lines[1].get_ydata().tolist() == [0.0]


def test_test_error_falls_along_two_lines():
    runs = [
        size_run(2000, 0.92, False),
        size_run(500, 0.87, False),
        size_run(500, 0.9, True),
    ]
    table = overview("data", runs).tables["test_error_against_size"]
    assert table["line"] == ["with augmentation", "without augmentation", "without augmentation"]
    assert table["train_size"] == [500, 500, 2000]
    assert table["test_error"] == pytest.approx([0.1, 0.13, 0.08])


def test_error_bars_are_the_interval_of_the_best_seed_where_it_was_logged():
    run = size_run(500, 0.9, True)
    interval = {"best_test_accuracy_low": 0.89, "best_test_accuracy_high": 0.91}
    run = replace(run, metrics=dict(run.metrics) | interval)
    axes = overview("data", [run]).figures["test_error_against_size"].axes[0]
    (bars,) = axes.containers[0].lines[2]
    assert bars.get_segments()[0][:, 1] == pytest.approx([0.09, 0.11])


def test_accuracies_and_gaps_stand_side_by_side():
    metrics = {"train_accuracy": 0.99, "test_accuracy": 0.97, "generalisation_gap": 0.02}
    findings = overview("digits", [Summary("mnist_samples"), Summary("mnist_ann", {}, metrics)])
    assert findings.tables["accuracies"]["name"] == ["mnist_ann"]
    texts = [text.get_text() for text in findings.figures["accuracies"].axes[0].texts]
    assert texts == ["gap 2.00 points"]


@pytest.mark.parametrize("question", [*QUESTIONS, "unheard of"])
def test_without_runs_there_is_nothing_to_compare(question):
    findings = overview(question, [])
    assert not findings.figures
    assert not findings.tables


@pytest.mark.parametrize("question", ["one_neuron", "boundary", "learning"])
def test_questions_whose_runs_stand_alone_have_no_comparison(question):
    assert not overview(question, [relu_run(1, [0.1])]).figures


def test_comparing_needs_no_tensorflow():
    code = "import sys, ann_models.studies.overview; sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def recipe_run(name, val_accuracy, test_accuracy, parameters):
    metrics = {"val_accuracy": val_accuracy, "test_accuracy": test_accuracy}
    return Summary(name, {}, metrics | {"spread/test_accuracy": 0.001, "parameters": parameters})


def test_other_hands_are_compared_with_their_spread_over_the_seeds():
    measures = {"test_accuracy": 0.99, "hands_accuracy": 0.97, "non_digits_marked": 0.96}
    with_them = Summary("with", {}, measures | {"spread/hands_accuracy": 0.002})
    without = Summary("without", {}, measures | {"hands_accuracy": 0.9})
    findings = overview("hands", [Summary("other"), with_them, without])
    table = findings.tables["other_hands"]
    assert table["name"] == ["with", "without"]
    assert table["hands_accuracy"] == [0.97, 0.9]
    assert table["hands_accuracy_std"] == [0.002, 0]
    assert set(findings.figures) == {"other_hands"}


def test_recipes_stand_in_the_order_of_validation_though_the_test_digits_are_shown():
    runs = [recipe_run("lucky", 0.990, 0.998, 1e5), recipe_run("good", 0.995, 0.996, 1e6)]
    findings = overview("accuracy", [Summary("overview"), *runs])
    assert findings.tables["leaderboard"]["test_accuracy_std"] == [0.001] * len(runs)
    assert findings.tables["leaderboard"]["name"] == ["good", "lucky"]
    left = findings.figures["mistakes_left"].axes[0]
    assert [bar.get_width() for bar in left.patches] == pytest.approx([40, 20])
    assert [label.get_text() for label in left.get_yticklabels()] == ["good", "lucky"]
