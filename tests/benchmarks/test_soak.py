"""What a soak notices: losses, moves that were not followed, and growth."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import psutil
import pytest

from benchmarks import soak as measured
from benchmarks.soak import Soak


class Left:
    """`ann up` that ended; perhaps some of its processes are left."""

    def __init__(self, home, *left):
        self.home = home
        self.killed = []
        self._left = left

    def services(self):
        return list(self._left)

    def kill(self, victim):
        self.killed.append(victim)


class Process:
    def __init__(self, *command):
        self.command, self.killed = list(command), False

    def cmdline(self):
        return self.command

    def kill(self):
        self.killed = True

    def memory_full_info(self):
        if self.killed:
            raise psutil.NoSuchProcess(1)
        return type("Memory", (), {"pss": 3_000_000})

    def num_fds(self):
        return 7


@pytest.fixture
def home(tmp_path):
    """A state folder with two corrections, and runs of three states."""
    (tmp_path / "prefect").mkdir()
    with closing(sqlite3.connect(tmp_path / "feedback.db")) as store, store:
        store.execute("CREATE TABLE corrections (id)")
        store.executemany("INSERT INTO corrections VALUES (?)", [(1,), (2,)])
    with closing(sqlite3.connect(tmp_path / "prefect" / "prefect.db")) as store, store:
        store.execute("CREATE TABLE flow_run (state_type)")
        states = ["COMPLETED", "COMPLETED", "FAILED", "SCHEDULED"]
        store.executemany("INSERT INTO flow_run VALUES (?)", [(state,) for state in states])
    return tmp_path


def a_soak(**seen):
    calm = {"memory_mb": [100.0] * 12, "files": [50] * 12, "processes": [9] * 12}
    return Soak(20, **(calm | {"corrections": [2, 0], "moves": [3, 3]} | seen))


def failures(home, soak, *left):
    measured._judge(Left(home, *left), soak)
    return soak.failures


def test_a_soak_without_losses_and_growth_passes(home):
    soak = a_soak()
    assert failures(home, soak) == []
    assert soak.corrections == [2, 2]
    assert soak.runs == {"COMPLETED": 2, "FAILED": 1}


def test_lost_requests_are_counted_and_five_of_them_told(home):
    (failure,) = failures(home, a_soak(lost=[f"/predict: {i}" for i in range(7)]))
    assert failure.startswith("7 requests were lost")
    assert "/predict: 4" in failure and "/predict: 5" not in failure


@pytest.mark.parametrize(("accepted", "lost"), [(1, False), (2, False), (3, True)])
def test_accepted_corrections_must_be_found_at_the_end(home, accepted, lost):
    found = failures(home, a_soak(corrections=[accepted, 0]))
    assert found == ([f"corrections were lost: [{accepted}, 2]"] if lost else [])


def test_a_move_that_was_not_followed_is_a_failure(home):
    assert failures(home, a_soak(moves=[4, 3])) == ["the service did not follow every move: [4, 3]"]


def test_processes_that_are_left_are_named(home):
    (failure,) = failures(home, a_soak(), Process("python", "serve"))
    assert failure == "1 processes are left: [['python', 'serve']]"


@pytest.mark.parametrize(
    ("values", "failure"),
    [
        ([100.0] * 9 + [105.0] * 3, None),
        ([100.0] * 9 + [106.0] * 3, "memory grew from 100 to 106"),
        ([10.0, 20.0, 50.0] + [100.0] * 9, None),  # the first quarter is not compared
        ([100.0] * 11 + [400.0], None),  # a single peak is no growth
        ([100.0] * 6 + [90.0] * 6, None),
        ([100.0], None),
    ],
)
def test_growth_is_from_the_second_to_the_last_quarter(home, values, failure):
    assert failures(home, a_soak(memory_mb=values)) == ([failure] if failure else [])


def test_files_and_processes_may_not_grow_either(home):
    growing = [10] * 9 + [12] * 3
    assert failures(home, a_soak(files=growing, processes=growing)) == [
        "open files grew from 10 to 12",
        "processes grew from 10 to 12",
    ]


def test_the_services_are_measured_together_without_those_that_ended():
    soak, ended = Soak(1), Process()
    ended.kill()
    measured._measure(Left(None, Process(), ended, Process()), soak)
    assert (soak.memory_mb, soak.files, soak.processes) == ([6.0], [14], [2])


def test_each_part_dies_in_its_turn_and_the_registry_process_last():
    registry, other = Process("python", "serving.process.registry"), Process("python", "serve")
    machine, soak = Left(None, other, registry), Soak(1)
    for number in range(5):
        assert not registry.killed or number > 3
        measured._fault(machine, soak, number)
    assert machine.killed == ["MLflow", "Prefect", "schedules", "MLflow"]
    assert soak.faults == ["MLflow", "Prefect", "schedules", "registry process", "MLflow"]
    assert (registry.killed, other.killed) == (True, False)


def test_no_two_soaks_share_what_was_seen():
    one, other = Soak(1), Soak(1)
    one.corrections[0] += 1
    one.lost.append("/predict")
    assert (other.corrections, other.moves, other.lost) == ([0, 0], [0, 0], [])


def test_a_soak_has_a_folder_and_free_ports_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere")
    monkeypatch.setenv("ANN_API_KEY", "secret")
    machine = measured.Machine(tmp_path)
    assert len({machine.mlflow, machine.prefect, machine.digits}) == 3
    assert machine.environ["ANN_HOME"] == str(tmp_path)
    assert machine.environ["ANN_OFFLINE"] == machine.environ["ANN_SHADOW"] == "1"
    assert not {"MLFLOW_TRACKING_URI", "ANN_API_KEY"} & machine.environ.keys()
    assert "PATH" in machine.environ
