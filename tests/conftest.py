"""What all tests share: no downloads, and MNIST where this machine has it."""

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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

FIRST = (  # of the slow files those that take longest, each group on one worker
    ("system/test_stack_crashes.py",),  # Docker has networks for two stacks at once
    ("system/test_stack_outages.py", "system/test_backup.py", "system/test_stack.py"),
    ("system/test_up_journeys.py",),
    ("system/test_several_workers.py",),
    ("serving/test_fuzz.py",),
)

gc.disable()  # until all tests are imported: nothing of that is garbage


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Group the slow tests for `--dist loadgroup`: those of a file, or of a group of FIRST."""
    places = {path: place for place, group in enumerate(FIRST) for path in group}
    order = [path for group in FIRST for path in group]

    def path_of(item: pytest.Item) -> str:
        return item.path.relative_to(Path(__file__).parent).as_posix()

    slow = [item for item in items if item.get_closest_marker("slow")]
    for item in slow:
        path = path_of(item)
        group = FIRST[places[path]][0] if path in places else path
        item.add_marker(pytest.mark.xdist_group(group))
    slow.sort(key=lambda item: order.index(p) if (p := path_of(item)) in order else len(order))
    items[:] = [*slow, *(item for item in items if not item.get_closest_marker("slow"))]


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
