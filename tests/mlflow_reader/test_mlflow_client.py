"""Through MLflow's client every page is read; what is missing is None, what fails is reported."""

from types import SimpleNamespace

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE, RESOURCE_DOES_NOT_EXIST

from mlflow_reader.entities import PAGE, StoreUnavailable
from mlflow_reader.mlflow_client import ClientReader


class Page(list):
    """MLflow's answer to a search: some entries, and a token if there are more."""

    token: str | None = None


class Client:
    """Searches that answer one entry a page; `get`s that raise what they are told."""

    def __init__(self, entries: list, error: Exception | None = None) -> None:
        self.entries, self.error = entries, error
        self.asked: list[dict] = []

    def search(self, **question) -> Page:
        self.asked.append(question)
        place = int(question["page_token"] or 0)
        page = Page(self.entries[place : place + 1])
        page.token = str(place + 1) if place + 1 < len(self.entries) else None
        return page

    search_experiments = search_runs = search_model_versions = search
    search_logged_models = search_registered_models = search

    def get(self, *what):
        if self.error:
            raise self.error
        return self.entries[0]

    get_run = get_model_version = get_registered_model = get


def reading(client: Client, tmp_path) -> ClientReader:
    reader = ClientReader(tmp_path.as_uri())
    reader._client = client
    return reader


@pytest.fixture(autouse=True)
def unopened(monkeypatch):
    """No store is made."""
    monkeypatch.setattr("mlflow_reader.mlflow_client.MlflowClient", lambda *_: None)


def version(number: int):
    return SimpleNamespace(
        name="digits", version=number, run_id=None, tags={"a": "1"}, creation_timestamp=None
    )


def a_run(**info):
    known = {
        "run_id": "r1",
        "run_name": None,
        "experiment_id": "7",
        "status": "RUNNING",
        "start_time": None,
        "end_time": None,
        "lifecycle_stage": "active",
        "artifact_uri": None,
    }
    data = SimpleNamespace(metrics={"a": 1.0}, params={"p": "1"}, tags={"t": "x"})
    return SimpleNamespace(info=SimpleNamespace(**known | info), data=data)


def test_every_page_is_read_and_versions_are_sorted_by_number(tmp_path):
    client = Client([version(number) for number in (9, 10, 2)])
    found = reading(client, tmp_path).versions("digits")
    assert [each.version for each in found] == ["10", "9", "2"]
    assert [each["page_token"] for each in client.asked] == [None, "1", "2"]
    assert {each["max_results"] for each in client.asked} == {PAGE}
    assert {each["filter_string"] for each in client.asked} == {"name = 'digits'"}
    assert found[0].run_id == ""


def test_models_are_sorted_by_name_and_know_their_newest_version(tmp_path):
    def model(name, *versions):
        newest = [SimpleNamespace(version=str(number)) for number in versions]
        return SimpleNamespace(
            name=name,
            tags={},
            aliases={"champion": 9},
            latest_versions=newest,
            last_updated_timestamp=None,
        )

    found = reading(Client([model("b", 9, 10), model("a")]), tmp_path).registered_models()
    assert [(each.name, each.newest_version) for each in found] == [("a", 0), ("b", 10)]
    assert found[0].aliases == {"champion": "9"}
    assert found[0].last_updated_timestamp == 0


def test_what_a_run_does_not_say_is_empty_or_zero(tmp_path):
    run = reading(Client([a_run()]), tmp_path).run("r1")
    info = run.info
    assert (info.run_name, info.artifact_uri, info.start_time, info.end_time) == ("", "", 0, 0)
    assert (run.data.metrics, run.data.params, run.data.tags) == (
        {"a": 1.0},
        {"p": "1"},
        {"t": "x"},
    )


def test_of_no_experiment_there_is_no_run_and_nothing_is_asked(tmp_path):
    client = Client([a_run()])
    reader = reading(client, tmp_path)
    assert reader.runs([], {}) == reader.run_infos([]) == []
    assert reader.model_places([]) == {}
    assert client.asked == []


def test_deleted_runs_are_found_only_where_they_are_wanted(tmp_path):
    client = Client([a_run()])
    reader = reading(client, tmp_path)
    reader.run_infos(["7"])
    reader.run_infos(["7"], deleted=True)
    reader.runs(["7"], {"latest": "true"}, "FINISHED")
    views = [each["run_view_type"] for each in client.asked]
    assert views[0] == views[2] != views[1]
    assert "FINISHED" in client.asked[2]["filter_string"]


def test_models_that_no_run_trained_have_no_place(tmp_path):
    models = [
        SimpleNamespace(source_run_id=run, model_id=identity, artifact_location=f"/{identity}")
        for run, identity in (("r1", "m1"), (None, "m2"), ("r1", "m3"))
    ]
    found = reading(Client(models), tmp_path).model_places(["7"])
    assert found == {"r1": {"m1": "/m1", "m3": "/m3"}}


@pytest.mark.parametrize("code", [RESOURCE_DOES_NOT_EXIST, INVALID_PARAMETER_VALUE])
def test_what_is_missing_is_none(tmp_path, code):
    reader = reading(Client([], MlflowException("no", code)), tmp_path)
    assert reader.run("r1") is reader.version("digits", "x") is None
    assert reader.registered_model("digits") is None


def test_what_fails_is_not_missing(tmp_path):
    reader = reading(Client([], MlflowException("the server is busy")), tmp_path)
    with pytest.raises(StoreUnavailable, match="MlflowException: the server is busy"):
        reader.run("r1")


def test_a_database_whose_driver_is_missing_is_reported(monkeypatch):
    monkeypatch.undo()
    with pytest.raises(StoreUnavailable, match="pyodbc"):
        ClientReader("mssql+pyodbc://bob:s3cret@db/mlflow").registered_models()
