"""What Prometheus scrapes of the worker, from a real Prefect server and a real MLflow store."""

import pytest
from prefect.states import Completed, Failed, Running, Scheduled
from prefect.testing.utilities import prefect_test_harness
from prefect.types._datetime import now
from prometheus_client import CollectorRegistry, generate_latest

from pipelines import settings
from pipelines.errors import WrongUse
from pipelines.flows.drift import EXPERIMENT
from pipelines.scheduling import metrics, schedules
from pipelines.scheduling.deployments import connected, prepare


@pytest.fixture(scope="module", autouse=True)
def prefect():
    with prefect_test_harness(120):
        yield


def exposed(loaded: settings.Settings) -> dict[str, float]:
    """What one scrape reads, by series."""
    registry = CollectorRegistry()
    registry.register(metrics.WorkerMetrics(loaded))
    lines = generate_latest(registry).decode().splitlines()
    return {n: float(v) for n, _, v in (x.rpartition(" ") for x in lines if x[0] != "#")}


def test_flow_runs_are_counted_by_state_and_late_ones_are_named(store):
    with connected() as client:
        prepare(client)
        deployment = schedules.find(client, "drift")
        for state in (Running(), Completed(), Failed(), Failed()):
            run = client.create_flow_run_from_deployment(deployment.id)
            client.set_flow_run_state(run.id, Running(), force=True)
            client.set_flow_run_state(run.id, state, force=True)
        late = Scheduled(name="Late", scheduled_time=now("UTC"))
        client.create_flow_run_from_deployment(deployment.id, state=late)
    found = exposed(store.settings)
    assert found['ann_flow_runs{state="failed"}'] == 2
    assert found['ann_flow_runs{state="running"}'] == 1
    assert found["ann_flow_runs_late"] == 1
    assert found['ann_schedule_completed_timestamp_seconds{schedule="drift"}'] > 1.7e9
    assert 'ann_schedule_completed_timestamp_seconds{schedule="lecture"}' not in found
    assert found['ann_worker_servers_up{server="prefect"}'] == 1


@pytest.mark.parametrize(("verdict", "value"), [("drift", 1), ("no drift", 0), ("not enough", 0)])
def test_the_newest_drift_verdict_is_a_number(store, verdict, value):
    tags = {"verdict": verdict, "model": "mnist-digits"}
    with store.run(store.monitoring_experiment(EXPERIMENT, ""), "drift", tags):
        pass
    found = exposed(store.settings)
    assert found['ann_drift_detected{model="mnist-digits"}'] == value
    assert found["ann_drift_checked_timestamp_seconds"] > 1.7e9


def test_before_the_first_drift_watch_nothing_is_said_of_it(store):
    found = exposed(store.settings)
    assert not any(name.startswith("ann_drift") for name in found)
    assert found['ann_worker_servers_up{server="mlflow"}'] == 1


def test_a_server_that_does_not_answer_is_said_to_be_down(store, monkeypatch):
    def refuse():
        raise ConnectionRefusedError

    monkeypatch.setattr(metrics, "connected", refuse)
    found = exposed(store.settings)
    assert found['ann_worker_servers_up{server="prefect"}'] == 0
    assert found['ann_worker_servers_up{server="mlflow"}'] == 1
    assert "ann_flow_runs_late" not in found


def test_without_a_port_nothing_is_served(store):
    metrics.serve(store.settings, {})


@pytest.mark.parametrize("port", ["nonsense", "-1", "99999"])
def test_a_wrong_port_is_wrong_use(store, monkeypatch, port):
    monkeypatch.setattr(metrics, "REGISTRY", CollectorRegistry())
    with pytest.raises(WrongUse, match=f"ANN_METRICS_PORT is '{port}'"):
        metrics.serve(store.settings, {metrics.PORT_VARIABLE: port})


def test_metrics_are_served_at_the_port(store, monkeypatch):
    served = []
    monkeypatch.setattr(metrics, "REGISTRY", CollectorRegistry())
    monkeypatch.setattr(metrics, "start_http_server", lambda port: served.append(port))
    metrics.serve(store.settings, {metrics.PORT_VARIABLE: "9464"})
    assert served == [9464]
