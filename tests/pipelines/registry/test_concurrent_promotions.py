"""Promotions that are killed, and several at the same moment, leave one champion."""

import functools
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from pipelines.candidate import Candidate
from pipelines.errors import Locked, RegistryError
from pipelines.locks import exclusive_lock
from pipelines.registry import client
from pipelines.registry.client import Registry, Version
from tests.support.registry_bench import (
    BETTER_ONLY,
    NAME,
    Workbench,
)

KILLED = """
import os, signal, sys
from pathlib import Path
from pipelines.locks import exclusive_lock
from pipelines.registry import client
from pipelines.registry.client import Registry

uri, home, move = sys.argv[1:]
registry = Registry(uri, Path(home))
write, left = registry.client.set_registered_model_alias, 1

def write_or_die(*arguments):
    global left
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    left -= 1
    write(*arguments)

registry.client.set_registered_model_alias = write_or_die
if move == "promote":
    registry.promote(registry.version("offline-digits", "3"), "killed")
else:
    registry.rollback("offline-digits")
"""


def kill_at_the_second_write(bench: Workbench, move: str) -> None:
    command = [sys.executable, "-c", KILLED, bench.registry.uri, str(bench.registry.home), move]
    outcome = subprocess.run(command, timeout=100, env=os.environ | {"PYTHONPATH": os.getcwd()})
    assert outcome.returncode == -signal.SIGKILL


def test_a_promotion_killed_between_its_writes_leaves_the_champion_and_can_be_finished(three):
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")
    kill_at_the_second_write(three, "promote")
    assert three.aliases() == {"champion": 2, "previous": 2}
    with pytest.raises(RegistryError, match="champion: version 2, previous: version 2"):
        three.registry.rollback(NAME)
    three.registry.promote(three[3], "again")
    assert three.aliases() == {"champion": 3, "previous": 2}


def test_a_rollback_killed_between_its_writes_is_already_made(three):
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")
    kill_at_the_second_write(three, "rollback")
    assert three.aliases() == {"champion": 1, "previous": 1}


def test_of_two_equal_challengers_at_the_same_moment_only_one_is_promoted(three):
    three.registry.promote(three[3], "the first")
    decisions = []

    def judge(version: Version) -> None:
        own = Registry(three.registry.uri, three.registry.home)
        decisions.append(own.judge(version, BETTER_ONLY))

    threads = [threading.Thread(target=judge, args=(three[number],)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(decision.promote for decision in decisions) == [False, True]


def test_a_lock_that_is_never_freed_is_reported(three, monkeypatch):
    impatient = functools.partial(exclusive_lock, seconds=0.1)
    monkeypatch.setattr(client, "exclusive_lock", impatient)
    with (
        exclusive_lock(three.registry.home / "registry.lock"),
        pytest.raises(Locked, match="another process of this machine holds it"),
    ):
        three.registry.promote(three[1], "in vain")
    three.registry.promote(three[1], "now")
    assert three.aliases() == {"champion": 1}


def meanwhile(three, tmp_path, monkeypatch, numbers: Iterator[int]) -> None:
    """Have another machine promote these versions, one each time that version 1 is judged."""
    elsewhere = Registry(three.registry.uri, tmp_path / "another machine")
    read = three.registry.artifacts.candidate

    def while_they_promote(version: Version) -> Candidate:
        if version.number == "1" and (number := next(numbers, None)):
            elsewhere.promote(three[number], "theirs")
        return read(version)

    monkeypatch.setattr(three.registry.artifacts, "candidate", while_they_promote)


def test_a_champion_changed_from_another_machine_is_the_one_to_beat(three, tmp_path, monkeypatch):
    three.registry.promote(three[3], "the first")
    meanwhile(three, tmp_path, monkeypatch, iter([2]))
    assert not three.registry.judge(three[1], BETTER_ONLY).promote  # 3 it would have beaten
    assert three.aliases()["champion"] == 2
    assert three[1].decision == "refused"
    assert "p = 1" in three[1].reasons[-1]


def test_champions_that_change_without_end_are_said_and_nothing_is_decided(
    three, tmp_path, monkeypatch
):
    three.registry.promote(three[3], "the first")
    meanwhile(three, tmp_path, monkeypatch, itertools.cycle([2, 3]))
    with pytest.raises(RegistryError, match="got another champion each of the 3 times"):
        three.registry.judge(three[1], BETTER_ONLY)
    assert three[1].decision == "undecided"
    assert three.aliases()["champion"] in (2, 3)


RACE = """
import sys, time
from pathlib import Path
from pipelines.gate import Policy
from pipelines.locks import exclusive_lock
from pipelines.registry import client
from pipelines.registry.client import Registry

uri, home, number, start = sys.argv[1:]
registry = Registry(uri, Path(home))
version = registry.version("offline-digits", number)
time.sleep(max(0, float(start) - time.time()))
decision = registry.judge(version, Policy(max_relative_time=0))
print(decision.promote)
"""


@pytest.mark.slow
@pytest.mark.parametrize("machines", ["one machine", "two machines"])
def test_two_promotions_at_the_same_moment_leave_one_champion_and_two_decisions(
    three, tmp_path, machines
):
    three.registry.promote(three[3], "the first")
    start = time.time() + 20  # both have imported what they need
    racers = []
    for number in "12":
        home = three.registry.home if machines == "one machine" else tmp_path / f"machine {number}"
        command = [sys.executable, "-c", RACE, three.registry.uri, str(home), number, str(start)]
        racers.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
    promoted = [racer.communicate(timeout=200)[0].strip() for racer in racers]
    assert [racer.returncode for racer in racers] == [0, 0]
    decisions = sorted([three[1].decision, three[2].decision])
    assert three.aliases()["champion"] in (1, 2)
    champion = three[three.aliases()["champion"]]
    assert champion.decision == "promoted"
    if machines == "one machine":  # elsewhere both may have beaten the old one in one moment
        assert sorted(promoted) == ["False", "True"]
        assert decisions == ["promoted", "refused"]
        assert three.aliases()["previous"] == 3
    assert "undecided" not in decisions
    assert all(three[number].reasons for number in (1, 2))
