"""Random requests: the same again from a seed, of every kind, some of them damaged."""

from __future__ import annotations

import json
import random
import re
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import random_requests as requests
from benchmarks.random_requests import BODIES, METHODS, PATHS, random_request

MANY = [random_request(random.Random(seed)) for seed in range(2000)]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda part: (
        st.lists(part, max_size=4) | st.dictionaries(st.text(max_size=3), part, max_size=4)
    ),
    max_leaves=8,
)


def test_a_seed_decides_the_request():
    assert MANY[:50] == [random_request(random.Random(seed)) for seed in range(50)]
    assert len(set(MANY)) > 1950


@pytest.mark.parametrize("path", PATHS)
def test_every_path_is_asked_for(path):
    assert any(b" " + path + b" " in request for request in MANY)


@pytest.mark.parametrize("method", sorted(set(METHODS)))
def test_every_method_is_used(method):
    assert any(request.startswith(method + b" /") for request in MANY)


@pytest.mark.parametrize("body", range(len(BODIES)))
def test_every_body_is_sent_whole(body):
    assert any(request.endswith(b"\r\n\r\n" + BODIES[body]) for request in MANY)


def whole(request):
    """Lines of the head and body of a request that says its body's length; None of another."""
    head, _, body = request.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    start = [b"Host: digits", b"Content-Length: %d" % len(body)]
    return (lines, body) if [*lines[1:2], *lines[3:4]] == start else None


WHOLE = [found for found in map(whole, MANY) if found]


def test_many_requests_say_their_length_and_many_do_not():
    assert 0.4 < len(WHOLE) / len(MANY) < 0.8


def test_some_bodies_come_in_one_chunk_and_an_end():
    chunked = [request for request in MANY if b"\r\nTransfer-Encoding: chunked\r\n" in request]
    chunks = [re.search(rb"\r\n\r\n([0-9a-f]+)\r\n(.*)\r\n0\r\n\r\n\Z", r, re.S) for r in chunked]
    right = [len(chunk[2]) == int(chunk[1], 16) for chunk in chunks if chunk]
    assert 0.05 < len(right) / len(MANY) < 0.15
    assert sum(right) / len(right) > 0.9


def test_headers_are_none_a_few_or_very_many():
    counts = Counter(len(lines) - 4 for lines, _ in WHOLE)
    assert {count for count, _ in counts.most_common(5)} == {0, 1, 2, 5, 120}


def test_json_bodies_are_sent_with_other_values_and_stay_json():
    def is_json(body):
        try:
            return json.loads(body) is not None
        except ValueError:
            return False

    changed = [body for _, body in WHOLE if body[:1] in (b"{", b"[") and body not in BODIES]
    assert sum(map(is_json, changed)) > 50


@settings(max_examples=40)
@given(JSON, st.integers(0, 1000))
def test_other_values_of_json_are_json(value, seed):
    json.dumps(requests._other_values(random.Random(seed), value))


@given(st.dictionaries(st.text(max_size=3), st.integers(), min_size=1), st.integers(0, 1000))
def test_an_object_keeps_its_names_or_becomes_another_value(value, seed):
    found = requests._other_values(random.Random(seed), value)
    assert found in requests.PARTS or list(found) == list(value) or found != found


@given(st.binary(max_size=200), st.integers(0, 1000))
def test_damage_is_no_more_than_six_changes(content, seed):
    damaged = requests._damaged(random.Random(seed), content)
    assert len(content) - 6 * 20 <= len(damaged) <= len(content) + 6 * 50


def test_damage_changes_takes_out_puts_in_and_doubles():
    content = bytes(range(100))
    sizes = {len(requests._damaged(random.Random(seed), content)) - 100 for seed in range(300)}
    assert min(sizes) < 0 < max(sizes)
    assert 0 in sizes
    changed = sum(requests._damaged(random.Random(seed), content) != content for seed in range(300))
    assert changed > 290
