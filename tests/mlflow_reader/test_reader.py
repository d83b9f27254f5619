"""Whichever implementation reads a store, the entities are those of MLflow's own client."""

import math
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from mlflow_reader import artifacts, http_server, sqlite_store
from mlflow_reader.entities import StoreUnavailable
from mlflow_reader.http_server import HttpReader
from mlflow_reader.mlflow_client import ClientReader
from mlflow_reader.reader import Reader, open_reader
from mlflow_reader.sqlite_store import SqliteReader
from tests.support.processes import MlflowServer


def fill(client: MlflowClient, folder: Path, location: str | None) -> None:
    """Every kind of entity that a reader may meet."""
    first = client.create_experiment("first", location, {"question": "digits"})
    second = client.create_experiment("second", location)
    deleted = client.create_experiment("deleted", location)
    client.delete_experiment(deleted)
    for number, status in enumerate(["FINISHED", "FAILED", "RUNNING", "FINISHED"]):
        tags = {"variant": f"v{number % 2}", "latest": str(number > 1).lower(), "set.layers.0": "ä"}
        run = client.create_run(first, 1000 * number + 1000, tags, f"run {number}").info.run_id
        values = {"a": 0.5, "nan": math.nan, "inf": math.inf, "minus": -math.inf, "0": 0.0}
        metrics = [Metric(key, value, 1, step) for key, value in values.items() for step in (0, 1)]
        metrics.append(Metric("a", 0.25, 2, 2))
        client.log_batch(run, metrics, [Param("p", "1"), Param("empty", "")], [RunTag("t", "it's")])
        if status != "RUNNING":
            client.set_terminated(run, status, 1000 * number + 1500)
    client.create_run(second, 5, {"latest": "true"}, "alone")
    client.delete_run(client.create_run(first, 9000, {"latest": "true"}, "removed").info.run_id)

    files = folder / "files"
    files.mkdir()
    (files / "model.onnx").write_bytes(b"\0onnx\xff")
    client.create_registered_model("mnist-digits", {"history.1": "{}"})
    client.create_registered_model("empty")
    client.create_registered_model("it's")
    for number in range(1, 12):  # 10 sorts after 9
        logged = client.create_logged_model(first, f"m{number}", run)
        client.log_model_artifacts(logged.model_id, str(files))
        tags = {"onnx_sha256": f"{number:x}", "reasons": "one\ntwo"}
        source = logged.artifact_location
        # A server takes no version without its run and model; a client of a file finds no model.
        without, model = number == 1 and location, None if location else logged.model_id
        client.create_model_version(
            "mnist-digits", source, None if without else run, tags, model_id=model
        )
    client.create_model_version("it's", source, run, model_id=model)
    client.delete_model_version("mnist-digits", "11")
    client.delete_model_version("mnist-digits", "4")
    client.set_registered_model_alias("mnist-digits", "champion", "10")
    client.set_registered_model_alias("mnist-digits", "previous", "9")


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("a folder ä#%")
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    fill(MlflowClient(uri, uri), folder, (folder / "artifacts").as_uri())
    return uri


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[str]:
    server = MlflowServer(tmp_path_factory.mktemp("server"))
    server.start()
    fill(MlflowClient(server.uri, server.uri), server.folder, None)
    yield server.uri
    server.kill()


def read_everything(reader: Reader) -> dict[str, object]:
    experiments = reader.experiments()
    ids = sorted(e.experiment_id for e in experiments)
    infos = reader.run_infos(ids, deleted=True)
    return {
        "experiments": sorted(experiments, key=lambda e: e.name),
        "active": reader.run_infos(ids),
        "all": infos,
        "none": reader.runs([], {}),
        "latest": reader.runs(ids, {"latest": "true"}, "FINISHED"),
        "two tags": reader.runs(ids, {"latest": "true", "variant": "v0"}),
        "dotted": reader.runs(ids, {"set.layers.0": "ä"}),
        "any value": reader.runs(ids, {"variant": None}, "FINISHED"),
        "single": [reader.run(info.run_id) for info in infos],
        "missing": reader.run("0" * 32),
        "places": {run: sorted(m) for run, m in reader.model_places(ids).items()},
        "no places": reader.model_places([]),
        "models": reader.registered_models(),
        "model": reader.registered_model("mnist-digits"),
        "no model": reader.registered_model("none"),
        "versions": reader.versions("mnist-digits"),
        "quoted": reader.versions("it's"),
        "no versions": reader.versions("none"),
        "version": reader.version("mnist-digits", "10"),
        "deleted version": reader.version("mnist-digits", "4"),
        "no number": reader.version("mnist-digits", "x"),
        "place": reader.download_uri("mnist-digits", "10"),
    }


def check_entities(found: dict) -> None:
    """What a store filled so holds, by any reader."""
    assert [e.name for e in found["experiments"] if e.name != "Default"] == ["first", "second"]
    assert [i.run_name for i in found["all"]] == [
        *("removed", "run 3", "run 2", "run 1", "run 0", "alone")
    ]
    assert [i.lifecycle_stage for i in found["all"]].count("deleted") == 1
    assert len(found["active"]) == 5
    (latest,) = found["latest"]
    assert (latest.info.run_name, latest.info.start_time, latest.info.end_time) == (
        *("run 3", 4000, 4500),
    )
    metrics = latest.data.metrics
    assert (metrics["a"], math.isnan(metrics["nan"])) == (0.25, True)
    assert metrics["inf"] > 1e300 and metrics["minus"] < -1e300
    assert (latest.data.tags["t"], latest.data.params["empty"]) == ("it's", "")
    assert [run.info.run_name for run in found["any value"]] == ["run 3", "run 0"]
    assert found["missing"] is found["no model"] is found["deleted version"] is None
    assert found["no number"] is None
    assert [len(models) for models in found["places"].values()] == [11]
    assert len(found["quoted"]) == 1
    model = found["model"]
    assert (model.aliases, model.newest_version) == ({"champion": "10", "previous": "9"}, 10)
    assert [v.version for v in found["versions"]] == ["10", "9", "8", "7", "6", "5", "3", "2", "1"]


def test_a_file_is_read_as_by_mlflows_client(file):
    assert isinstance(open_reader(file), SqliteReader)
    ours, mlflows = read_everything(open_reader(file)), read_everything(ClientReader(file))
    assert repr(ours) == repr(mlflows)  # NaN does not equal itself
    check_entities(ours)


@pytest.mark.slow
def test_a_server_is_read_as_by_mlflows_client(server):
    assert isinstance(open_reader(server), HttpReader)
    ours, mlflows = read_everything(open_reader(server)), read_everything(ClientReader(server))
    assert repr(ours) == repr(mlflows)
    check_entities(ours)


@pytest.mark.slow
def test_all_pages_of_a_servers_answer_are_read(server, monkeypatch):
    whole = read_everything(open_reader(server))
    monkeypatch.setattr(http_server, "PAGE", 1)
    assert repr(read_everything(open_reader(server))) == repr(whole)


def check_download(uri: str, folder: Path) -> None:
    reader = open_reader(uri)
    root = reader.download_uri("mnist-digits", "10")
    artifacts.download(reader, uri, root, "model.onnx", folder / "ours")
    assert (folder / "ours").read_bytes() == b"\0onnx\xff"
    artifacts._by_mlflow(uri, root, "model.onnx", folder / "mlflows")
    assert (folder / "mlflows").read_bytes() == b"\0onnx\xff"
    for read in (artifacts.download, lambda _, *rest: artifacts._by_mlflow(*rest)):
        with pytest.raises(FileNotFoundError):
            read(reader, uri, root, "none.npz", folder / "none")


def test_a_versions_files_are_read_from_the_disk(file, tmp_path):
    check_download(file, tmp_path)


@pytest.mark.slow
def test_a_versions_files_are_read_from_a_server(server, tmp_path):
    check_download(server, tmp_path)


# --- a file ---------------------------------------------------------------------------------------


def test_a_file_of_another_schema_is_left_to_mlflow(file, monkeypatch):
    monkeypatch.setattr(sqlite_store, "SCHEMAS", {"another"})
    assert isinstance(open_reader(file), ClientReader)


def test_reading_writes_nothing(file):
    path = Path(file.removeprefix("sqlite:///"))
    before = path.read_bytes()
    read_everything(open_reader(file))
    assert path.read_bytes() == before


def test_a_file_that_is_missing_is_not_made(tmp_path):
    with pytest.raises(StoreUnavailable, match="unable to open"):
        open_reader(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_no_database_is_reported(tmp_path):
    (tmp_path / "mlflow.db").write_text("not a database" * 100)
    with pytest.raises(StoreUnavailable, match="not a database"):
        open_reader(f"sqlite:///{tmp_path / 'mlflow.db'}")


def test_a_locked_file_is_reported(file, monkeypatch):
    monkeypatch.setattr(sqlite_store, "LOCK_SECONDS", 0.01)
    reader = open_reader(file)
    with closing(sqlite3.connect(file.removeprefix("sqlite:///"), isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreUnavailable, match="locked"):
            reader.experiments()


# --- a server -------------------------------------------------------------------------------------


class Answer:
    """A server with one answer, and the headers of what it was asked."""

    def __init__(self, status: int, content: bytes) -> None:
        answer = self
        self.asked: list[dict[str, str]] = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                answer.asked.append(dict(self.headers))
                self.send_response(status)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def __enter__(self) -> "Answer":
        return self

    def __exit__(self, *_) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(autouse=True)
def own_environment(monkeypatch, tmp_path):
    foreign = ("MLFLOW_", "NETRC", "REQUESTS_CA_", "CURL_CA_")
    for name in [n for n in os.environ if n.startswith(foreign) or n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("status", "content"),
    [
        (500, b'{"error_code": "INTERNAL_ERROR"}'),
        (403, b'{"error_code": "PERMISSION_DENIED"}'),
        (200, b"<html>Sign in</html>"),
        (404, b"<html>no such page</html>"),
        (200, b"[]"),
        (502, b"x" * 2_000_000),
    ],
)
def test_an_answer_that_is_not_mlflows_is_reported_in_short(status, content):
    with Answer(status, content) as answer, pytest.raises(StoreUnavailable) as raised:
        HttpReader(f"http://{answer.host}").registered_model("mnist-digits")
    assert str(status) in str(raised.value)
    assert len(str(raised.value)) < 1000


def test_a_search_that_the_server_refuses_is_reported_and_not_taken_for_an_empty_one():
    refusal = b'{"error_code": "INVALID_PARAMETER_VALUE", "message": "Invalid filter"}'
    with Answer(400, refusal) as answer:
        reader = HttpReader(f"http://{answer.host}")
        assert reader.version("mnist-digits", "x") is None
        with pytest.raises(StoreUnavailable, match="Invalid filter"):
            reader.registered_models()
        with pytest.raises(StoreUnavailable, match="Invalid filter"):
            reader.versions("mnist-digits")


def test_the_files_of_a_version_that_was_deleted_meanwhile_are_reported(file):
    with pytest.raises(StoreUnavailable, match="no version 99 any more"):
        open_reader(file).download_uri("mnist-digits", "99")
    missing = b'{"error_code": "RESOURCE_DOES_NOT_EXIST"}'
    with (
        Answer(404, missing) as answer,
        pytest.raises(StoreUnavailable, match="no version 99 any more"),
    ):
        HttpReader(f"http://{answer.host}").download_uri("mnist-digits", "99")


def test_a_server_that_is_not_there_is_reported():
    with Answer(200, b"{}") as answer:
        pass
    with pytest.raises(StoreUnavailable, match="refused"):
        HttpReader(f"http://{answer.host}").experiments()


@pytest.mark.parametrize(
    ("address", "environ", "sent"),
    [
        ("http://{}", {}, None),
        ("http://ann:s%40cret@{}", {}, "Basic YW5uOnNAY3JldA=="),
        (
            "http://{}",
            {"MLFLOW_TRACKING_USERNAME": "ann", "MLFLOW_TRACKING_PASSWORD": "s@cret"},
            "Basic YW5uOnNAY3JldA==",
        ),
        ("http://{}", {"MLFLOW_TRACKING_TOKEN": "abc"}, "Bearer abc"),
    ],
)
def test_credentials_are_sent_as_mlflow_sends_them(monkeypatch, address, environ, sent):
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with Answer(200, b"{}") as answer:
        uri = address.format(answer.host)
        HttpReader(uri).registered_models()
        MlflowClient(uri, uri).search_registered_models()
    assert [asked.get("Authorization") for asked in answer.asked] == [sent, sent]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MLFLOW_TRACKING_AUTH", "kubernetes"),
        ("MLFLOW_TRACKING_AWS_SIGV4", "true"),
        ("MLFLOW_TRACKING_CLIENT_CERT_PATH", "/cert.pem"),
        ("MLFLOW_WORKSPACE", "team"),
        ("http_proxy", "http://127.0.0.1:9"),
        ("all_proxy", "http://127.0.0.1:9"),
    ],
)
def test_what_only_mlflow_can_reach_is_left_to_it(monkeypatch, name, value):
    assert http_server.can_read("http://mlflow.example:5000")
    monkeypatch.setenv(name, value)
    assert not http_server.can_read("http://mlflow.example:5000")


def test_a_proxy_that_is_bypassed_is_none(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("no_proxy", "127.0.0.1,mlflow.example")
    assert http_server.can_read("http://127.0.0.1:5000")
    assert http_server.can_read("http://mlflow.example:5000")
    assert not http_server.can_read("http://other.example:5000")


def test_credentials_in_a_file_are_left_to_mlflow(tmp_path):
    (tmp_path / ".mlflow").mkdir()
    (tmp_path / ".mlflow/credentials").write_text("[mlflow]\n")
    assert not http_server.can_read("http://mlflow.example:5000")


def test_the_certificates_are_those_that_mlflow_would_trust(monkeypatch, tmp_path):
    import certifi

    assert http_server._certificates()["ca_certs"] == certifi.where()
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    assert http_server._certificates()["ca_cert_dir"] == str(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_SERVER_CERT_PATH", "/ca.pem")
    assert http_server._certificates() == {"ca_certs": "/ca.pem", "cert_reqs": "CERT_REQUIRED"}
    monkeypatch.setenv("MLFLOW_TRACKING_INSECURE_TLS", "true")
    assert http_server._certificates() == {"cert_reqs": "CERT_NONE"}
