"""Single tasks, without a flow."""

from concurrent.futures import Future
from dataclasses import replace

import numpy as np
import pytest
from prefect.logging import disable_run_logger

from ann_models import datasets, networks
from ann_models.digits import people, rejection
from ann_models.entry import OtherHands
from ann_models.findings import Findings
from ann_models.training.result import Training
from ann_models.variants import VARIANTS
from pipelines.errors import WrongUse
from pipelines.flows import lecture, tasks
from pipelines.flows.context import Context
from pipelines.flows.helper_process import Executor
from pipelines.flows.report import VariantJob


@pytest.fixture
def context(store, tmp_path, monkeypatch) -> Context:
    monkeypatch.setenv("ANN_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Context.open()


def test_a_wrong_path_of_mnist_is_wrong_use_of_every_flow(context, monkeypatch):
    monkeypatch.setenv("ANN_MNIST_PATH", __file__)
    with pytest.raises(WrongUse, match="ANN_MNIST_PATH"):
        tasks.find_digits.fn(context, "mnist")


def test_points_of_ones_own_in_unusual_units_are_noticed_before_training(
    context, tmp_path, monkeypatch
):
    (tmp_path / "years.csv").write_text("1990,1\n2000,2\n2010,3\n2020,4\n")
    notices = []
    monkeypatch.setattr(context.progress, "notice", notices.append)
    tasks.generate.fn(context, f"points:{tmp_path / 'years.csv'}", 0)
    assert len(notices) == 1
    assert notices[0].startswith("years: x lies between 1990 and 2020")
    tasks.generate.fn(context, "cubic", 0)
    assert len(notices) == 1


def test_the_logged_model_is_the_best_seeds_in_any_order_of_seeds(context, monkeypatch):
    variant = VARIANTS["linear_classification"]
    data = datasets.generate(variant.data, 0)
    job = VariantJob(variant, context.save_dataset(data), "flow run")
    shape = data.arrays["x_train"].shape[1:]
    models = [networks.build(variant, shape, seed) for seed in (4, 7)]
    history = {"train_loss": np.array([[0.5, 0.25]])}
    run_id = context.tracking.client.create_run(context.tracking.experiment("neurons")).info.run_id
    path = context.save_training(Training(models, (4, 7), history, seconds=1.0), run_id)
    findings = Findings({"best_seed": 7.0})
    monkeypatch.setattr(tasks, "study_of", lambda variant: lambda *_: findings)
    logged = []
    monkeypatch.setattr(
        context.tracking, "log_model", lambda run_id, model, name: logged.append(model)
    )
    with disable_run_logger():
        tasks.evaluate.fn(context, job, path, run_id)
    assert logged == [models[1]]


def test_a_network_is_calibrated_once(context, monkeypatch):
    """The study chooses the temperature; registering divides by the same one."""
    variant = replace(VARIANTS["mnist_ann"], seeds=1)
    data = datasets.digits("offline-digits")
    job = VariantJob(variant, context.save_dataset(data), "flow run")
    model = networks.build(variant, (28, 28), 0)
    run_id = context.tracking.client.create_run(context.tracking.experiment("neurons")).info.run_id
    history = {"train_loss": np.array([[0.5]])}
    path = context.save_training(Training([model], (0,), history, seconds=1.0), run_id)

    def again(*_):
        raise AssertionError("calibrated a second time")

    monkeypatch.setattr(rejection, "calibrated", again)
    with disable_run_logger():
        version = tasks.register.fn(
            context, job, path, run_id, {"best_seed": 0.0, "temperature": 2.5}
        )
    assert float(version.tags["temperature"]) == 2.5
    registered = context.registry.artifacts.keras_model(version)
    expected = model.layers[-1].get_weights()[0] / 2.5
    np.testing.assert_array_equal(registered.layers[-1].get_weights()[0], expected)


@pytest.fixture
def learner(context) -> VariantJob:
    """A row that learns from other hands, which were generated already."""
    variant = VARIANTS["handwriting_cnn"].shortened()
    data = datasets.digits("offline-digits")
    others = people.other_hands(data, OtherHands(generated=20, copies=0, non_digits=14))
    return VariantJob(
        variant, context.save_dataset(data), "flow run", other_hands=context.save_dataset(others)
    )


def test_other_hands_that_were_generated_ahead_are_learned_from(context, learner, monkeypatch):
    seen = []

    def untrained(context, job, data, seeds):
        seen.append(data.arrays["y_train"])
        models = [networks.build(job.variant, (28, 28), seed) for seed in seeds]
        return Training(models, seeds, {"train_loss": np.array([[0.5]])}, seconds=1.0)

    monkeypatch.setattr(tasks, "_networks", untrained)
    monkeypatch.setattr(tasks, "generate_handwriting", None)  # is not called
    run_id = context.tracking.client.create_run(context.tracking.experiment("hands")).info.run_id
    with disable_run_logger():
        tasks.train.fn(context, learner, run_id)
    assert len(seen[0]) == len(datasets.digits("offline-digits").arrays["y_train"]) + 34


def test_what_cannot_be_generated_is_the_failure_of_its_row(context, learner):
    failed: Future = Future()
    failed.set_exception(OSError("no room for the pictures"))
    result = lecture.run_variant(context, learner, Executor(), other_hands=failed).result()
    assert (result.status, result.error) == ("failed", "OSError: no room for the pictures")
