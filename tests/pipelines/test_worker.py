"""What the worker hands to the runs that it starts."""

import os
from contextlib import nullcontext
from unittest import mock

import pytest

from pipelines import settings, worker


@pytest.fixture
def environ(tmp_path, monkeypatch):
    """The environment of a worker in a container, restored afterwards; no server is asked."""

    async def work(loaded) -> None:
        pass

    monkeypatch.setattr(worker.deployments, "connected", nullcontext)
    monkeypatch.setattr(worker.deployments, "prepare", lambda client: None)
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


def test_what_runs_say_is_the_workers_to_say(environ):
    worker.main()
    assert environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "INFO"


def test_what_the_environment_says_already_wins(environ):
    environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "WARNING"
    environ["TF_XLA_FLAGS"] = "--other"
    worker.main()
    assert environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] == "WARNING"
    assert environ["TF_XLA_FLAGS"] == "--other"
