"""A state folder and a tracking server for each journey; one container stack for each file."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.support.container_stack import BUILD_SECONDS, Stack, why_not
from tests.support.processes import Ann, MlflowServer

if TYPE_CHECKING:
    from mlflow import MlflowClient


@pytest.fixture
def ann(tmp_path) -> Ann:
    return Ann(tmp_path / "home")


@pytest.fixture
def mlflow_server(tmp_path) -> Iterator[MlflowServer]:
    folder = tmp_path / "server"
    folder.mkdir()
    server = MlflowServer(folder)
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="module")
def stack(tmp_path_factory) -> Iterator[Stack]:
    """One stack in which the tests of a file go on from each other's work."""
    if reason := why_not():
        pytest.skip(reason)
    stack = Stack(tmp_path_factory.mktemp("stack"))
    try:
        stack.do("build", seconds=BUILD_SECONDS)
        stack.do("up", "--detach")
        yield stack
    finally:
        stack.compose("down", "--volumes", "--timeout", "5")


@pytest.fixture(scope="module")
def first_run(stack) -> subprocess.CompletedProcess[str]:
    """What `make stack` does when everyone is up: the stack has a champion afterwards."""
    return stack.first_run()


@pytest.fixture(scope="module")
def client(stack, first_run) -> MlflowClient:
    """Of the stack's MLflow server, when there is a champion; nothing is due by itself then."""
    from mlflow import MlflowClient

    for schedule in ("digits", "drift", "lecture", "retrain"):
        stack.do("exec", "-T", "worker", "ann", "schedule", "pause", schedule)
    return MlflowClient(stack.mlflow, stack.mlflow)
