"""What is kept of answered requests; one that cannot be kept costs no other."""

import json
import time

import pytest

from serving import metrics
from serving.feedback.store import Prediction
from serving.http import Request
from tests.support.small_service import NAME, Service, a_one

ONE = {"image": a_one().tolist()}


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


def answered(own: Service, *digits: tuple[int, float], query: bytes = b"") -> Request:
    """A request that was answered with these digits and their confidences."""
    request = Request("POST", "/predict", query, {}, {}, "an id")
    request.runner, request.images, request.inference_seconds = own.models.current, len(digits), 0.5
    request.answered = [(f"{i}", a_one(), digit, sure) for i, (digit, sure) in enumerate(digits)]
    return request


@pytest.fixture
def remembered(own: Service, monkeypatch) -> list[Prediction]:
    """The predictions that can be corrected."""
    found: list[Prediction] = []
    monkeypatch.setattr(own.records.feedback, "remember", found.append)
    return found


def test_an_answer_is_remembered_with_what_answered_and_a_live_drawing_is_not(own, remembered):
    own.records.add(answered(own, (7, 0.9), (1, 0.8)), "predict", 200, "", 0.1)
    own.records.add(answered(own, (3, 0.7), query=b"live=1"), "predict", 200, "", 0.1)
    own.records.flush()
    assert [(p.request_id, p.digit, p.confidence) for p in remembered] == [
        ("0", 7, 0.9),
        ("1", 1, 0.8),
    ]
    assert {(p.model, p.version) for p in remembered} == {(NAME, "3")}
    assert remembered[0].time == pytest.approx(time.time(), abs=60)


def test_a_request_without_images_is_no_inference(own, remembered, monkeypatch):
    monkeypatch.setattr(metrics, "inferred", None)  # is not called
    own.records.add(answered(own), "predict", 422, "", 0.1)
    own.records.add(Request("GET", "/", b"", {}, {}, "an id"), "page", 200, "", 0.1)
    own.records.flush()
    assert remembered == []


def test_what_a_model_answered_is_counted_together(own, remembered, monkeypatch):
    inferred, digits = [], []
    monkeypatch.setattr(metrics, "inferred", lambda *counted: inferred.append(counted))
    monkeypatch.setattr(metrics, "answered", lambda _, answers: digits.extend(answers))
    for answers in (((7, 0.9),), ((3, 0.7),), ((1, 0.8), (2, 0.6))):
        own.records.add(answered(own, *answers), "predict", 200, "", 0.1)
    own.records.flush()
    ((runner, requests, seconds, last),) = inferred
    assert (runner, requests, seconds) == (own.models.current, 3, 1.5)
    assert last == remembered[-1].time
    assert digits == [(7, 0.9), (3, 0.7)]  # those of several images were counted before


def test_they_are_kept_without_waiting_once_there_are_64(own: Service, monkeypatch):
    kept = []
    monkeypatch.setattr(own.log, "add", lambda *record: kept.append(record))
    for number in range(63):
        own.records.add(Request("GET", "/", b"", {}, {}, f"{number}"), "page", 200, "", 0.1)
    assert kept == []
    own.records.add(Request("GET", "/", b"", {}, {}, "63"), "page", 200, "", 0.1)
    assert [request.request_id for request, *_ in kept] == [f"{number}" for number in range(64)]
