"""What is kept of answered requests; one that cannot be kept costs no other."""

import json

import pytest

from serving import metrics
from serving.http import Request
from tests.support.small_service import Service, a_one, put_copy

ONE = {"image": a_one().tolist()}


@pytest.fixture
def own(tmp_path):
    put_copy(tmp_path, "3", seed=1)
    service = Service(tmp_path)
    yield service
    service.close()


def test_a_record_that_cannot_be_kept_costs_no_other(own: Service, capfd):
    before = metrics.lost.labels("record")._value.get()
    own.records.add(Request("GET", "/\ud800", b"", {}, {}, "bad"), "page", 200, "", 0.1)
    own.post("/predict", json=ONE, headers={"x-request-id": "good"})
    own.app.tick()
    assert metrics.lost.labels("record")._value.get() == before + 1
    assert "Traceback" in capfd.readouterr().err
    own.records.close()
    assert [json.loads(line)["request_id"] for line in own.lines.getvalue().splitlines()] == [
        "good"
    ]


def test_each_digit_of_a_request_is_counted_once(own: Service):
    def total() -> float:
        lines = own.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("ann_digits_total"))

    for path, body, count in (
        ("/predict", ONE, 1),
        ("/predict", {"images": [ONE["image"]] * 3}, 3),
        ("/invocations", {"instances": [ONE["image"]] * 2}, 2),
    ):
        before = total()
        own.post(path, json=body)
        assert total() - before == count, path


def test_they_are_kept_without_waiting_once_there_are_64(own: Service, monkeypatch):
    kept = []
    monkeypatch.setattr(own.log, "add", lambda *record: kept.append(record))
    for number in range(63):
        own.records.add(Request("GET", "/", b"", {}, {}, f"{number}"), "page", 200, "", 0.1)
    assert kept == []
    own.records.add(Request("GET", "/", b"", {}, {}, "63"), "page", 200, "", 0.1)
    assert [request.request_id for request, *_ in kept] == [f"{number}" for number in range(64)]
