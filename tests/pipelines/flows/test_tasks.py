"""Single tasks, without a flow."""

from concurrent.futures import Future
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from prefect.logging import disable_run_logger

from ann_models import datasets, networks
from ann_models.datasets import Dataset
from ann_models.digits import people, rejection
from ann_models.entry import OtherHands
from ann_models.errors import DataUnavailable, InvalidData
from ann_models.findings import Findings
from ann_models.training import trainer
from ann_models.training.result import Training
from ann_models.variants import VARIANTS
from pipelines.errors import TrackingUnavailable, WrongUse
from pipelines.flows import lecture, tasks, upstream
from pipelines.flows.context import Context, DataFile
from pipelines.flows.helper_process import Executor
from pipelines.flows.report import VariantJob
from pipelines.gate import Decision, Reason
from pipelines.registry.data_sets import DataSetEntry
from pipelines.registry.versions import Version
from pipelines.tracking import tags


@pytest.fixture
def context(store, tmp_path, monkeypatch) -> Context:
    monkeypatch.setenv("ANN_HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Context.open()


def test_a_wrong_path_of_mnist_is_wrong_use_of_every_flow(context, monkeypatch):
    monkeypatch.setenv("ANN_MNIST_PATH", __file__)
    with pytest.raises(WrongUse, match="ANN_MNIST_PATH"):
        tasks.find_digits.fn(context, "mnist")


@pytest.mark.parametrize(
    ("error", "retried"),
    [(TrackingUnavailable("no answer"), True), (ValueError("a wrong shape"), False), (None, False)],
)
def test_a_task_is_tried_again_only_if_mlflow_may_come_back(error, retried):
    def result():
        if error:
            raise error

    state = SimpleNamespace(result=result)
    assert tasks._tracking_is_unavailable(None, None, state) is retried
    assert tasks.train.retries == len(tasks.train.retry_delay_seconds) == 2


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
    assert findings.metrics["parameters"] == models[0].count_params()


def test_without_a_best_seed_the_logged_model_is_a_typical_one(context, monkeypatch):
    variant = VARIANTS["linear_classification"]
    data = datasets.generate(variant.data, 0)
    job = VariantJob(variant, context.save_dataset(data), "flow run")
    model = networks.build(variant, data.arrays["x_train"].shape[1:], 4)
    trained = Training([model], (4,), {"train_loss": np.array([[0.5]])}, seconds=2.5)
    findings, logged = Findings({}), []
    monkeypatch.setattr(context, "load_training", lambda *_: trained)
    monkeypatch.setattr(tasks, "study_of", lambda variant: lambda *_: findings)
    monkeypatch.setattr(context.tracking, "log_model", lambda _, model, name: logged.append(model))
    run_id = context.tracking.client.create_run(context.tracking.experiment("neurons")).info.run_id
    with disable_run_logger():
        tasks.evaluate.fn(context, job, "path", run_id)
    assert logged == [model]
    assert findings.metrics == {"train_seconds": 2.5, "parameters": model.count_params()}
    run = context.tracking.client.get_run(run_id)
    assert run.data.tags[tags.WEIGHTS_SHA256] == trained.weights_sha256


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


def test_a_gates_decision_is_a_sentence_and_an_event_of_the_model(context, monkeypatch):
    version = Version("mnist-digits", "3", "a run", (), {tags.VARIANT: "mnist_cnn"})
    sent = []
    monkeypatch.setattr(tasks, "emit_event", lambda event, **more: sent.append((event, more)))
    for passed, verdict, event in (
        (True, "is the new champion", "ann.model.promoted"),
        (False, "was refused", "ann.model.refused"),
    ):
        decision = Decision((Reason(passed, "It has 7 errors."),))
        monkeypatch.setattr(context.registry, "judge", lambda *_, d=decision, **__: d)
        with disable_run_logger():
            sentence = tasks.judge.fn(context, version)
        assert sentence == f"mnist-digits version 3 (mnist_cnn) {verdict}: It has 7 errors."
        name, about = sent.pop()
        assert (name, about["payload"]) == (event, {"version": "3", "decision": sentence})
        assert about["resource"]["prefect.resource.id"] == "ann.model.mnist-digits"


# --- on which data a version was trained ----------------------------------------------------------


LETTERS = Version("letters", "1", "a run", (), {tags.VERSION_DATA_SOURCE: "letters"})


def kept(context: Context, sha256: str, found_at: str = "letters=/gone") -> DataSetEntry:
    """Let a registered model have learned from these pictures."""
    entry = DataSetEntry("letters", found_at, ("A", "B"), sha256)
    context.registry.make("letters")
    context.registry.data_sets.keep(entry)
    return entry


@pytest.fixture
def letters(monkeypatch) -> Dataset:
    """The pictures that are where the letters were found."""
    found = Dataset("digits", "letters", {"x_train": np.zeros((2, 28, 28), np.float32)})
    monkeypatch.setattr(datasets, "image_set", lambda *_: found)
    return found


def test_a_model_of_no_data_set_was_trained_on_digits(context, monkeypatch):
    monkeypatch.setattr(tasks, "find_digits", lambda _, source: source)
    assert tasks.data_of(context, LETTERS) == "letters"


def test_pictures_are_read_again_where_no_copy_of_them_is_left(context, letters):
    kept(context, letters.digest)
    assert tasks.data_of(context, LETTERS).digest == letters.digest


def test_of_pictures_that_are_gone_the_copy_is_taken(context, letters, monkeypatch):
    entry, copy = kept(context, letters.digest), context.save_dataset(letters)
    monkeypatch.setattr(datasets, "image_set", None)  # is not called
    found = tasks.data_of(context, LETTERS)
    assert (found.path, found.source, found.digest) == (copy.path, "letters", entry.sha256)


def test_other_pictures_in_their_place_are_refused(context, letters):
    kept(context, "f" * 64)
    with pytest.raises(DataUnavailable, match=f"{letters.digest[:12]} in place of f{{12}}. Rest"):
        tasks.data_of(context, LETTERS)


def test_pictures_that_cannot_be_read_are_wrong_use(context, monkeypatch):
    def unreadable(_):
        raise InvalidData("letters: a.png is no picture.")

    kept(context, "f" * 64)
    monkeypatch.setattr(datasets, "image_set", unreadable)
    with pytest.raises(WrongUse, match=r"a\.png is no picture"):
        tasks.data_of(context, LETTERS)


# --- by what the networks of a row are made -------------------------------------------------------


@pytest.mark.parametrize(
    ("variant", "made_by"),
    [
        ("linear_classification", "trained on its data"),
        ("best_cnn", "trained on its teacher's answers"),
        ("teachers", "assembled"),
    ],
)
def test_networks_are_trained_or_assembled_from_others(context, monkeypatch, variant, made_by):
    def trained(variant, data, seeds, report, checkpoints):
        assert checkpoints == context.settings.work / "checkpoints"  # where they are resumed from
        return f"trained on {data}"

    monkeypatch.setattr(trainer, "train", trained)
    monkeypatch.setattr(upstream, "committee", lambda *_: "assembled")
    monkeypatch.setattr(upstream, "distillation_set", lambda *_: "its teacher's answers")
    job = VariantJob(VARIANTS[variant], DataFile("", "mnist", ""), "flow run")
    assert tasks._networks(context, job, "its data", (0,)) == made_by


# --- what is logged -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metrics", "line"),
    [
        (
            {"test_accuracy": 0.98, "ece": 0.1, "final_train_loss": 0.25},
            "test_accuracy 0.98, final_train_loss 0.25",
        ),
        ({"parameters": 7.0}, "evaluated: no accuracy to measure"),
    ],
)
def test_the_log_names_accuracies_and_the_loss(monkeypatch, metrics, line):
    lines = []
    monkeypatch.setattr(tasks, "get_run_logger", lambda: SimpleNamespace(info=lines.append))
    tasks._log_metrics(metrics)
    assert lines == [line]


def test_what_trains_nothing_is_evaluated_with_its_settings(context, monkeypatch):
    variant = VARIANTS["linear_classification"]
    job = VariantJob(variant, context.save_dataset(datasets.generate(variant.data, 0)), "flow run")
    studied = []

    def study(variant, data, trained):
        studied.append(trained)
        return Findings({})

    monkeypatch.setattr(tasks, "study_of", lambda variant: study)
    run_id = context.tracking.client.create_run(context.tracking.experiment("neurons")).info.run_id
    with disable_run_logger():
        findings = tasks.evaluate.fn(context, job, None, run_id)
    assert (studied, findings.metrics) == ([None], {})
    run = context.tracking.client.get_run(run_id)
    assert run.data.params and tags.WEIGHTS_SHA256 not in run.data.tags


def test_an_interrupted_training_is_saved_before_the_job_ends(context, monkeypatch):
    variant = replace(VARIANTS["linear_classification"], seeds=1)
    data = datasets.generate(variant.data, 0)
    job = VariantJob(variant, context.save_dataset(data), "flow run")
    model = networks.build(variant, data.arrays["x_train"].shape[1:], 0)
    trained = Training([model], (0,), {"train_loss": np.array([[0.5]])}, 1.0, interrupted=True)
    monkeypatch.setattr(tasks, "_networks", lambda *_: trained)
    saved = []
    monkeypatch.setattr(context, "save_training", lambda training, _: saved.append(training))
    run_id = context.tracking.client.create_run(context.tracking.experiment("neurons")).info.run_id
    with disable_run_logger(), pytest.raises(KeyboardInterrupt):
        tasks.train.fn(context, job, run_id)
    assert saved == [trained]


# --- other hands ----------------------------------------------------------------------------------


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


def test_the_pictures_of_other_hands_are_those_that_the_row_asks_for(context, monkeypatch):
    data = Dataset("digits", "mnist", {"x_train": np.zeros((2, 28, 28), np.float32)})
    variant = replace(VARIANTS["handwriting_cnn"], train_size=None)
    job = VariantJob(variant, context.save_dataset(data), "flow run")
    asked = []

    def other_hands(data, wanted):
        asked.append((data.digest, wanted))
        return Dataset("other_hands", "generated", {"x_train": np.zeros(3)})

    monkeypatch.setattr(people, "other_hands", other_hands)
    file = tasks.generate_handwriting.fn(context, job)
    assert asked == [(data.digest, variant.other_hands)]
    assert context.load_dataset(file.path).name == "other_hands"


def test_what_cannot_be_generated_is_the_failure_of_its_row(context, learner):
    failed: Future = Future()
    failed.set_exception(OSError("no room for the pictures"))
    result = lecture.run_variant(context, learner, Executor(), other_hands=failed).result()
    assert (result.status, result.error) == ("failed", "OSError: no room for the pictures")
