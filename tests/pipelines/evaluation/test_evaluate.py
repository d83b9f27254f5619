import keras
import numpy as np
import pytest

from ann_models.digits.handwriting import write
from ann_models.digits.non_digits import non_digits
from ann_models.onnx.export import to_onnx
from pipelines.evaluation.evaluate import EXPERIMENT, evaluate, measure
from pipelines.evaluation.labelled import NO_DIGIT, Labelled
from pipelines.registry.versions import Version

HANDS = write(40, 7, writers=2)
NONE, _ = non_digits(13, 0, *(lambda h: (h.images, h.labels))(write(100, 8)))


@pytest.fixture(scope="module")
def always_three() -> bytes:
    """A model that is sure of a three, whatever it sees."""
    model = keras.Sequential(
        [keras.Input((28, 28)), keras.layers.Flatten(), keras.layers.Dense(10, "softmax")]
    )
    bias = np.where(np.arange(10) == 3, 5.0, 0.0)
    model.layers[-1].set_weights([np.zeros((784, 10)), bias])
    return to_onnx(model)


def pictures() -> Labelled:
    return Labelled(
        images=np.concatenate([HANDS.images, NONE]),
        labels=np.concatenate([HANDS.labels, np.full(13, NO_DIGIT, np.int32)]),
        names=[f"picture {i}" for i in range(53)],
        writers=[f"writer {w}" for w in HANDS.writers] + [""] * 13,
        faults=["a: broken"],
    )


def test_what_is_measured_is_what_was_answered(always_three):
    outcome, findings = measure(always_three, "mnist-digits", "4", pictures())
    assert (outcome.digits, outcome.accuracy) == (40, 0.1)
    assert outcome.low < 0.1 < outcome.high
    assert outcome.non_digits == 13
    assert outcome.by_class["3"] == (4, 4)
    assert outcome.by_class["7"] == (4, 0)
    assert sum(count for count, _ in outcome.by_writer.values()) == 40
    assert outcome.wrong_unmarked > 0.8
    assert findings.metrics["accuracy"] == 0.1
    assert findings.metrics["unreadable"] == 1
    assert (findings.metrics["accuracy/3"], findings.metrics["accuracy/7"]) == (1, 0)
    assert findings.tables["confusion_matrix"]["predicted_3"] == [4] * 10
    assert {"errors", "confusion_matrix"} <= set(findings.figures)
    unmarked = [error for error in outcome.errors if error["label"] is None]
    assert all(error["reason"] is None for error in unmarked)


def test_pictures_of_no_digit_alone_have_no_accuracy(always_three):
    none = Labelled(NONE, np.full(13, NO_DIGIT, np.int32), ["x"] * 13, [""] * 13)
    outcome, findings = measure(always_three, "mnist-digits", "4", none)
    assert outcome.accuracy is None
    assert outcome.non_digits_marked is not None
    assert "accuracy" not in findings.metrics


def test_two_versions_on_the_same_pictures_are_two_comparable_runs(always_three, store):
    digests = set()
    for number in ("1", "2"):
        version = Version("mnist-digits", number, f"run{number}", (), {"variant": "mnist_cnn"})
        outcome = evaluate(always_three, version, pictures(), "photos", store)
        run = store.client.get_run(outcome.run_id)
        assert run.info.status == "FINISHED"
        assert (run.data.tags["version"], run.data.tags["pictures"]) == (number, "photos")
        assert run.data.tags["training_run"] == f"run{number}"
        assert run.data.metrics["accuracy"] == outcome.accuracy
        (data,) = run.inputs.dataset_inputs
        assert data.dataset.name == "photos"
        digests.add(data.dataset.digest)
        assert store.client.list_artifacts(outcome.run_id)
    assert len(digests) == 1
    experiment = store.client.get_experiment_by_name(EXPERIMENT)
    assert "own_pictures" in str(experiment.tags)
