"""The embedded store appears whole or not at all; a server that lacks logged models is refused."""

import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from mlflow.store.tracking import sqlalchemy_store

from pipelines import settings
from pipelines.errors import TrackingUnavailable
from pipelines.tracking.client import Tracking
from pipelines.tracking.store import check_version, make_store


class Server(HTTPServer):
    """Answers as an MLflow server of that version does."""

    version, status = b"2.22.0", 200

    @property
    def uri(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def _answer(self, content: bytes, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        asked_for_version = self.path == "/version"
        self._answer(self.server.version if asked_for_version else b"{}", self.server.status)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(b"{}")

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_a_server_older_than_logged_models_is_refused_with_its_version(server, tmp_path):
    loaded = settings.load({"ANN_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": server.uri})
    with pytest.raises(TrackingUnavailable, match=r"is version 2\.22\.0; 3\.0 or newer is needed"):
        Tracking(loaded).open()


def test_the_refusal_names_the_server_and_what_can_be_done(server):
    server.version = b"1.30.1-and-much-more-than-a-version-has"
    with pytest.raises(TrackingUnavailable) as refusal:
        check_version(server.uri)
    assert str(refusal.value) == (
        f"the MLflow server at {server.uri} is version 1.30.1-and-much-more; 3.0 or newer is "
        "needed. Upgrade it, or unset MLFLOW_TRACKING_URI to use the embedded store."
    )


@pytest.mark.parametrize("version", [b"3.0.0", b"3.17.0", b"10.1", b"dev", b"", b"{}"])
def test_other_servers_and_those_that_do_not_say_their_version_are_not(server, version):
    server.version = version
    check_version(server.uri)


def test_a_server_without_that_page_is_not_refused_for_it(server):
    server.status = 404
    check_version(server.uri)


def test_a_new_store_is_made_without_a_line_on_the_terminal(tmp_path):
    code = (
        "from pipelines import settings; from pipelines.tracking.client import Tracking; "
        f"Tracking(settings.load({{'ANN_HOME': {str(tmp_path)!r}}})).open()"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (made.returncode, made.stdout, made.stderr) == (0, "", "")


def test_nobody_sees_half_of_a_new_store(tmp_path, monkeypatch):
    class Watched(sqlalchemy_store.SqlAlchemyStore):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            in_place = arguments[0] == f"sqlite:///{tmp_path}/mlflow.db"
            assert in_place is (tmp_path / "mlflow.db").exists()

    monkeypatch.setattr(sqlalchemy_store, "SqlAlchemyStore", Watched)
    tracking = Tracking(settings.load({"ANN_HOME": str(tmp_path)})).open()
    assert tracking.client.search_experiments()
    assert {path.name for path in tmp_path.iterdir()} >= {"mlflow.db", "mlflow.lock"}
    assert not [path for path in tmp_path.iterdir() if path.is_dir() and path.name != "artifacts"]


def test_of_a_store_that_cannot_be_made_nothing_stays(tmp_path, monkeypatch):
    class Full:
        def __init__(self, uri, artifacts):
            tmp_path.joinpath(uri.removeprefix("sqlite:///")).write_bytes(b"half")
            raise OSError(28, "No space left on device")

    loaded = settings.load({"ANN_HOME": str(tmp_path)})
    before = {path.name for path in tmp_path.iterdir()}
    monkeypatch.setattr(sqlalchemy_store, "SqlAlchemyStore", Full)
    with pytest.raises(OSError, match="No space left"):
        make_store(loaded)
    assert {path.name for path in tmp_path.iterdir()} == before
