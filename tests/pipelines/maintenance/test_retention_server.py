"""On an MLflow server rows stay; a deleted run may be restored, and its version with it."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.http_artifact_repo import HttpArtifactRepository
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from pipelines import settings
from pipelines.maintenance import retention
from pipelines.tracking.client import Tracking
from tests.support.old_runs import a_file, a_run, rows, versions
from tests.support.processes import MlflowServer

MONTH = timedelta(days=30)


@pytest.fixture(scope="module")
def store(tmp_path_factory, empty_store) -> Iterator[Tracking]:
    """A real server, whose database is where the helpers look for it."""
    home = tmp_path_factory.mktemp("server")
    server = MlflowServer(home)
    server.database = home / "mlflow.db"
    server.database.write_bytes(empty_store)
    server.start()
    try:
        yield Tracking(settings.load({"ANN_HOME": str(home), "MLFLOW_TRACKING_URI": server.uri}))
    finally:
        server.kill()


def test_only_a_version_whose_run_does_not_exist_any_more_is_one_without_a_run(store):
    deleted, gone, there = versions(store, "promoted", "promoted", "promoted")
    a_run(store, 1)
    store.client.delete_run(deleted)
    store.client.delete_run(gone)
    SqlAlchemyStore(f"sqlite:///{store.settings.home}/mlflow.db", "")._hard_delete_run(gone)
    planned = retention.plan(store, MONTH, keep=1)
    assert [(item.kind, item.identity) for item in planned.items] == [("version", "2")]
    assert retention.apply(store, planned).removed == 1
    store.client.restore_run(deleted)
    left = store.client.search_model_versions("name = 'mnist-digits'")
    assert {version.run_id for version in left} == {deleted, there}


def test_a_file_stays_if_a_run_has_begun_since_the_plan(store):
    file = a_file(store.settings.data / "digits.npz")
    planned = retention.plan(store, MONTH, keep=1)
    assert [item.identity for item in planned.items] == [str(file)]
    running = a_run(store, 0, status="RUNNING")
    assert retention.apply(store, planned).removed == 0
    store.client.set_terminated(running)
    assert retention.apply(store, planned).removed == 1


@pytest.mark.parametrize("step", ["artifacts", "models", "run"])
def test_a_prune_that_was_killed_half_way_is_finished_by_the_next(store, monkeypatch, step):
    old, _ = a_run(store, name=step), a_run(store, 1, name=step)
    (model,) = store.model_places()[old]
    with monkeypatch.context() as killed:
        kill_at(step, store, killed)
        with pytest.raises(KeyboardInterrupt):
            retention.apply(store, retention.plan(store, MONTH, keep=1))
    half = store.client.get_run(old).info
    assert (half.lifecycle_stage, half.status) == ("active", "KILLED")

    again = retention.plan(store, MONTH, keep=1)
    assert [item.identity for item in again.items] == [old]
    outcome = retention.apply(store, again)
    assert (outcome.removed, outcome.rows_left, outcome.failures) == (1, 1, [])
    assert store.client.get_run(old).info.lifecycle_stage == "deleted"
    assert rows(store, "runs", "run_uuid", old) == 1
    with pytest.raises(MlflowException, match="not found"):
        store.client.get_logged_model(model)
    left = {path.parts[-3] for path in (store.settings.home / "artifacts").rglob("curves.npz")}
    assert not left & {old, model}
    assert retention.plan(store, MONTH, keep=1).items == []


def kill_at(step: str, store: Tracking, patch: pytest.MonkeyPatch) -> None:
    """Interrupt the deletion of a run when its artifacts, its models or its row are to go."""
    owner, name = {
        "artifacts": (HttpArtifactRepository, "delete_artifacts"),
        "models": (store.client, "delete_logged_model"),
        "run": (store.client, "delete_run"),
    }[step]

    def interrupt(*_):
        raise KeyboardInterrupt

    patch.setattr(owner, name, interrupt)
