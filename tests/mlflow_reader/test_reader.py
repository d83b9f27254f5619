"""Whichever implementation reads a store, the entities are those of MLflow's own client."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from mlflow_reader import artifacts, http_server
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
