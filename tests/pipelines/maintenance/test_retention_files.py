"""Old files of the state folder are deleted, unless something uses them by then."""

import os
from datetime import timedelta

import pytest

from pipelines.maintenance import retention
from tests.support.old_runs import a_file, a_run

MONTH = timedelta(days=30)
FILES = ["data/digits-1.npz", "data/digits_distilled-1.npz", "work/checkpoints/mnist_ann-0.npz"]


def test_files_that_nobody_used_for_long_go(store):
    home = store.settings.home
    for name in ("data/digits-1.npz", "compiled/old/program.pb", "work/killed/training.npz"):
        a_file(home / name)
    used_today = home / "data/digits-2.npz"
    used_today.touch()
    planned = retention.plan(store, MONTH, keep=1)
    assert {item.name for item in planned.items} == {
        "data/digits-1.npz",
        "compiled/old",
        "work/killed",
    }
    assert planned.size >= 3000
    assert retention.apply(store, planned).removed == 3
    assert list((home / "data").iterdir()) == [used_today]


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_used_while_old_runs_are_deleted_stays(store, monkeypatch, name):
    a_run(store, 100), a_run(store, 1)
    file = a_file(store.settings.home / name, days_ago=50)
    planned = retention.plan(store, MONTH, keep=1)
    assert [item.kind for item in planned.items] == ["run", "file"]
    remove = retention._remove_run

    def remove_and_use(*arguments):
        os.utime(file)
        return remove(*arguments)

    monkeypatch.setattr(retention, "_remove_run", remove_and_use)
    outcome = retention.apply(store, planned)
    assert (outcome.removed, outcome.failures) == (1, [])
    assert file.exists()


def test_a_folder_to_which_a_file_is_added_after_the_plan_stays(store):
    old = a_file(store.settings.work / "checkpoints/mnist_ann-0.npz")
    planned = retention.plan(store, MONTH, keep=1)
    (old.parent / "mnist_ann-1.npz").touch()
    assert retention.apply(store, planned).removed == 0
    assert old.exists()


@pytest.mark.parametrize("name", FILES)
def test_a_file_stays_if_a_run_has_begun_since_the_plan(store, name):
    file = a_file(store.settings.home / name)
    planned = retention.plan(store, MONTH, keep=1)
    running = a_run(store, 0, status="RUNNING")
    outcome = retention.apply(store, planned)
    assert outcome.removed == 0
    assert file.exists()
    store.client.set_terminated(running)
    assert retention.apply(store, planned).removed == 1


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_since_the_plan_is_no_failure(store, name):
    file = a_file(store.settings.home / name)
    planned = retention.plan(store, MONTH, keep=1)
    file.unlink()
    if "work" in name:
        file.parent.rmdir()
    outcome = retention.apply(store, planned)
    assert (outcome.removed, outcome.failures) == (0, [])


def test_a_file_that_vanishes_while_the_plan_is_made_is_left_out(store):
    other = a_file(store.settings.data / "digits-1.npz")
    (other.parent / "digits-2.npz").symlink_to("vanished.npz")  # listed, but it cannot be read
    planned = retention.plan(store, MONTH, keep=1)
    assert [item.identity for item in planned.items] == [str(other)]
