"""What all tests share: no downloads, and MNIST where this machine has it."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("ANN_OFFLINE", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=1")  # as commands export it
beside_the_checkout = Path(__file__).parents[2] / "shared/data/mnist.npz"
if "ANN_MNIST_PATH" not in os.environ and beside_the_checkout.exists():
    os.environ["ANN_MNIST_PATH"] = str(beside_the_checkout)

import pytest  # noqa: E402
from hypothesis import settings  # noqa: E402

from ann_models import datasets  # noqa: E402
from ann_models.errors import DataUnavailable  # noqa: E402

# A busy machine is no failure, and one commit is judged by the same examples every time; new
# ones are drawn by `--hypothesis-profile=random`, which `make test-slow` gives.
settings.register_profile("same", deadline=None, derandomize=True, database=None)
settings.register_profile("random", deadline=None)
settings.load_profile("same")

FIRST = (  # of the slow files those that take longest; each group is run by one worker
    ("tests/system/test_stack_crashes.py",),  # Docker has networks for two stacks at once
    (
        "tests/system/test_stack_outages.py",
        "tests/system/test_backup.py",
        "tests/system/test_stack.py",
    ),
    ("tests/system/test_up_journeys.py",),
    ("tests/system/test_several_workers.py",),
    ("tests/serving/test_fuzz.py",),
)

gc.disable()  # until all tests are imported: nothing of that is garbage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow files of FIRST."""
    order = [path for group in FIRST for path in group]

    def rank(item: pytest.Item) -> int:
        path = item.nodeid.partition("::")[0]
        longest = path in order and item.get_closest_marker("slow")
        return order.index(path) if longest else len(order)

    items.sort(key=rank)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `--dist loadfile`, keep a group of FIRST on one worker as the tests of a file."""
    from xdist.scheduler import LoadFileScheduling

    class Grouped(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path: str = super()._split_scope(nodeid)
            return next((group[0] for group in FIRST if path in group), path)

    return Grouped(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_finish() -> None:
    """Spare the tests what repeats: garbage collections of all imports, and new MLflow stores."""
    if "mlflow" in sys.modules:
        from tests.support import new_stores

        new_stores.made_once()
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session")
def mnist() -> datasets.Dataset:
    """MNIST in its fixed split; a wrong ANN_MNIST_PATH fails, none at all skips."""
    try:
        return datasets.digits("mnist")
    except DataUnavailable as error:
        pytest.skip(f"needs MNIST: set ANN_MNIST_PATH ({error})")


@contextmanager
def tracking_uri_kept() -> Iterator[None]:
    """MLflow's client sets the variable, which processes that later tests start would read."""
    before = os.environ.get("MLFLOW_TRACKING_URI")
    yield
    os.environ.pop("MLFLOW_TRACKING_URI", None)
    if before is not None:
        os.environ["MLFLOW_TRACKING_URI"] = before


@pytest.fixture(autouse=True)
def tracking_uri_as_before_the_test():
    with tracking_uri_kept():
        yield


@pytest.fixture(autouse=True, scope="module")
def tracking_uri_as_before_the_module():
    with tracking_uri_kept():  # fixtures of a module or a package set it before its first test
        yield
