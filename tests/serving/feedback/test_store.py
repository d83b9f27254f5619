"""The store of predictions and corrections itself: what it keeps, finds, loses and forgets."""

import hashlib
import time
from collections.abc import Iterator

import numpy as np
import pytest
import sqlalchemy as sql

from serving import metrics
from serving.errors import Busy, Conflict
from serving.feedback import store as store
from tests.support.corrections import ONE, pixels, rows
from tests.support.small_service import NAME, a_one
from tests.support.waiting import wait_for


@pytest.fixture
def feedback(tmp_path) -> Iterator[store.Feedback]:
    feedback = store.Feedback(f"sqlite:///{tmp_path / 'feedback.db'}")
    yield feedback
    feedback.close()


def a_prediction(request_id: str = "x", image: np.ndarray | None = None) -> store.Prediction:
    return store.Prediction(
        request_id, 1.5, NAME, "3", 1, 0.75, a_one() if image is None else image
    )


def test_a_prediction_comes_back_as_it_was_stored(feedback):
    sent = a_prediction()
    feedback.remember(sent)
    feedback.close()
    (kept,) = feedback.stored("x")
    assert kept == sent._replace(image=pixels(ONE))
    assert store.Prediction.from_fields(sent.to_fields()) == kept


def test_after_a_while_without_predictions_the_next_are_still_written(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FLUSH_SECONDS", 0.001)
    feedback = store.Feedback(f"sqlite:///{tmp_path / 'feedback.db'}")
    counted = feedback._counted
    wait_for(lambda: feedback._counted > counted)  # once around with nothing to write
    feedback.remember(a_prediction())
    wait_for(lambda: rows(tmp_path, "predictions"))
    feedback.close()


def test_what_a_program_may_send_is_earned_back_by_the_second(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FLUSH_SECONDS", 3600)
    feedback = store.Feedback(f"sqlite:///{tmp_path / 'feedback.db'}")
    feedback._allowance = 0.0
    feedback._counted = time.monotonic() - 0.5
    feedback.close()
    assert store.SAMPLE_PER_SECOND / 2 <= feedback._allowance < store.SAMPLE_PER_SECOND


def test_no_more_is_saved_up_than_a_seconds_sample(tmp_path):
    feedback = store.Feedback(f"sqlite:///{tmp_path / 'feedback.db'}")
    feedback._counted -= 3600
    feedback.close()
    assert feedback._allowance == store.SAMPLE_PER_SECOND


def test_of_the_allowance_each_prediction_takes_one(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FLUSH_SECONDS", 3600)
    feedback = store.Feedback(f"sqlite:///{tmp_path / 'feedback.db'}")
    for number in range(store.SAMPLE_PER_SECOND + 5):
        feedback.remember(a_prediction(f"x{number}"))
    assert [one.request_id for one in feedback._pending] == [f"x{n}" for n in range(20)]
    assert feedback.recent("x24")
    feedback.close()


def test_sqlite_keeps_no_file_open_and_writes_ahead(feedback):
    engine = feedback._engine()
    assert isinstance(engine.pool, sql.NullPool)
    with engine.begin() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 10_000
    assert feedback._engine() is engine


def test_another_database_keeps_its_connections_and_asks_whether_they_are_alive(monkeypatch):
    made = []
    monkeypatch.setattr(store.sql, "create_engine", lambda *a, **more: made.append(more))
    monkeypatch.setattr(store, "_create", lambda engine: None)
    feedback = store.Feedback("postgresql+psycopg://host/name")
    feedback._engine()
    feedback.close()
    assert made == [{"pool_pre_ping": True}]


def test_of_answers_with_one_image_the_first_is_meant():
    answers = [a_prediction("x-00000001"), a_prediction("x-00000002")]
    assert store.the_one(answers, None, "x") is answers[0]
    assert store.the_one([], a_one(), "x") is None


def test_of_answers_with_several_images_the_first_of_the_one_that_was_sent_is_meant():
    other = a_one().T
    answers = [a_prediction("1", other), a_prediction("2"), a_prediction("3")]
    assert store.the_one(answers, a_one(), "x") is answers[1]
    with pytest.raises(Conflict, match=r"'x' is the id of 2 images; name the request_id"):
        store.the_one(answers, None, "x")
    with pytest.raises(Conflict, match="is the id of another image"):
        store.the_one(answers, np.zeros((28, 28), np.float32), "x")


@pytest.mark.parametrize(
    ("answer_id", "is_of"),
    [
        ("trace", True),
        ("trace-0123abcd", True),
        ("trace-0123abcd.7", True),
        ("trace.7", True),
        ("trace.7-0123abcd", False),
        ("trace.", False),
        ("trace-0123abcd.", False),
        ("trace-0123abc", False),
        ("trace-0123abcde", False),
        ("trace-0123ABCD", False),
        ("trace-1", False),
        ("tracer", False),
        ("trac", False),
        ("-0123abcd", False),
    ],
)
def test_an_id_is_of_its_sender_or_one_that_was_made_of_it(answer_id, is_of):
    assert store._is_of("trace", answer_id) is is_of


def test_of_many_answers_of_one_id_the_newest_are_found(feedback):
    feedback._allowance = 100.0
    ids = [f"x-{number:08x}" for number in range(12)]
    for request_id in ["other", *ids, "y"]:
        feedback.remember(a_prediction(request_id))
    assert [one.request_id for one in feedback.recent("x")] == ids[-8:]
    assert [one.request_id for one in feedback.recent(ids[2])] == [ids[2]]
    feedback.close()
    assert [one.request_id for one in feedback.stored("x")] == ids[:-9:-1]
    assert [one.request_id for one in feedback.stored(ids[2])] == [ids[2]]
    assert feedback.stored("z") == []


def test_however_many_ids_begin_with_a_batchs_its_answers_are_found(feedback):
    feedback._allowance = 100.0
    others = [f"job.{number}-0000000c" for number in range(20)]
    for request_id in ["job.0", "job.1", *others, "jobs.1"]:
        feedback.remember(a_prediction(request_id))
    feedback.close()
    assert [one.request_id for one in feedback.stored("job")] == ["job.1", "job.0"]


@pytest.mark.parametrize("own", ["job", "job_%/1"])
def test_however_many_ids_begin_with_the_senders_own_its_answers_are_found(feedback, own):
    feedback._allowance = 100.0
    made = [f"{own}-0000000a", f"{own}-0000000b.1"]
    others = [f"{own}-{number}-0000000c" for number in range(20)]
    for request_id in [*made, *others, "job-a%b-0000000d"]:
        feedback.remember(a_prediction(request_id))
    feedback.close()
    assert [one.request_id for one in feedback.stored(own)] == made[::-1]


def test_a_store_that_comes_back_is_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FLUSH_SECONDS", 0.001)
    folder = tmp_path / "later"
    feedback = store.Feedback(f"sqlite:///{folder / 'feedback.db'}")
    lost = metrics.lost.labels("prediction")._value
    before = lost.get()
    feedback.remember(a_prediction("lost"))
    wait_for(lambda: lost.get() == before + 1)
    with pytest.raises(Busy, match=r"^The answer cannot be looked up now: .*unable to open"):
        feedback.stored("x")
    with pytest.raises(Busy, match=r"^The correction cannot be stored now: .*unable to open"):
        feedback.correct({"digit": 1}, a_prediction("lost"))
    folder.mkdir()
    feedback.remember(a_prediction("kept"))
    wait_for(lambda: rows(folder, "predictions"))
    assert [row["request_id"] for row in rows(folder, "predictions")] == ["kept"]
    feedback.close()


def test_a_prediction_that_finds_no_room_is_counted_as_lost(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "FLUSH_SECONDS", 3600)
    monkeypatch.setattr(store, "PENDING", 2)
    feedback = store.Feedback(f"sqlite:///{tmp_path / 'feedback.db'}")
    before = metrics.lost.labels("prediction")._value.get()
    for number in range(3):
        feedback.remember(a_prediction(f"x{number}"))
    assert len(feedback._pending) == 2
    assert metrics.lost.labels("prediction")._value.get() == before + 1
    feedback.close()


def test_a_correction_of_an_answer_has_its_own_fields_and_not_those_that_were_sent(
    feedback, tmp_path
):
    sent = {"request_id": "mine", "digit": 7, "model": "another", "version": "9", "predicted": 4}
    assert feedback.correct(sent | {"image": a_one().T}, a_prediction("x-00000001")) == "stored"
    (row,) = rows(tmp_path, "corrections")
    assert (row["request_id"], row["model"], row["version"]) == ("x-00000001", NAME, "3")
    assert (row["predicted"], row["digit"], row["image"]) == (1, 7, pixels(ONE))
    assert row["image_sha256"] == hashlib.sha256(row["image"]).hexdigest()
    assert abs(row["time"] - time.time()) < 3600
