"""A state folder and a tracking server for each journey."""

from collections.abc import Iterator

import pytest
from processes import Ann, MlflowServer


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
