"""What the doctor finds of the servers of MLflow and Prefect, and of the port for metrics."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from types import SimpleNamespace

import pytest

from pipelines.maintenance import doctor
from pipelines.maintenance.doctor import Finding
from tests.support.diagnoses import diagnose, only
from tests.support.silent_server import SilentServer

pytestmark = pytest.mark.usefixtures("bare_environment")


def test_a_tracking_server_that_is_unavailable_fails_each_check_that_needs_it_and_no_other(
    tmp_path, nobody
):
    found = diagnose(tmp_path, MLFLOW_TRACKING_URI=nobody)
    assert not any(found[name].healthy for name in ("tracking", "artifacts", "champion"))
    assert nobody in found["tracking"].message
    assert found["packages"].healthy and found["state folder"].healthy and found["Prefect"].healthy


def test_a_silent_tracking_server_is_waited_for_once(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with SilentServer() as server:
        found = diagnose(tmp_path, MLFLOW_TRACKING_URI=server.address)
        assert server.connections() == 1
    assert not found["tracking"].healthy
    assert found["champion"].message == "not checked: tracking is unavailable."


def test_a_server_that_keeps_artifacts_on_its_own_disk_is_warned_of(tmp_path, monkeypatch):
    experiment = SimpleNamespace(artifact_location="/srv/mlruns/1")
    server = SimpleNamespace(check=lambda: None, experiments=lambda: [experiment])
    monkeypatch.setattr("pipelines.tracking.client.Tracking", lambda settings: server)
    finding = only(doctor._artifacts, tmp_path, MLFLOW_TRACKING_URI="http://mlflow:5000")
    assert not finding.healthy
    assert "--serve-artifacts" in finding.message


def test_a_prefect_server_that_is_unavailable_is_reported_with_what_to_do(tmp_path, nobody):
    finding = only(doctor._prefect, tmp_path, PREFECT_API_URL=f"{nobody}/api")
    assert not finding.healthy
    assert "does not answer" in finding.message
    assert "prefect server start" in finding.message


@pytest.mark.parametrize(("answer", "well"), [(200, True), (503, False)])
def test_a_prefect_server_is_asked_for_its_health(tmp_path, answer, well):
    class Health(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(answer if self.path == "/api/health" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/api/"
        assert only(doctor._prefect, tmp_path, PREFECT_API_URL=url).healthy is well


def test_an_address_at_which_no_web_server_answers_is_reported_with_what_to_do(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"SSH-2.0-OpenSSH_9.9\r\n")

        threading.Thread(target=answer, daemon=True).start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
        finding = only(doctor._prefect, tmp_path, PREFECT_API_URL=url)
    assert not finding.healthy
    assert "does not answer" in finding.message
    assert "unset PREFECT_API_URL" in finding.message


# --- metrics --------------------------------------------------------------------------------------


def test_a_port_for_metrics_is_free_or_taken_by_something_else(monkeypatch):
    monkeypatch.delenv("ANN_METRICS_PORT", raising=False)
    assert doctor._metrics().healthy
    with socket.create_server(("", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("ANN_METRICS_PORT", str(port))
        monkeypatch.setattr(doctor, "_serves_metrics", lambda port: False)
        finding = doctor._metrics()
    assert not finding.healthy
    assert finding.message.startswith(f"ANN_METRICS_PORT is {port}, where no metrics can be served")
    assert doctor._metrics() == Finding("metrics", True, f"port {port} is free for the worker")


def test_what_speaks_no_http_at_the_port_serves_no_metrics(monkeypatch):
    def answer(server: socket.socket) -> None:
        connection, _ = server.accept()
        connection.recv(1000)
        connection.sendall(b"220 mail.example ESMTP\r\n")
        connection.close()

    with socket.create_server(("", 0)) as server:
        threading.Thread(target=answer, args=[server], daemon=True).start()
        monkeypatch.setenv("ANN_METRICS_PORT", str(server.getsockname()[1]))
        assert not doctor._metrics().healthy


@pytest.mark.parametrize(("text", "well"), [(b"ann_worker_servers_up 1", True), (b"up 1", False)])
def test_the_workers_own_metrics_are_what_the_port_is_for(monkeypatch, text, well):
    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_):
            pass

    with HTTPServer(("", 0), Page) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        monkeypatch.setenv("ANN_METRICS_PORT", str(server.server_port))
        assert doctor._metrics().healthy is well
