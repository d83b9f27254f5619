"""Every decision is on record, and nothing overwrites it."""

import json
from dataclasses import replace

import pytest

from pipelines.registry import history
from pipelines.registry.history import Event, as_tag, of_tags

EVENT = Event(
    time="2026-11-27T12:00:00.000001+00:00",
    version="3",
    action="promoted",
    by="gate",
    user="ada",
    reason="significantly better.",
    champion="2",
)


def test_an_event_is_read_as_it_was_written():
    key, value = as_tag(EVENT)
    assert of_tags({key: value}) == [EVENT]


def test_events_of_the_same_moment_do_not_overwrite_each_other():
    keys = {as_tag(EVENT)[0] for _ in range(100)}
    assert len(keys) == 100


def test_the_newest_event_is_first():
    times = [f"2026-11-{day}T08:00:00.000000+00:00" for day in ("09", "30", "10")]
    tags = dict(as_tag(Event(time, "1", "refused", "gate", "ada", "no")) for time in times)
    assert [event.time[8:10] for event in of_tags(tags)] == ["30", "10", "09"]


def test_times_sort_as_text():
    assert len(history.now()) == len(EVENT.time)
    assert history.now().endswith("+00:00")


def test_an_event_is_after_those_on_record_though_the_clock_was_set_back():
    ahead = replace(EVENT, time="2999-12-31T23:59:59.999999+00:00")
    assert history.now([ahead, EVENT]) == "3000-01-01T00:00:00.000000+00:00"
    assert history.now([EVENT, ahead]) < "2999"  # the newest one is the first


@pytest.mark.parametrize("time", ["", "yesterday", "9999-12-31T23:59:59.999999+00:00"])
def test_a_time_that_nothing_can_follow_is_passed_over(time):
    assert history.now([replace(EVENT, time=time)]) < "2999"


def test_a_long_reason_is_cut_so_that_the_tag_stays_whole():
    key, value = as_tag(Event(history.now(), "1", "promoted", "hand", "ada", "ü" * 9000))
    assert len(value) < 5000
    (event,) = of_tags({key: value})
    assert event.reason == "ü" * 1000


@pytest.mark.parametrize("value", ["", "no JSON", "[]", "3", "null", '{"time": "now"}'])
def test_what_another_tool_wrote_is_left_out(value):
    assert of_tags({"history.1": value, "team": "vision"}) == []


def test_a_field_of_a_later_version_is_ignored():
    key, value = as_tag(EVENT)
    assert of_tags({key: json.dumps(json.loads(value) | {"ticket": 7})}) == [EVENT]


@pytest.mark.parametrize(
    ("by", "whose"),
    [("gate", " by the gate"), ("hand", " by ada"), ("run", ""), ("elsewhere", "")],
)
def test_who_decided_follows_the_action(by, whose):
    assert replace(EVENT, by=by).whose == whose


def test_the_key_begins_with_the_time_so_that_keys_sort_by_it():
    key, _ = as_tag(EVENT)
    assert key.startswith("history.20261127T120000.0000010000-")


def test_the_champion_on_record_is_that_of_the_newest_move():
    def events(*found: tuple[str, str]) -> list[Event]:
        return [
            Event(history.now(), version, action, "hand", "ada", "") for action, version in found
        ]

    assert (
        history.champion_after(events(("drifted", "1"), ("refused", "2"), ("promoted", "1"))) == "1"
    )
    assert history.champion_after(events(("rolled back", "1"), ("promoted", "2"))) == "1"
    assert history.champion_after(events((history.MOVED, "3"), ("promoted", "2"))) == "3"
    assert history.champion_after(events((history.REMOVED, "3"), ("promoted", "3"))) is None
    assert history.champion_after([]) is None
