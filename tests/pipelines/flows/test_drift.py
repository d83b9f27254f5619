"""The drift watch on a real store: who raises the alarm, what is on record, what it starts."""

import time

import numpy as np
import pytest
from prefect import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterDeploymentId

from ann_models.drift import Sample
from ann_models.figures import digits as figures
from ann_models.figures import traffic
from pipelines.errors import WrongUse
from pipelines.flows import drift as watching
from pipelines.flows.context import Context
from pipelines.flows.drift import DRIFT, NO_DRIFT, NOT_ENOUGH, drift
from pipelines.flows.retraining import NoChampion, retrain
from pipelines.scheduling.automations import DRIFT_EVENT, retrain_on_drift
from tests.support.served import DIGITS, NAME, asked, enter, tilted

RNG = np.random.default_rng(0)


pytestmark = pytest.mark.usefixtures("prefect")


@pytest.fixture
def home(home_with_champion):
    return home_with_champion


@pytest.fixture
def emitted(monkeypatch) -> list[tuple[str, dict]]:
    """The events that would have been sent, each with what it is about."""
    sent: list[tuple[str, dict]] = []
    monkeypatch.setattr(watching, "emit_event", lambda event, **about: sent.append((event, about)))
    return sent


@pytest.mark.parametrize(
    ("images", "by"),
    [(1 - DIGITS["x_test"][:100], "ink"), (np.roll(DIGITS["x_test"][:150], 5, 2), "embedding")],
    ids=["inverted", "moved"],
)
def test_digits_in_another_form_are_drift_and_an_event(home, emitted, images, by):
    asked(home, images)
    report = drift()
    assert report.verdict == DRIFT
    assert by in report.drifted
    payload = {"drifted": report.drifted, "run_id": report.run_id, "images": len(images)}
    resource = {"prefect.resource.id": f"ann.model.{NAME}", "prefect.resource.name": NAME}
    assert emitted == [(DRIFT_EVENT, {"resource": resource, "payload": payload})]
    (event,) = [e for e in Context.open().registry.history(NAME) if e.action == "drifted"]
    assert (event.version, event.by) == ("1", "run")
    assert event.reason.startswith(f"Drift in {len(images)} different images: ")


def test_ordinary_digits_are_no_drift_and_no_event(home, emitted):
    asked(home, DIGITS["x_test"][:200])
    report = drift()
    assert (report.verdict, report.drifted, report.images) == (NO_DRIFT, [], 200)
    assert emitted == []
    assert all(event.action != "drifted" for event in Context.open().registry.history(NAME))


def test_too_little_traffic_says_so_and_raises_no_alarm(home, emitted):
    asked(home, 1 - DIGITS["x_test"][:99])
    report = drift()
    assert (report.verdict, report.images) == (NOT_ENOUGH, 99)
    assert emitted == []
    run = Context.open().tracking.client.get_run(report.run_id)
    assert run.data.tags["verdict"] == NOT_ENOUGH
    assert "99 different images were sent; 100 are needed" in run.data.tags["mlflow.note.content"]


def test_more_images_than_are_compared_are_refused_before_anything_is_read():
    with pytest.raises(WrongUse, match=r"least is 1001, .* choose at most 1000"):
        drift(least=watching.MOST + 1)


def test_one_image_a_thousand_times_is_one_image(home, emitted):
    asked(home, np.repeat(DIGITS["x_test"][:1], 1000, axis=0))
    assert drift().images == 1


def test_traffic_from_before_is_not_recent(home, emitted):
    asked(home, DIGITS["x_test"][:200])
    assert drift(days=50 / 86_400).images <= 50


def test_a_run_has_the_numbers_the_pictures_and_the_verdict(home, emitted):
    asked(home, tilted(DIGITS["x_test"][:150]))
    report = drift()
    client = Context.open().tracking.client
    run = client.get_run(report.run_id)
    assert client.get_experiment(run.info.experiment_id).name == watching.EXPERIMENT
    assert run.data.tags["verdict"] == report.verdict
    assert run.data.tags["version"] == "1"
    for name in ("ink", "confidence", "classes", "embedding"):
        assert run.data.metrics[f"{name}_change"] == report.findings[name]["size"]
        assert 0 <= run.data.metrics[f"{name}_p_value"] <= 1
    files = {file.path for file in client.list_artifacts(report.run_id, "figures")}
    pictures = {f"figures/{name}.png" for name in ("distributions", "recent", "unusual")}
    assert files == pictures


@pytest.mark.slow
def test_ordinary_held_out_digits_raise_an_alarm_in_one_of_twenty_samples_at_most(home):
    from ann_models.drift import Embedding, compare, drifted
    from ann_models.onnx.inference import predictor

    registry = Context.open().registry
    answer = predictor(registry.artifacts.onnx_bytes(registry.champion(NAME)))
    embedding = Embedding(DIGITS["x_train"])
    held_out = np.concatenate([DIGITS["x_val"], DIGITS["x_test"]])
    alarms = 0
    for _ in range(50):
        known, sent = np.split(RNG.permutation(held_out)[:500], [300])
        samples = (Sample(images, answer(images)) for images in (sent, known))
        alarms += bool(drifted(compare(*samples, embedding)))
    assert alarms <= 2


def ink(images: np.ndarray) -> np.ndarray:
    """In place of an embedding, which takes seconds to fit: the mean pixel, (n, 1)."""
    return images.mean(axis=(1, 2))[:, None]


def test_the_most_unusual_requests_are_shown_first(monkeypatch):
    shown = {}
    monkeypatch.setattr(
        figures, "labelled_grid", lambda images, answers, title: shown.update({title: images})
    )
    monkeypatch.setattr(traffic, "distributions", lambda *_: None)
    images = np.concatenate([DIGITS["x_test"][:60], 1 - DIGITS["x_test"][60:61]])
    recent, known = (Sample(x, np.eye(10)[[7] * len(x)]) for x in (images, DIGITS["x_val"]))
    found = watching.findings(recent, known, ink, {})
    assert found.metrics == {"images": 61.0}
    assert found.arrays["unusualness"].argmax() == 60
    newest, unusual = shown.values()
    np.testing.assert_array_equal(newest, images[:50])
    np.testing.assert_array_equal(unusual[0], images[60])
    assert len(unusual) == 50


def test_before_there_is_a_champion_it_says_how_to_get_one(tmp_path, monkeypatch):
    enter(tmp_path, monkeypatch)
    with pytest.raises(NoChampion, match="`ann run mnist_ann`"):
        drift()


@pytest.mark.slow
def test_drift_starts_the_retraining_deployment_through_its_event(home):
    deployment = retrain.to_deployment("on-drift").apply()
    with get_client(sync_client=True) as client:
        for _ in range(2):  # as at every start
            retrain_on_drift(client, deployment)
    asked(home, 1 - DIGITS["x_test"][:150])
    assert drift().verdict == DRIFT
    of_it = FlowRunFilter(deployment_id=FlowRunFilterDeploymentId(any_=[deployment]))
    with get_client(sync_client=True) as client:
        deadline = time.monotonic() + 60
        started = []
        while not started and time.monotonic() < deadline:
            started = client.read_flow_runs(flow_run_filter=of_it)
            time.sleep(1)
    assert len(started) == 1
    assert started[0].parameters["model"] == NAME
