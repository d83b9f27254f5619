"""What the doctor finds, that every missing thing comes with what to do, and that it only reads."""

import errno
import os
import shutil
import socket
import sqlite3
import threading
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest
from mlflow import MlflowClient

from ann_models.findings import Findings
from mlflow_reader.entities import StoreUnavailable
from pipelines import settings
from pipelines.maintenance import doctor
from pipelines.maintenance.doctor import Finding
from pipelines.tracking.client import Tracking
from tests.support.silent_server import SilentServer

MNIST_PATH = os.environ.get("ANN_MNIST_PATH", "")


@pytest.fixture(autouse=True)
def environment(tmp_path, monkeypatch):
    """No MNIST, no servers; what the doctor sets for itself is forgotten."""
    monkeypatch.setenv("ANN_OFFLINE", "1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras"))
    monkeypatch.delenv("ANN_MNIST_PATH", raising=False)


@pytest.fixture
def nobody() -> str:
    """An address at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def diagnose(home, **environ: str) -> dict[str, Finding]:
    found = doctor.diagnose(settings.read({"ANN_HOME": str(home), **environ}))
    return {finding.subject: finding for finding in found}


def only(check, home, **environ: str) -> Finding:
    loaded = settings.read({"ANN_HOME": str(home), **environ})
    if check not in (doctor._tracking, doctor._artifacts, doctor._champion):
        return check(loaded)
    with doctor._copied(loaded) as (copy, _):
        return check(loaded, copy)


@pytest.fixture(scope="module")
def one_run(tmp_path_factory):
    home = tmp_path_factory.mktemp("one run")
    tracking = Tracking(settings.load({"ANN_HOME": str(home)})).open()
    with tracking.run(tracking.experiment("digits"), "mnist_ann", {}) as run_id:
        tracking.log_findings(run_id, Findings(), {})
    return home


def test_a_new_machine_lacks_mnist_and_a_champion_and_hears_how_to_get_them(tmp_path):
    found = diagnose(tmp_path)
    assert [subject for subject, finding in found.items() if not finding.healthy] == [
        "MNIST",
        "champion",
    ]
    assert "a run downloads it" in found["MNIST"].message
    assert "ANN_MNIST_PATH" in found["MNIST"].message
    assert "`ann run`" in found["champion"].message


def test_nothing_is_downloaded_and_no_server_is_started(tmp_path, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("the doctor only reads")

    monkeypatch.delenv("ANN_OFFLINE")
    monkeypatch.setattr("ann_models.digits.mnist._download", forbidden)
    monkeypatch.setattr("subprocess.Popen", forbidden)
    diagnose(tmp_path)


def test_a_wrong_path_to_mnist_is_distinguished_from_none(tmp_path, monkeypatch):
    monkeypatch.setenv("ANN_MNIST_PATH", str(tmp_path / "nothing.npz"))
    finding = only(doctor._mnist, tmp_path)
    assert not finding.healthy
    assert "ANN_MNIST_PATH does not lead to MNIST" in finding.message
    assert "nothing.npz" in finding.message


@pytest.mark.skipif(not MNIST_PATH, reason="needs MNIST: set ANN_MNIST_PATH")
def test_the_original_mnist_is_recognised(tmp_path, monkeypatch):
    monkeypatch.setenv("ANN_MNIST_PATH", MNIST_PATH)
    finding = only(doctor._mnist, tmp_path)
    assert finding.healthy
    assert finding.message == f"{MNIST_PATH}, bit-identical to the original"


def test_a_disk_that_is_nearly_full_is_said_so(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "LEAST_FREE", 10**18)
    finding = only(doctor._state, tmp_path)
    assert not finding.healthy
    assert "make room or move it with ANN_HOME" in finding.message


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    def version(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr("importlib.metadata.version", version)
    finding = only(doctor._packages, tmp_path)
    assert finding == Finding(
        "packages", False, "mlflow is not installed; `make setup` installs it."
    )


def test_no_finding_has_a_password(tmp_path, nobody):
    address = nobody.replace("://", "://bob:s3cret@")
    for uri in (address, "postgresql+psycopg://bob:s3cret@127.0.0.1:9/mlflow"):
        found = diagnose(tmp_path, MLFLOW_TRACKING_URI=uri, PREFECT_API_URL=f"{address}/api")
        assert not any("s3cret" in finding.message for finding in found.values())
        assert not found["tracking"].healthy


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


def test_a_store_with_runs_and_artifacts_is_well(one_run):
    assert only(doctor._tracking, one_run).healthy
    finding = only(doctor._artifacts, one_run)
    assert finding.healthy
    assert finding.message == (one_run / "artifacts").as_uri()  # with %20 for the space


def test_artifacts_that_are_gone_are_missed(one_run, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(one_run, home)
    shutil.rmtree(home / "artifacts")
    finding = only(doctor._artifacts, home)
    assert not finding.healthy
    assert f"{home}/artifacts is gone" in finding.message


def test_a_server_that_keeps_artifacts_on_its_own_disk_is_warned_of(tmp_path, monkeypatch):
    experiment = SimpleNamespace(artifact_location="/srv/mlruns/1")
    server = SimpleNamespace(check=lambda: None, experiments=lambda: [experiment])
    monkeypatch.setattr("pipelines.tracking.client.Tracking", lambda settings: server)
    finding = only(doctor._artifacts, tmp_path, MLFLOW_TRACKING_URI="http://mlflow:5000")
    assert not finding.healthy
    assert "--serve-artifacts" in finding.message


def test_a_model_that_cannot_be_verified_is_said_so(one_run, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(one_run, home)
    client = MlflowClient(f"sqlite:///{home}/mlflow.db")
    client.create_registered_model("mnist-digits")
    client.create_model_version("mnist-digits", home.as_uri(), await_creation_for=0)
    client.set_registered_model_alias("mnist-digits", "champion", "1")
    finding = only(doctor._champion, home)
    assert not finding.healthy
    assert "cannot be verified" in finding.message


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


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ANN_FEEDBACK_URL", "nonsense"),
        ("ANN_FEEDBACK_URL", "oracle+none://db/ann"),
        ("ANN_POLL_SECONDS", "-3"),
        ("ANN_CORS_ORIGINS", "x"),
    ],
)
def test_settings_that_the_service_refuses_are_found(tmp_path, monkeypatch, variable, value):
    assert only(doctor._service, tmp_path).healthy
    monkeypatch.setenv(variable, value)
    finding = only(doctor._service, tmp_path)
    assert not finding.healthy
    assert finding.message.startswith(variable)


def test_a_database_that_cannot_be_read_costs_no_other_line(tmp_path, monkeypatch):
    """As of a folder that belongs to another user."""
    exists = Path.exists

    def denied(path, **more):
        if path.name == "prefect.db":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return exists(path, **more)

    monkeypatch.setattr(Path, "exists", denied)
    found = diagnose(tmp_path)
    assert found["prefect/prefect.db"].message == (
        f"{tmp_path}/prefect/prefect.db cannot be read (Permission denied); change its owner or "
        "permissions."
    )
    assert found["packages"].healthy


@pytest.mark.parametrize("path", ["mlflow.db", *doctor.OTHER_DATABASES])
def test_a_database_without_permission_to_write_is_found(tmp_path, monkeypatch, path):
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).touch()
    monkeypatch.setattr("os.access", lambda place, mode: mode != os.W_OK)
    found = diagnose(tmp_path)["tracking" if path == "mlflow.db" else path]
    assert not found.healthy
    assert f"{tmp_path / path} cannot be written by this user; change its owner" in found.message


@pytest.mark.parametrize("path", doctor.OTHER_DATABASES)
def test_a_damaged_database_is_found_and_left_as_it_is(tmp_path, path):
    loaded = settings.read({"ANN_HOME": str(tmp_path)})
    assert doctor._database(loaded, path) is None
    database = tmp_path / path
    database.parent.mkdir(exist_ok=True)
    with closing(sqlite3.connect(database)) as made, made:
        made.execute("CREATE TABLE t (x)")
    assert doctor._database(loaded, path) == Finding(path, True, "a sound database")
    database.write_bytes(b"random" * 1000)
    finding = doctor._database(loaded, path)
    assert finding and not finding.healthy
    assert f"{database} is damaged or cannot be read (" in finding.message
    assert "restore it or move it away" in finding.message
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [database]


def with_a_log(database) -> sqlite3.Connection:
    """A connection to a database in WAL mode, with transactions in its log alone."""
    made = sqlite3.connect(database, isolation_level=None)
    made.execute("PRAGMA journal_mode=WAL")
    made.execute("CREATE TABLE t (x)")
    made.execute("INSERT INTO t VALUES (1)")
    return made


def files(folder) -> dict[str, bytes]:
    """Every file's content; of SQLite's locks, that they are there."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    return {p.name: b"" if p.name.endswith("-shm") else p.read_bytes() for p in found}


@pytest.mark.parametrize("state", ["in use", "closed", "killed", "copied without its locks"])
def test_a_database_is_checked_where_it_is_and_left_as_it_is(tmp_path, monkeypatch, state):
    home = tmp_path / "home"
    home.mkdir()
    used = with_a_log(tmp_path / "feedback.db" if state == "killed" else home / "feedback.db")
    if state == "killed":
        shutil.copytree(tmp_path, home, dirs_exist_ok=True, ignore=lambda *_: ["home"])
    if state in ("closed", "copied without its locks"):
        log = (home / "feedback.db-wal").read_bytes()
        used.close()
        assert list(files(home)) == ["feedback.db"]
    if state == "copied without its locks":
        (home / "feedback.db-wal").write_bytes(log)
    else:  # nothing is copied, however large it is
        monkeypatch.setattr(doctor, "_copy", lambda *_: 1 / 0)
    before = files(home)
    loaded = settings.read({"ANN_HOME": str(home)})
    assert doctor._database(loaded, "feedback.db") == Finding(
        "feedback.db", True, "a sound database"
    )
    assert files(home) == before
    used.close()


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


# --- nothing is changed ---------------------------------------------------------------------------


def content(folder) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith("-shm")  # SQLite's locks
    }


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


def no_file(database) -> None:
    database.mkdir()


def damaged_in_use(database) -> None:
    database.write_bytes(b"SQLite format 3\0" + b"damaged" * 1000)
    for log in ("-wal", "-shm"):
        database.with_name(database.name + log).touch()


@pytest.mark.parametrize("spoil", [no_file, damaged_in_use])
def test_a_store_that_cannot_be_copied_is_a_finding_with_what_to_do(tmp_path, spoil):
    spoil(tmp_path / "mlflow.db")
    found = diagnose(tmp_path)
    assert "mlflow.db cannot be read (" in found["tracking"].message
    assert "ANN_HOME" in found["tracking"].message
    assert found["artifacts"].message == "not checked: tracking is unavailable."
    assert not any(found[name].healthy for name in ("tracking", "artifacts", "champion"))
    assert "Prefect" in found


@pytest.mark.parametrize(
    "error",
    [OSError(errno.ENOSPC, "No space left"), sqlite3.OperationalError("database or disk is full")],
    ids=["file", "database"],
)
def test_a_full_temporary_folder_is_not_blamed_on_the_store(one_run, monkeypatch, error):
    def refuse(*_):
        raise error

    monkeypatch.setattr(doctor, "_copy", refuse)
    message = diagnose(one_run)["tracking"].message
    assert message.startswith("not checked: /") and "has no room for a copy of" in message
    assert "set TMPDIR to another folder" in message
    assert "ANN_HOME" not in message


@pytest.mark.parametrize("check", [doctor._tracking, doctor._artifacts])
def test_a_store_whose_runs_cannot_be_read_is_a_finding(one_run, monkeypatch, check):
    def unavailable(self):
        raise StoreUnavailable("the file has no table runs")

    monkeypatch.setattr(Tracking, "run_infos", unavailable)
    monkeypatch.setattr(Tracking, "experiments", unavailable)
    assert not only(check, one_run).healthy


def test_a_new_state_folder_is_not_made(tmp_path):
    diagnose(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_state_folder_is_left_as_it_was(one_run, tmp_path):
    """With a champion that was never downloaded, a run whose process is gone, and moved."""
    home = tmp_path / "moved"
    shutil.copytree(one_run, home)
    client = MlflowClient(f"sqlite:///{home}/mlflow.db")
    client.create_run("1", tags={"process": f"{socket.gethostname()} 1@-5.00"})
    client.create_registered_model("mnist-digits")
    client.create_model_version("mnist-digits", home.as_uri(), await_creation_for=0)
    client.set_registered_model_alias("mnist-digits", "champion", "1")
    before = content(home)
    found = diagnose(home)
    assert content(home) == before
    assert f"it was at {one_run}" in found["moved state folder"].message
    assert "1 runs under way" in found["tracking"].message


def test_a_store_in_use_is_read_as_it_is(one_run, tmp_path):
    home = tmp_path / "home"
    shutil.copytree(one_run, home)
    with closing(sqlite3.connect(home / "mlflow.db", isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode=WAL")
        other.execute("UPDATE runs SET status = 'RUNNING', end_time = NULL")
        before = content(home)
        found = diagnose(home)
        assert content(home).keys() == before.keys()
    assert "1 runs under way" in found["tracking"].message


@pytest.mark.slow
def test_the_champion_of_the_offline_digits_is_one(home_with_champion):
    before = content(home_with_champion)
    finding = diagnose(home_with_champion)["champion"]
    assert finding.healthy
    assert finding.message.startswith("offline-digits version 1, verified; ")
    assert "OFFLINE DIGITS" in finding.message
    assert content(home_with_champion) == before
