"""What Prometheus scrapes of the worker, from a real Prefect server and a real MLflow store."""

import socket
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from prefect import flow
from prefect.states import Completed, Crashed, Failed, Running, Scheduled
from prefect.types._datetime import now
from prometheus_client import CollectorRegistry, generate_latest

from pipelines import settings
from pipelines.errors import WrongUse
from pipelines.flows.drift import EXPERIMENT
from pipelines.scheduling import metrics, schedules
from pipelines.scheduling.deployments import connected, prepare
from pipelines.tracking import tags

pytestmark = pytest.mark.usefixtures("prefect")


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Servers of a busy machine may take longer than Prometheus would wait."""
    monkeypatch.setattr(metrics, "SECONDS", 60)


def exposed(loaded: settings.Settings) -> dict[str, float]:
    """What one scrape reads, by series."""
    registry = CollectorRegistry()
    registry.register(metrics.WorkerMetrics(loaded))
    lines = generate_latest(registry).decode().splitlines()
    return {n: float(v) for n, _, v in (x.rpartition(" ") for x in lines if x[0] != "#")}


def test_flow_runs_are_counted_by_state_and_late_ones_are_named(store):
    with connected() as client:
        prepare(client)
        before = exposed(store.settings)  # other tests' runs
        deployment = schedules.find(client, "drift")
        for state in (Running(), Completed(), Failed(), Failed()):
            run = client.create_flow_run_from_deployment(deployment.id)
            client.set_flow_run_state(run.id, Running(), force=True)
            client.set_flow_run_state(run.id, state, force=True)
        late = Scheduled(name="Late", scheduled_time=now("UTC"))
        client.create_flow_run_from_deployment(deployment.id, state=late)
    found = exposed(store.settings)
    states = ('ann_flow_runs{state="failed"}', 'ann_flow_runs{state="running"}')
    more = [found[series] - before.get(series, 0) for series in (*states, "ann_flow_runs_late")]
    assert more == [2, 1, 1]
    assert found['ann_schedule_completed_timestamp_seconds{schedule="drift"}'] > 1.7e9
    new = found.keys() - before.keys()
    assert 'ann_schedule_completed_timestamp_seconds{schedule="lecture"}' not in new
    assert found['ann_worker_servers_up{server="prefect"}'] == 1


def watched(store, model: str, verdict: str, **model_tags: str) -> None:
    """A drift watch of a model's champion that has ended."""
    if not store.client.search_registered_models(f"name = '{model}'"):
        store.client.create_registered_model(model, model_tags)
        store.client.create_model_version(model, "file:///nowhere")
        store.client.set_registered_model_alias(model, "champion", "1")
    about = {tags.VERDICT: verdict, tags.MODEL: model}
    with store.run(store.monitoring_experiment(EXPERIMENT, ""), "drift", about):
        pass


@pytest.mark.parametrize(("verdict", "value"), [("drift", 1), ("no drift", 0), ("not enough", 0)])
def test_the_newest_drift_verdict_is_a_number(store, verdict, value):
    watched(store, "mnist-digits", verdict)
    found = exposed(store.settings)
    assert found['ann_drift_detected{model="mnist-digits"}'] == value
    assert found['ann_drift_checked_timestamp_seconds{model="mnist-digits"}'] > 1.7e9


def test_the_drift_of_one_model_is_not_hidden_by_the_watch_of_another(store):
    watched(store, "mnist-digits", "no drift")
    watched(store, "mnist-digits", "drift")
    watched(store, "letters", "no drift", data_set="{}")
    found = exposed(store.settings)
    assert found['ann_drift_detected{model="mnist-digits"}'] == 1
    assert found['ann_drift_detected{model="letters"}'] == 0
    assert found['ann_drift_checked_timestamp_seconds{model="letters"}'] > 1.7e9


def test_the_offline_digits_are_not_watched_any_more_once_mnist_serves(store):
    watched(store, "offline-digits", "drift")
    assert exposed(store.settings)['ann_drift_detected{model="offline-digits"}'] == 1
    watched(store, "mnist-digits", "no drift")
    assert 'ann_drift_detected{model="offline-digits"}' not in exposed(store.settings)


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


@pytest.fixture
def hanging():
    """The address of a server that answers once its event is set, and the event."""
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            released.wait(15)
            self.send_response(404)
            self.end_headers()
            self.wfile.write(b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}')

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", released
        released.set()
        server.shutdown()


def test_a_server_that_hangs_is_said_to_be_down_before_prometheus_gives_up(
    store, hanging, monkeypatch
):
    monkeypatch.setattr(metrics, "SECONDS", 0.2)
    uri, released = hanging
    collector = metrics.WorkerMetrics(replace(store.settings, tracking_uri=uri))
    assert servers_up(collector)["mlflow"] == 0
    waiting = collector._asked["mlflow"]
    servers_up(collector)
    assert collector._asked["mlflow"] is waiting  # not asked again meanwhile
    released.set()
    assert waiting.result(60)
    monkeypatch.setattr(metrics, "SECONDS", 60)
    assert servers_up(collector)["mlflow"] == 1


def servers_up(collector: metrics.WorkerMetrics) -> dict[str, float]:
    (up,) = [family for family in collector.collect() if family.name == "ann_worker_servers_up"]
    return {sample.labels["server"]: sample.value for sample in up.samples}


@flow
def failing() -> None:
    """A flow whose runs are given a state."""


def test_each_failure_is_newer_than_the_last_however_many_there_were(store):
    series = 'ann_flow_run_failed_timestamp_seconds{flow="failing"}'
    seen = []
    with connected() as client:
        for state in (Failed(), Crashed(), Failed()):
            run = client.create_flow_run(failing, state=Running())
            client.set_flow_run_state(run.id, state, force=True)
            seen.append(exposed(store.settings)[series])
    assert 1.7e9 < seen[0] < seen[1] < seen[2]


def test_without_a_port_nothing_is_served(store):
    metrics.serve(store.settings, {})


def test_a_taken_port_is_wrong_use(store, monkeypatch):
    monkeypatch.setattr(metrics, "REGISTRY", CollectorRegistry())
    with socket.create_server(("", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(WrongUse, match=f"ANN_METRICS_PORT is {port}, where no metrics can be"):
            metrics.serve(store.settings, {"ANN_METRICS_PORT": port})


def test_metrics_are_served_at_the_port(store, monkeypatch):
    served = []
    monkeypatch.setattr(metrics, "REGISTRY", CollectorRegistry())
    monkeypatch.setattr(metrics, "start_http_server", lambda port: served.append(port))
    metrics.serve(store.settings, {"ANN_METRICS_PORT": "9464"})
    assert served == [9464]
