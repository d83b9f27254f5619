"""How a registered version does on people's own labelled pictures."""

import keras
import numpy as np
import pytest

from ann_models.digits.handwriting import write
from ann_models.digits.non_digits import non_digits
from ann_models.onnx.export import to_onnx
from pipelines.evaluation import evaluate as module
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


SIX = (  # label, answer, its confidence, the score that it is a digit
    (0, 0, 0.99, 1.0),
    (1, 7, 0.95, 1.0),  # an error that nobody is warned of
    (2, 2, 0.60, 1.0),
    (3, 8, 0.50, 1.0),
    (NO_DIGIT, 4, 0.97004, 1.0),  # likewise
    (NO_DIGIT, 4, 0.97, 0.1),
)


@pytest.fixture
def six(monkeypatch) -> Labelled:
    """Pictures of two writers and of none, of which a model makes what is listed above."""
    labels, named, confidences, scores = map(np.array, zip(*SIX, strict=True))
    probabilities = np.tile((1 - confidences[:, None]) / 9, (1, 10))
    probabilities[np.arange(6), named] = confidences
    monkeypatch.setattr(module, "scored_predictor", lambda _: lambda _: (probabilities, scores))
    monkeypatch.setattr(module, "least_confidence", lambda _, least: least)
    writers = ["ada", "ada", "bob", "bob", "", ""]
    return Labelled(HANDS.images[:6], labels, [f"{i}.png" for i in range(6)], writers)


def test_errors_count_by_whether_somebody_is_warned_of_them(six):
    outcome, findings = measure(b"", "mnist-digits", "4", six)
    assert (outcome.digits, outcome.accuracy, outcome.marked) == (4, 0.5, 0.5)
    assert outcome.wrong_unmarked == 0.25
    assert (outcome.non_digits, outcome.non_digits_marked) == (2, 0.5)
    assert outcome.calibration_error == pytest.approx(
        (0.94 + 0.4 + 0.5) / 4
    )  # 0.99 and 0.95: one bin
    assert outcome.by_writer == {"ada": (2, 1), "bob": (2, 1)}
    assert outcome.by_class == {"0": (1, 1), "1": (1, 0), "2": (1, 1), "3": (1, 0)}
    assert findings.tables["by_writer"] == {
        "writer": ["ada", "bob"],
        "digits": [2, 2],
        "correct": [1, 1],
    }


def test_the_errors_are_listed_the_surest_first(six):
    outcome, findings = measure(b"", "mnist-digits", "4", six)
    fields = ("picture", "label", "digit", "confidence")
    assert [tuple(error[name] for name in fields) for error in outcome.errors] == [
        ("4.png", None, 4, 0.97),
        ("1.png", 1, 7, 0.95),
        ("3.png", 3, 8, 0.5),
    ]
    warned = [error["reason"] is not None for error in outcome.errors]
    assert warned == [False, False, True]
    assert findings.tables["errors"]["picture"] == ["4.png", "1.png", "3.png"]
    texts = [text.get_text() for text in findings.figures["errors"].axes[0].texts]
    assert texts == ["none → 4", "1 → 7", "3 → 8"]


def test_many_pictures_are_answered_a_hundred_at_a_time(monkeypatch):
    asked = []

    def answer(images):
        asked.append(len(images))
        return np.eye(10)[np.zeros(len(images), int)], np.ones(len(images))

    monkeypatch.setattr(module, "scored_predictor", lambda _: answer)
    monkeypatch.setattr(module, "least_confidence", lambda _, least: least)
    images = np.tile(HANDS.images[:1], (120, 1, 1))
    many = Labelled(images, np.zeros(120, np.int32), ["x"] * 120, [""] * 120)
    outcome, _ = measure(b"", "mnist-digits", "4", many)
    assert (asked, outcome.digits, outcome.accuracy) == ([100, 20], 120, 1)
    assert outcome.errors == [] and outcome.by_writer == {}


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
