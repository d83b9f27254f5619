"""What the registry's tests share: stores with and without versions."""

import pytest
from mlflow import MlflowClient

from tests.support.registry_bench import (
    GOOD,
    WORSE,
    Workbench,
    nearest_mean,
    opened,
)


@pytest.fixture(scope="session")
def stores(tmp_path_factory) -> dict[str, bytes]:
    """Two databases, made once: an empty one, and one with three registered models."""
    folder = tmp_path_factory.mktemp("stores")
    path = folder / "mlflow.db"
    MlflowClient(f"sqlite:///{path}").search_experiments()
    empty = path.read_bytes()
    bench = Workbench(f"sqlite:///{path}", folder, folder / "artifacts")
    for examples in (GOOD, GOOD, WORSE):
        bench.register(nearest_mean(examples))
    return {"empty": empty, "three": path.read_bytes()}


@pytest.fixture
def empty(stores, tmp_path) -> Workbench:
    return opened(stores["empty"], tmp_path)


@pytest.fixture
def three(stores, tmp_path) -> Workbench:
    """Versions 1 and 2 are the same good model, version 3 is a worse one; none was judged."""
    return opened(stores["three"], tmp_path)
