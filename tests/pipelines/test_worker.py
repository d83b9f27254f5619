"""What the runs that a worker starts inherit, and what it does before it starts them."""

import asyncio
import os
from contextlib import nullcontext
from datetime import timedelta
from unittest import mock

import pytest

from pipelines import settings, worker
from pipelines.errors import TrackingUnavailable


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """The environment of a worker in a container, restored afterwards; no server is asked."""

    async def work(loaded) -> None:
        pass

    monkeypatch.setattr(worker.deployments, "connected", nullcontext)
    monkeypatch.setattr(worker.deployments, "prepare", lambda client: None)
    monkeypatch.setattr(worker.metrics, "serve", lambda loaded: None)
    monkeypatch.setattr(worker, "_end_orphaned_runs", lambda loaded, grace: None)
    monkeypatch.setattr(worker, "_work", work)
    foreign = ("ANN_", "MLFLOW_", "PREFECT_", "TF_")
    with mock.patch.dict(os.environ, {"ANN_HOME": str(tmp_path)}):
        for name in [n for n in os.environ if n.startswith(foreign) and n != "ANN_HOME"]:
            del os.environ[name]
        yield os.environ


def test_runs_keep_tensorflows_compiled_programs_in_the_state_folder(environ):
    worker.main()
    assert str(settings.load().compiled) in environ["TF_XLA_FLAGS"]
    assert environ["MLFLOW_TRACKING_URI"] == settings.load().tracking_uri


def test_the_worker_prints_the_log_of_its_runs(environ):
    worker.main()
    assert environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "INFO"


def test_variables_that_are_set_already_win(environ):
    environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "WARNING"
    environ["TF_XLA_FLAGS"] = "--other"
    worker.main()
    assert environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "WARNING"
    assert environ["TF_XLA_FLAGS"] == "--other"


@pytest.fixture
def orphaned(monkeypatch) -> dict[str, object]:
    """Runs without a process, and with which arguments they were searched."""
    asked: dict[str, object] = {}

    class Store:
        def __init__(self, loaded) -> None:
            pass

        def check(self) -> None:
            asked["checked"] = True

        def end_orphaned_runs(self) -> list[str]:
            return ["abc"]

    def scheduled(client, grace):
        asked["grace"] = grace
        return ["lecture: all variants"]

    monkeypatch.setattr(worker.deployments, "connected", nullcontext)
    monkeypatch.setattr(worker.orphaned_runs, "crash_scheduled", scheduled)
    monkeypatch.setattr(worker.orphaned_runs, "crash_ad_hoc", lambda client: ["drift"])
    monkeypatch.setattr(worker, "Tracking", Store)
    return asked


def test_orphaned_runs_of_prefect_and_mlflow_are_ended_and_named(orphaned, tmp_path, capsys):
    worker._end_orphaned_runs(settings.load({"ANN_HOME": str(tmp_path)}), timedelta(minutes=1))
    assert orphaned == {"grace": timedelta(minutes=1), "checked": True}
    assert capsys.readouterr().out.splitlines() == [
        "lecture: all variants had lost its process; it is marked as crashed",
        "drift had lost its process; it is marked as crashed",
        "MLflow run abc had lost its process; it is marked as killed",
    ]


def test_before_it_works_even_the_newest_runs_without_a_process_are_ended(environ, monkeypatch):
    order: list[object] = []

    async def work(loaded) -> None:
        order.append("work")

    monkeypatch.setattr(worker.deployments, "prepare", lambda client: order.append("schedules"))
    monkeypatch.setattr(worker, "_end_orphaned_runs", lambda loaded, grace: order.append(grace))
    monkeypatch.setattr(worker, "_work", work)
    worker.main()
    assert order == ["schedules", timedelta(0), "work"]


def test_a_server_that_is_unavailable_is_asked_again(monkeypatch, tmp_path, capsys):
    asked = []

    def unavailable(loaded, grace):
        asked.append(grace)
        if len(asked) == 2:
            raise asyncio.CancelledError
        raise TrackingUnavailable("the MLflow server does not answer")

    monkeypatch.setattr(worker, "CHECK_SECONDS", 0)
    monkeypatch.setattr(worker, "_end_orphaned_runs", unavailable)
    loaded = settings.load({"ANN_HOME": str(tmp_path)})
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(worker._end_orphaned_runs_regularly(loaded))
    assert asked == [worker.STARTING] * 2
    assert "the MLflow server does not answer" in capsys.readouterr().err
