"""Any error becomes one sentence, and a misfortune in disguise is recognised."""

import errno
import os
import socket
import sqlite3
import threading
import urllib.request
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from prefect.settings import Settings
from sqlalchemy import create_engine, text

from ann_models.errors import InvalidData
from pipelines import errors, settings
from pipelines.errors import (
    OrchestrationUnavailable,
    PipelineError,
    RegistryError,
    StorageFull,
    TrackingUnavailable,
    WrongUse,
    format_error,
    translate,
    was_interrupted,
)
from pipelines.tracking.client import Tracking


@pytest.fixture
def nobody() -> str:
    """An address at which nothing listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def raised_by(action) -> Exception:
    with pytest.raises(Exception) as caught:
        action()
    return caught.value


def wrapped(error: Exception) -> MlflowException:
    """As MLflow hands on what its store met."""

    def wrap():
        try:
            raise error
        except Exception as cause:
            raise MlflowException("the store failed") from cause

    return raised_by(wrap)


def test_an_mlflow_server_that_is_unavailable_is_reported(nobody, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    error = translate(raised_by(MlflowClient(nobody).search_experiments))
    assert isinstance(error, TrackingUnavailable)
    assert "Start it" in str(error)
    assert "what is finished is kept" in str(error)


def test_an_mlflow_server_that_does_not_answer_is_said_to_be_unavailable(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = MlflowClient(f"http://127.0.0.1:{silent.getsockname()[1]}")
        error = translate(raised_by(client.search_experiments))
    assert isinstance(error, TrackingUnavailable)


class Answering(BaseHTTPRequestHandler):
    """Says to every request what the class says."""

    status, content = 200, b"<html>Sign in</html>"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_) -> None:
        pass


@pytest.fixture
def answering():
    """An HTTP server that is not MLflow's."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def checked(tmp_path, monkeypatch, uri: str) -> str:
    """What a command says of the MLflow server at an address."""
    for name, value in {"MAX_RETRIES": "0", "TIMEOUT": "5"}.items():
        monkeypatch.setenv(f"MLFLOW_HTTP_REQUEST_{name}", value)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    loaded = settings.load({"ANN_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": uri})
    return str(raised_by(Tracking(loaded).check))


def test_a_server_that_refuses_is_said_to_need_a_password(answering, tmp_path, monkeypatch):
    for status in (401, 403):
        monkeypatch.setattr(Answering, "status", status)
        said = checked(tmp_path, monkeypatch, answering.replace("://", "://bob:s3cret@"))
        assert f"the MLflow server at {answering} refuses what is asked (HTTP {status})" in said
        assert "MLFLOW_TRACKING_USERNAME" in said
        assert "s3cret" not in said


def test_a_server_that_does_not_speak_tls_is_not_to_be_trusted(answering, tmp_path, monkeypatch):
    address = answering.replace("http:", "https:")
    said = checked(tmp_path, monkeypatch, address)
    assert f"the MLflow server at {address} cannot be trusted (" in said
    assert "REQUESTS_CA_BUNDLE" in said


def test_a_proxy_that_does_not_answer_is_named_as_the_cause(nobody, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", nobody)
    said = checked(tmp_path, monkeypatch, "http://mlflow.invalid:5000")
    assert "http://mlflow.invalid:5000 is behind a proxy that does not answer (" in said
    assert "no_proxy" in said


def test_an_unknown_host_and_a_closed_port_are_named_with_their_cause(
    nobody, tmp_path, monkeypatch
):
    said = checked(tmp_path, monkeypatch, nobody)
    assert f"the MLflow server at {nobody} does not answer (" in said
    assert "Connection refused" in said
    said = checked(tmp_path, monkeypatch, "http://mlflow.invalid:5000")
    assert "the MLflow server at http://mlflow.invalid:5000 does not answer (" in said


def test_a_prefect_server_that_is_unavailable_is_not_mistaken_for_mlflow(nobody):
    error = translate(raised_by(lambda: httpx.get(nobody)))
    assert isinstance(error, OrchestrationUnavailable)
    assert "Connection refused" in str(error)
    assert "PREFECT_API_URL" in str(error)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PREFECT_LOGGING_LEVEL", "foo", "Input should be 'DEBUG', 'INFO', 'WARNING', 'ERROR' or"),
        ("PREFECT_API_REQUEST_TIMEOUT", "abc", "Input should be a valid number"),
        ("PREFECT_SERVER_API_PORT", "http", "Input should be a valid integer"),
    ],
)
def test_a_wrong_setting_of_prefect_is_named_by_its_variable(monkeypatch, name, value, expected):
    monkeypatch.setenv(name, value)
    error = translate(raised_by(Settings))
    assert isinstance(error, WrongUse)
    assert str(error).startswith(f"{name} is {value!r}. {expected}")
    assert "unset it" in str(error)


@pytest.mark.parametrize("folder", [".", "not/yet/made"])
def test_a_server_that_fails_for_a_full_disk_is_not_blamed(folder, nobody, tmp_path, monkeypatch):
    monkeypatch.setenv("ANN_HOME", str(tmp_path / folder))
    monkeypatch.setattr(errors, "LEAST_ROOM", 2**80)
    error = translate(raised_by(lambda: httpx.get(nobody)))
    assert isinstance(error, StorageFull)
    assert "Make room" in str(error)


def test_who_knew_what_was_wrong_is_believed_whatever_led_to_it(nobody):
    def read_the_store():
        try:
            httpx.get(nobody)
        except httpx.HTTPError as cause:
            raise PipelineError("the corrections cannot be read") from cause

    error = raised_by(read_the_store)
    assert translate(error) is error


def test_a_download_that_fails_is_neither(nobody):
    error = raised_by(lambda: urllib.request.urlopen(nobody))
    assert translate(error) is error


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_recognised_behind_any_wrapping(number):
    error = translate(wrapped(OSError(number, os.strerror(number), "figures/a.png")))
    assert isinstance(error, StorageFull)
    assert os.strerror(number) in str(error)
    assert "figures/a.png" in str(error)
    assert "Make room" in str(error)


def test_a_database_that_cannot_grow_is_recognised(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/small.db")
    with engine.connect() as database:
        database.execute(text("PRAGMA max_page_count = 3"))
        database.execute(text("CREATE TABLE t (x)"))
        fill = text("INSERT INTO t VALUES (zeroblob(100000))")
        error = raised_by(lambda: database.execute(fill))
    assert isinstance(translate(wrapped(error)), StorageFull)


def test_a_disk_that_is_mounted_read_only_needs_no_room():
    error = translate(wrapped(OSError(errno.EROFS, os.strerror(errno.EROFS), "figures/a.png")))
    assert isinstance(error, StorageFull)
    assert "Read-only file system: figures/a.png. Mount it for writing" in str(error)
    assert "Make room" not in str(error)


def test_a_file_of_another_user_is_named_and_needs_permissions():
    denied = PermissionError(errno.EACCES, "Permission denied", "/home/.ann/artifacts/0a1b")
    error = translate(wrapped(denied))
    assert isinstance(error, StorageFull)
    assert str(error).startswith("Permission denied: /home/.ann/artifacts/0a1b. Change its owner")


def test_a_port_that_only_root_may_use_is_no_file():
    denied = PermissionError(errno.EACCES, "Permission denied")
    assert translate(denied) is denied


def test_a_read_only_database_is_named_and_needs_permissions(tmp_path, monkeypatch):
    monkeypatch.setenv("ANN_HOME", str(tmp_path))
    (tmp_path / "mlflow.db").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    message = str(translate(sqlite3.OperationalError("attempt to write a readonly database")))
    assert f"{tmp_path}/mlflow.db cannot be written" in message
    assert "Change its owner or its permissions" in message
    assert "Make room" not in message


def test_a_read_only_database_is_recognised(tmp_path):
    sqlite3.connect(tmp_path / "a.db").execute("CREATE TABLE t (x)").connection.close()
    with sqlite3.connect(f"file:{tmp_path}/a.db?mode=ro", uri=True) as database:
        error = raised_by(lambda: database.execute("INSERT INTO t VALUES (1)"))
    assert isinstance(translate(error), StorageFull)


def test_a_full_disk_is_named_rather_than_the_server_that_it_felled():
    full = OSError(errno.ENOSPC, "No space left on device")
    response = httpx.ConnectError("the server fell")
    response.__context__ = wrapped(full)
    assert isinstance(translate(response), StorageFull)


@pytest.mark.parametrize(
    "error", [ValueError("no"), sqlite3.OperationalError("no such table: runs"), OSError(1, "no")]
)
def test_any_other_error_stays_what_it_is(error):
    assert translate(error) is error


def test_errors_that_lead_to_each_other_are_no_endless_loop():
    first, second = ValueError("first"), ValueError("second")
    first.__context__, second.__context__ = second, first
    assert translate(first) is first


@pytest.mark.parametrize("own", [InvalidData("the file is empty."), PipelineError("it is not.")])
def test_our_own_errors_speak_for_themselves(own):
    assert format_error(own) == str(own)


def test_a_foreign_error_is_named_and_keeps_every_line_of_its_message():
    error = ValueError("the schema is out of date\n  back it up,\nthen run `mlflow db upgrade`\n")
    assert format_error(error) == (
        "ValueError: the schema is out of date back it up, then run `mlflow db upgrade`"
    )


def test_of_a_databases_error_the_statement_is_left_out(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/empty.db")
    with engine.connect() as database:
        query = text("SELECT a,\n b FROM runs WHERE c = :c")
        error = raised_by(lambda: database.execute(query, {"c": 1}))
    assert format_error(error) == (
        "OperationalError: (sqlite3.OperationalError) no such table: runs"
    )


def test_an_error_without_a_message_is_named():
    assert format_error(AssertionError()) == "AssertionError: no message"


def test_a_locked_database_says_what_holds_it_up_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("ANN_HOME", str(tmp_path))
    engine = create_engine(f"sqlite:///{tmp_path}/mlflow.db", connect_args={"timeout": 0})
    with closing(sqlite3.connect(tmp_path / "mlflow.db", isolation_level=None)) as other:
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN EXCLUSIVE")
        with engine.connect() as database:
            error = raised_by(lambda: database.execute(text("SELECT * FROM t")))
    cause = translate(wrapped(error))
    assert isinstance(cause, TrackingUnavailable)
    assert f"a database in {tmp_path} is locked" in str(cause)
    assert "another process writes to it" in str(cause)
    assert "what is finished is kept" in str(cause)


@pytest.mark.parametrize("kind", [WrongUse, TrackingUnavailable, RegistryError])
def test_no_message_has_a_password(kind):
    error = kind("the runs at http://bob:s3cr@et@mlflow:5000/x cannot be opened (http://a:b@c).")
    assert str(error) == "the runs at http://mlflow:5000/x cannot be opened (http://c)."


def test_no_message_of_another_library_has_one_either():
    cause = OSError("API request to postgresql+psycopg://bob:s3/cr@et@db/mlflow failed")
    assert format_error(cause) == "OSError: API request to postgresql+psycopg://db/mlflow failed"


def linked(error: BaseException, cause=None, context=None) -> BaseException:
    error.__cause__, error.__context__ = cause, context
    return error


def test_an_interruption_is_found_behind_the_errors_that_it_led_to():
    locked = linked(OSError("database is locked"), context=KeyboardInterrupt())
    for error in (KeyboardInterrupt(), locked, linked(ValueError(), cause=locked, context=locked)):
        assert was_interrupted(error)
    both = linked(ValueError(), cause=OSError("translated"), context=KeyboardInterrupt())
    assert was_interrupted(both)


def test_without_an_interruption_none_is_found_even_of_errors_that_name_each_other():
    one, other = OSError("one"), OSError("other")
    assert not was_interrupted(linked(one, cause=linked(other, cause=one)))
