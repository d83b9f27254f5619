"""A champion's run in a store, its file, and an empty store."""

import numpy as np
import pytest

from ann_models.findings import Findings
from ann_models.variants import VARIANTS
from pipelines.flows.candidate import evaluate_candidate
from pipelines.gate import Policy
from tests.support.two_stores import DIGITS, NAME, Store, nearest_mean


@pytest.fixture(scope="package")
def origin(tmp_path_factory) -> Store:
    """A store with a champion whose run has all that a run can have."""
    store = Store(tmp_path_factory.mktemp("origin"))
    variant = VARIANTS["mnist_ann"]
    tags = {"variant": "mnist_ann", "data_source": NAME, "seeds": "1", "quick": "false"}
    experiment = store.tracking.experiment("digits")
    with store.tracking.run(experiment, "mnist_ann", tags, start=1_700_000_000_000) as run_id:
        store.tracking.log_settings(run_id, variant, (0,), DIGITS)
        findings = Findings(
            {"val_accuracy": 0.9, "never": float("nan")}, {"val_accuracy": np.linspace(0, 0.9, 5)}
        )
        store.tracking.log_findings(run_id, findings, {})
        store.tracking.note(run_id, ["Words."], ["worst_mistakes"])
        model = nearest_mean()
        store.tracking.log_model(run_id, model, "mnist_ann")
        version = store.registry.register(
            evaluate_candidate(model, DIGITS),
            run_id=run_id,
            variant="mnist_ann",
            seed=0,
            git_commit="c0ffee",
        )
    store.tracking.make_newest(run_id, "mnist_ann", experiment)
    assert store.registry.judge(version, Policy(max_relative_time=0)).promote
    return store


@pytest.fixture(scope="package")
def file(origin, tmp_path_factory):
    path = tmp_path_factory.mktemp("exported") / "champion.zip"
    origin.export("champion", path)
    return path


@pytest.fixture
def target(tmp_path, empty_store) -> Store:
    (tmp_path / "target").mkdir()
    (tmp_path / "target/mlflow.db").write_bytes(empty_store)
    return Store(tmp_path / "target")
