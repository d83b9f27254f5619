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
from tests.support.trickling_server import BODY, TricklingServer

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


def test_a_prefect_server_is_asked_with_the_addresss_password_which_no_finding_shows(tmp_path):
    class Health(BaseHTTPRequestHandler):
        def do_GET(self):
            known = self.headers["Authorization"] == "Basic Ym9iOnMzJ2NyZXQ="
            self.send_response(200 if known else 401)
            self.end_headers()

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        host = f"127.0.0.1:{server.server_port}/api"
        well = only(doctor._prefect, tmp_path, PREFECT_API_URL=f"http://bob:s3'cret@{host}")
        refused = only(doctor._prefect, tmp_path, PREFECT_API_URL=f"http://bob:s3'CRET@{host}")
        server.shutdown()
    assert well == Finding("Prefect", True, f"http://{host}")
    assert not refused.healthy
    assert refused.message.startswith(f"http://{host} answers HTTP 401; start it with `prefect")


def test_an_address_that_cannot_be_looked_up_is_a_finding(tmp_path):
    finding = only(doctor._prefect, tmp_path, PREFECT_API_URL="http://a..b/api")
    assert not finding.healthy
    assert finding.message.startswith("http://a..b/api does not answer; start it with")


@pytest.mark.parametrize("content", [b"<html>Sign in</html>", b"[1]", b"null", b"{"])
def test_a_tracking_server_that_is_not_mlflows_is_a_finding(tmp_path, content):
    """As of a page for signing in, in front of the server."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self):
            self.rfile.read(int(self.headers["Content-Length"] or 0))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        uri = f"http://127.0.0.1:{server.server_port}"
        assert not diagnose(tmp_path, MLFLOW_TRACKING_URI=uri)["tracking"].healthy
        server.shutdown()


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


def test_an_answer_that_never_ends_serves_no_metrics(monkeypatch):
    monkeypatch.setattr(doctor, "METRICS_SECONDS", 0.5)
    with TricklingServer(BODY) as server:
        assert not doctor._serves_metrics(int(server.address.rpartition(":")[2]))


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
