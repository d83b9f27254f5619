"""Old runs and files are deleted permanently; nothing is deleted that is still needed."""

import os
import sqlite3
import time
from contextlib import closing
from datetime import timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

from pipelines.maintenance import retention
from pipelines.registry import history
from pipelines.tracking.tags import ERROR, LATEST, VARIANT
from tests.support.old_runs import DAY, a_run, rows, versions

MONTH = timedelta(days=30)


def registered(store, run_id: str, alias: str | None = None, **tags) -> None:
    name = f"digits {uuid4()}"
    store.client.create_registered_model(name)
    store.client.create_model_version(name, "file:///nowhere", run_id, tags)
    if alias:
        store.client.set_registered_model_alias(name, alias, "1")


def going(store, keep=1, older_than=MONTH) -> list[str]:
    """Ids of the runs and paths of the files that would go."""
    return [item.identity for item in retention.plan(store, older_than, keep).items]


# --- what goes ------------------------------------------------------------------------------------


def test_an_old_run_goes_with_its_artifacts_its_models_and_its_rows(store):
    old, new = a_run(store, metrics=3), a_run(store, days_ago=1)
    folders = store.settings.artifacts
    (model,) = store.client.search_logged_models(
        [store.experiment("one_neuron")], f"source_run_id = '{old}'"
    )
    planned = retention.plan(store, MONTH, keep=1)
    assert [(i.identity, i.kind, i.size) for i in planned.items] == [(old, "run", 8000)]
    assert (folders / old / "artifacts/curves.npz").exists()  # a plan changes nothing

    outcome = retention.apply(store, planned)
    assert (outcome.removed, outcome.rows_left, outcome.failures) == (1, 0, [])
    assert outcome.freed >= 8000
    assert not (folders / old).exists()
    assert not (folders / "models" / model.model_id).exists()
    for table in ("runs", "metrics", "tags"):
        assert rows(store, table, "run_uuid", old) == 0
    assert rows(store, "logged_models", "model_id", model.model_id) == 0
    assert (folders / new / "artifacts/curves.npz").exists()
    assert store.client.get_run(new).info.status == "FINISHED"


def test_only_what_is_both_old_and_beyond_the_count_goes(store):
    runs = [a_run(store, days_ago) for days_ago in (400, 300, 200, 100, 10, 5)]
    other = a_run(store, 500, name="hinge")
    assert going(store, keep=4) == runs[:2]
    assert going(store, keep=1) == runs[:4]
    assert going(store, keep=1, older_than=timedelta(days=250)) == runs[:2]
    assert other not in going(store, keep=1)  # each variant is counted by itself


def test_the_databases_free_pages_are_given_back_to_the_disk(store):
    for _ in range(2):
        a_run(store, metrics=5000)
    database = store.settings.home / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    before = database.stat().st_size
    retention.apply(store, retention.plan(store, MONTH, keep=1))
    assert database.stat().st_size < before - 100_000


def test_what_somebody_deleted_long_ago_is_freed_and_what_was_deleted_today_is_not(store):
    mistaken, forgotten = a_run(store), a_run(store)
    store.client.delete_run(mistaken)
    store.client.delete_run(forgotten)
    with closing(sqlite3.connect(store.settings.home / "mlflow.db")) as database, database:
        then = int((time.time() - 40 * DAY) * 1000)
        query = "UPDATE runs SET deleted_time = ? WHERE run_uuid = ?"
        database.execute(query, (then, forgotten))
    planned = retention.plan(store, MONTH, keep=1)
    assert [(i.identity, i.kind) for i in planned.items] == [(forgotten, "deleted run")]
    retention.apply(store, planned)
    assert rows(store, "runs", "run_uuid", forgotten) == 0
    store.client.restore_run(mistaken)


# --- versions -------------------------------------------------------------------------------------


def numbers(store, **policy) -> list[str]:
    """The numbers of the versions that would go."""
    planned = retention.plan(store, MONTH, policy.get("keep", 1))
    return [item.identity for item in planned.items if item.kind == "version"]


def left(store) -> list[str]:
    found = store.client.search_model_versions("name = 'mnist-digits'")
    return sorted(str(version.version) for version in found)


def test_old_refused_versions_go_and_then_their_runs(store):
    runs = versions(store, "refused", "refused", "refused")
    assert numbers(store, keep=2) == ["1"]
    planned = retention.plan(store, MONTH, keep=1)
    assert {i.identity for i in planned.items if i.kind == "version"} == {"1", "2"}
    assert {i.identity for i in planned.items if i.kind == "run"} == set(runs[:2])
    assert planned.size == 2 * 8000  # of the runs: a version has no files of its own
    assert left(store) == ["1", "2", "3"]  # a plan changes nothing
    outcome = retention.apply(store, planned)
    assert (outcome.removed, outcome.failures) == (4, [])
    assert left(store) == ["3"]
    assert [rows(store, "runs", "run_uuid", run) for run in runs] == [0, 0, 1]


@pytest.mark.parametrize("alias", ["champion", "previous", "challenger", "phones"])
def test_a_version_with_an_alias_stays(store, alias):
    versions(store, "refused", "refused", "refused")
    store.client.set_registered_model_alias("mnist-digits", alias, "1")
    assert numbers(store) == ["2"]


@pytest.mark.parametrize("action", [history.MOVED, history.ROLLED_BACK])
def test_a_refused_version_that_served_all_the_same_stays(store, action):
    versions(store, "refused", "refused", "refused")
    event = history.Event("2026-01-01T00:00:00+00:00", "1", action, history.ELSEWHERE, "", "")
    store.client.set_registered_model_tag("mnist-digits", *history.as_tag(event))
    assert numbers(store) == ["2"]


def test_versions_that_served_once_stay_and_so_do_new_and_foreign_ones(store):
    versions(store, "promoted", "forced", "undecided", "refused")
    assert numbers(store) == []
    store.client.delete_model_version_tag("mnist-digits", "4", VARIANT)
    assert numbers(store) == []
    assert going(store, older_than=timedelta(days=200)) == []


def test_what_is_exactly_as_old_as_the_limit_stays(store, monkeypatch):
    now = float(int(time.time()))
    monkeypatch.setattr(time, "time", lambda: now)
    for _ in range(2):
        a_run(store, 30, name="hinge")
    versions(store, "refused", "refused", days_ago=30, runs=[a_run(store, 1)] * 2)
    data = store.settings.data / "digits.npz"
    data.parent.mkdir()
    data.touch()
    os.utime(data, (now - 30 * DAY, now - 30 * DAY))
    assert going(store) == []
    monkeypatch.setattr(time, "time", lambda: now + 1)
    planned = retention.plan(store, MONTH, keep=1)
    assert sorted(item.kind for item in planned.items) == ["file", "run", "version"]


def test_a_version_whose_run_was_deleted_long_ago_goes_though_it_served(store):
    mistaken, forgotten = versions(store, "promoted", "promoted")
    for run_id in (mistaken, forgotten):
        store.client.delete_run(run_id)
    with closing(sqlite3.connect(store.settings.home / "mlflow.db")) as database, database:
        query = "UPDATE runs SET deleted_time = ? WHERE run_uuid = ?"
        database.execute(query, (int((time.time() - 40 * DAY) * 1000), forgotten))
    assert numbers(store) == ["2"]


def test_a_version_that_became_champion_after_the_plan_stays_with_its_run(store):
    runs = versions(store, "refused", "refused")
    planned = retention.plan(store, MONTH, keep=1)
    assert len(planned.items) == 2
    store.client.set_registered_model_alias("mnist-digits", "champion", "1")
    assert retention.apply(store, planned).removed == 0
    assert left(store) == ["1", "2"]
    assert rows(store, "runs", "run_uuid", runs[0]) == 1


# --- what stays -----------------------------------------------------------------------------------


@pytest.mark.parametrize("alias", [None, "champion", "previous", "challenger"])
def test_a_run_behind_a_registered_version_stays_whatever_its_alias(store, alias):
    behind, old, _ = a_run(store, 300), a_run(store, 200), a_run(store, 1)
    registered(store, behind, alias)
    planned = retention.plan(store, MONTH, keep=1)
    assert [item.identity for item in planned.items] == [old]
    assert planned.kept == {"used by registered versions": 1}


def test_a_run_that_a_version_names_stays(store):
    taught, trained = a_run(store, 300, name="corrections"), a_run(store, 300)
    a_run(store, 200, name="corrections")
    registered(store, trained, corrections_run=taught)
    assert going(store) == []


def test_a_run_behind_a_version_stays_though_somebody_deleted_it(store):
    behind = a_run(store)
    registered(store, behind)
    store.client.delete_run(behind)
    assert going(store, older_than=timedelta(0)) == []


def test_mlflow_is_asked_for_what_was_deleted_that_many_milliseconds_ago(store, monkeypatch):
    asked = []
    deleted = SimpleNamespace(_get_deleted_runs=lambda older_than: asked.append(older_than) or [])
    monkeypatch.setattr(retention, "_get_store", lambda uri: deleted)
    going(store, older_than=timedelta(days=2))
    assert max(asked) == 2 * 24 * 3600 * 1000


def test_an_unfinished_run_stays_and_so_do_all_files(store):
    running = a_run(store, status="RUNNING")
    a_run(store, 1)
    data = store.settings.data / "digits.npz"
    data.parent.mkdir()
    data.touch()
    os.utime(data, (0, 0))
    planned = retention.plan(store, MONTH, keep=1)
    assert planned.items == []
    assert planned.active
    assert planned.kept == {"active": 1}
    assert store.client.get_run(running).info.status == "RUNNING"


def test_the_run_that_stands_for_its_variant_stays_behind_failed_ones(store):
    latest = a_run(store, 300, **{LATEST: "true"})
    failed = [a_run(store, days_ago, status="FAILED") for days_ago in (200, 100)]
    assert going(store) == failed[:1]
    assert latest not in going(store)


def test_deleted_runs_are_not_among_the_newest_that_are_kept(store):
    old = a_run(store, days_ago=300)
    for days_ago in (200, 100):
        store.client.delete_run(a_run(store, days_ago))
    assert old not in going(store, keep=1)


def test_a_deleted_experiment_of_another_project_stays(store):
    """Unlike with `mlflow gc --run-ids`, which deletes all that is marked as deleted."""
    other = store.client.create_experiment("another project's")
    run_id = store.client.create_run(other).info.run_id
    store.client.delete_experiment(other)
    a_run(store, days_ago=200)
    a_run(store, days_ago=100)
    outcome = retention.apply(store, retention.plan(store, MONTH, keep=1))
    assert outcome.removed == 1
    assert rows(store, "runs", "run_uuid", run_id) == 1


def test_runs_of_other_projects_stay(store):
    experiment = store.client.create_experiment("theirs")
    for _ in range(2):
        run = store.client.create_run(experiment, 1)
        store.client.set_terminated(run.info.run_id, end_time=2)
    assert going(store) == []


def test_a_run_from_the_future_stays(store):
    """The clock went forward, a run ended, the clock was set right."""
    for days_ago in (-400, -401):
        a_run(store, days_ago)
    assert going(store) == []


def test_a_run_that_a_version_names_while_others_are_deleted_stays(store, monkeypatch):
    first, named, _ = a_run(store, 300), a_run(store, 200), a_run(store, 1)
    planned = retention.plan(store, MONTH, keep=1)
    remove = retention._remove_run

    def remove_and_register(*arguments):
        registered(store, named)
        return remove(*arguments)

    monkeypatch.setattr(retention, "_remove_run", remove_and_register)
    monkeypatch.setattr(retention, "FRESH_SECONDS", 0.0)
    assert retention.apply(store, planned).removed == 1
    assert [rows(store, "runs", "run_uuid", run) for run in (first, named)] == [0, 1]


def test_the_registry_is_not_read_again_for_every_run(store, monkeypatch):
    for days_ago in (400, 300, 200, 1):
        a_run(store, days_ago)
    planned = retention.plan(store, MONTH, keep=1)
    read, named = [], retention._named_by_versions
    monkeypatch.setattr(
        retention, "_named_by_versions", lambda *given: read.append(0) or named(*given)
    )
    outcome = retention.apply(store, planned)
    assert (outcome.removed, len(read)) == (3, 1)


def test_a_deleted_run_that_is_restored_after_the_plan_stays(store):
    run_id = a_run(store)
    store.client.delete_run(run_id)
    planned = retention.plan(store, timedelta(0), keep=1)
    assert [item.kind for item in planned.items] == ["deleted run"]
    store.client.restore_run(run_id)
    outcome = retention.apply(store, planned)
    assert (outcome.removed, outcome.kept) == (0, planned.items)
    assert store.client.get_run(run_id).info.status == "FINISHED"


def test_what_another_prune_deleted_after_the_plan_is_no_failure(store):
    a_run(store), a_run(store, 1)
    planned = retention.plan(store, MONTH, keep=1)
    assert retention.apply(store, planned).removed == 1
    outcome = retention.apply(store, planned)
    assert (outcome.removed, outcome.failures) == (0, [])


def test_what_is_registered_after_the_plan_stays(store):
    old, _ = a_run(store), a_run(store, 1)
    planned = retention.plan(store, MONTH, keep=1)
    registered(store, old)
    assert retention.apply(store, planned).removed == 0
    assert store.client.get_run(old).info.lifecycle_stage == "active"


# --- bad luck -------------------------------------------------------------------------------------


def test_what_cannot_be_removed_is_named_and_the_rest_goes(store, monkeypatch):
    stuck, gone, _ = a_run(store, 300), a_run(store, 200), a_run(store, 1)
    remove = retention._remove_run

    def remove_or_fail(tracking, run_id, models):
        if run_id == stuck:
            raise PermissionError(13, "Permission denied", "artifacts")
        return remove(tracking, run_id, models)

    monkeypatch.setattr(retention, "_remove_run", remove_or_fail)
    outcome = retention.apply(store, retention.plan(store, MONTH, keep=1))
    assert outcome.removed == 1
    (failure,) = outcome.failures
    assert stuck in failure
    assert "Permission denied" in failure
    assert rows(store, "runs", "run_uuid", gone) == 0


@pytest.mark.parametrize(
    "step",
    ["artifacts of the run", "files of the model", "rows of the model", "rows of the run"],
)
def test_a_prune_that_was_killed_half_way_is_finished_by_the_next(store, monkeypatch, step):
    old, _ = a_run(store), a_run(store, 1)
    ended = store.client.get_run(old).info.end_time
    with monkeypatch.context() as killed:
        kill_at(step, killed)
        with pytest.raises(KeyboardInterrupt):
            retention.apply(store, retention.plan(store, MONTH, keep=1))
    half = store.client.get_run(old)
    assert (half.info.lifecycle_stage, half.info.status) == ("active", "KILLED")
    assert half.data.tags[ERROR] == "`ann prune` began to delete it"
    assert half.info.end_time == ended

    again = retention.plan(store, MONTH, keep=1)
    assert [item.identity for item in again.items] == [old]
    outcome = retention.apply(store, again)
    assert (outcome.removed, outcome.failures) == (1, [])
    assert rows(store, "runs", "run_uuid", old) == 0
    assert rows(store, "logged_models", "source_run_id", old) == 0
    assert not (store.settings.artifacts / old).exists()
    assert len(list((store.settings.artifacts / "models").iterdir())) == 1  # the other run's


def kill_at(step: str, patch: pytest.MonkeyPatch) -> None:
    """Interrupt the deletion of a run after this step, or in the statement that deletes rows."""

    def interrupt(*_):
        raise KeyboardInterrupt

    removed, remove = [], retention._remove_empty_folder

    def remove_or_interrupt(place):
        removed.append(place)
        if len(removed) == (1 if step == "artifacts of the run" else 2):
            raise KeyboardInterrupt
        remove(place)

    if step == "rows of the model":
        patch.setattr(SqlAlchemyStore, "_hard_delete_logged_model", interrupt)
    elif step == "rows of the run":
        patch.setattr(SqlAlchemyStore, "_hard_delete_run", interrupt)
    else:
        patch.setattr(retention, "_remove_empty_folder", remove_or_interrupt)
