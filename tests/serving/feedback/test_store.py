"""Predictions and corrections: what is kept, once, with the version that answered."""

import hashlib
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sql

from serving import metrics
from serving.errors import Busy, Conflict
from serving.feedback import store as store
from tests.support.small_service import NAME, Service, a_one, put_copy
from tests.support.waiting import wait_for

ONE = a_one().tolist()


@pytest.fixture
def own(tmp_path):
    put_copy(tmp_path, "3", seed=1)
    service = Service(tmp_path)
    yield service
    service.close()


def rows(home: Path, table: str) -> list[sqlite3.Row]:
    with closing(sqlite3.connect(home / "feedback.db")) as database:
        database.row_factory = sqlite3.Row
        if not database.execute("SELECT 1 FROM sqlite_master WHERE name = ?", [table]).fetchall():
            return []  # nothing was written yet
        return database.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


def say(service: Service, **fields) -> tuple[int, str]:
    answer = service.post("/feedback", json=fields)
    content = answer.json()
    return answer.status_code, content.get("feedback") or content["error"]


def test_a_correction_by_request_id_keeps_image_digit_and_version(own: Service, tmp_path):
    answer = own.post("/predict", json={"image": ONE}).json()
    assert say(own, request_id=answer["request_id"], digit=7) == (201, "stored")
    (row,) = rows(tmp_path, "corrections")
    assert (row["model"], row["version"]) == (NAME, "3")
    assert (row["predicted"], row["digit"]) == (answer["digit"], 7)
    kept = np.frombuffer(row["image"], np.uint8).reshape(28, 28)
    np.testing.assert_array_equal(kept, 255 * a_one())


def test_every_protocols_answers_can_be_corrected(own: Service):
    answer = own.post("/invocations", json={"instances": [ONE]})
    assert say(own, request_id=answer.headers["x-request-id"], digit=7) == (201, "stored")


def test_a_correction_with_the_image_needs_no_request_id(own: Service, tmp_path):
    known = {"predicted": 2, "model": NAME, "version": "3"}
    assert say(own, image=ONE, digit=1, **known) == (201, "stored")
    (row,) = rows(tmp_path, "corrections")
    assert (row["predicted"], row["model"], row["version"]) == (2, NAME, "3")


def test_the_same_correction_is_kept_once(own: Service, tmp_path):
    answer = own.post("/predict", json={"image": ONE}).json()
    assert say(own, request_id=answer["request_id"], digit=7) == (201, "stored")
    assert say(own, request_id=answer["request_id"], digit=7) == (200, "known")
    assert say(own, image=ONE, digit=7) == (200, "known")
    assert len(rows(tmp_path, "corrections")) == 1


def test_who_corrects_a_prediction_again_replaces_the_first(own: Service, tmp_path):
    answer = own.post("/predict", json={"image": ONE}).json()
    say(own, request_id=answer["request_id"], digit=7)
    assert say(own, request_id=answer["request_id"], digit=1) == (200, "changed")
    assert [row["digit"] for row in rows(tmp_path, "corrections")] == [1]


def test_contradictory_corrections_of_one_image_are_both_kept(own: Service, tmp_path):
    say(own, image=ONE, digit=1)
    assert say(own, image=ONE, digit=7) == (201, "stored")
    assert len(rows(tmp_path, "corrections")) == 2


def test_an_unknown_request_id_says_what_to_send(own: Service):
    status, reason = say(own, request_id="never", digit=7)
    assert (status, 'send its 28×28 as "image"' in reason) == (404, True)


def test_an_unknown_request_id_with_its_image_is_taken(own: Service):
    assert say(own, request_id="forgotten", image=ONE, digit=7) == (201, "stored")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"request_id": "x", "digit": 10},
        {"image": [1, 2], "digit": 7},
        {"image": [ONE, ONE], "digit": 7},
        {"image": ONE, "digit": 7, "predicted": 11},
        {"image": ONE, "digit": 7, "version": 3},
    ],
)
def test_what_is_no_correction_is_refused(own: Service, fields, tmp_path):
    assert say(own, **fields)[0] == 422
    assert not rows(tmp_path, "corrections")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"{}", "text/plain", 415),  # what a form on another site could send
    ],
)
def test_what_is_no_object_is_refused(own: Service, content, kind, status):
    headers = {"content-type": kind}
    assert own.post("/feedback", content=content, headers=headers).status_code == status


@pytest.mark.parametrize("more", [{}, {"model": NAME}], ids=["default model", "named model"])
@pytest.mark.parametrize("version", ["99", "latest", "03"])
def test_a_version_that_is_not_there_is_refused_with_those_that_are(
    own: Service, tmp_path, more, version
):
    reason = f"{NAME} has no version '{version}'; it has versions 3 and labels champion."
    assert say(own, image=ONE, digit=7, version=version, **more) == (404, reason)
    assert not rows(tmp_path, "corrections")


def test_a_version_that_is_not_the_champion_may_be_named(own: Service):
    put_copy(own.models._settings.home, "2", seed=2, last=False)
    assert say(own, image=ONE, digit=7, version="2", model=NAME) == (201, "stored")


def test_predictions_are_written_in_the_background(own: Service, tmp_path):
    answer = own.post("/predict", json={"image": ONE}).json()
    own.records.flush()
    wait_for(lambda: rows(tmp_path, "predictions"))
    (row,) = rows(tmp_path, "predictions")
    assert (row["request_id"], row["digit"]) == (answer["request_id"], answer["digit"])
    assert (row["model"], row["version"], len(row["image"])) == (NAME, "3", 784)


def test_a_drawing_that_is_not_finished_is_no_training_data(own: Service, tmp_path):
    own.post("/predict?live=1", json={"image": ONE})
    finished = own.post("/predict", json={"image": ONE}).json()
    own.records.close()
    (row,) = rows(tmp_path, "predictions")
    assert row["request_id"] == finished["request_id"]


def test_another_process_can_correct_what_is_written(own: Service, tmp_path):
    answer = own.post("/predict", json={"image": ONE}).json()
    own.records.flush()
    wait_for(lambda: rows(tmp_path, "predictions"))
    other = Service(tmp_path)
    assert say(other, request_id=answer["request_id"], digit=7) == (201, "stored")
    other.close()


def test_of_a_programs_flood_a_sample_is_written(own: Service, tmp_path):
    answers = [own.post("/predict", json={"image": ONE}).json() for _ in range(100)]
    own.records.close()
    assert store.SAMPLE_PER_SECOND <= len(rows(tmp_path, "predictions")) < 100
    assert say(own, request_id=answers[-1]["request_id"], digit=7) == (201, "stored")


def test_what_is_remembered_is_bounded(own: Service, monkeypatch):
    monkeypatch.setattr(store, "REMEMBERED", 5)
    for _ in range(20):
        own.post("/predict", json={"image": ONE})
    own.records.flush()
    assert len(own.feedback._recent) == 5


def test_the_oldest_predictions_go(own: Service, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "STORED", 3)
    for _ in range(10):
        own.post("/predict", json={"image": ONE})
    own.records.close()
    assert len(rows(tmp_path, "predictions")) == 3


def test_a_store_that_cannot_be_written_costs_corrections_not_answers(tmp_path):
    put_copy(tmp_path, "3", seed=1)
    service = Service(tmp_path, ANN_FEEDBACK_URL="sqlite:////nowhere/feedback.db")
    answer = service.post("/predict", json={"image": ONE})
    assert answer.status_code == 200
    status, reason = say(service, request_id=answer.json()["request_id"], digit=7)
    assert (status, "cannot be stored now" in reason) == (503, True)
    service.feedback.close()
    assert service.post("/predict", json={"image": ONE}).status_code == 200
    service.close()


# One correction, one picture

OTHER = a_one().T.tolist()


def pixels(image: list) -> bytes:
    return (np.array(image) * 255).astype(np.uint8).tobytes()


def corrected(home: Path) -> list[tuple[bytes, int]]:
    return [(row["image"], row["digit"]) for row in rows(home, "corrections")]


def test_each_image_of_a_request_has_an_id_of_its_own(own: Service, tmp_path):
    answers = own.post("/predict", json={"images": [ONE, OTHER]}).json()["predictions"]
    ids = [answer["request_id"] for answer in answers]
    assert len(set(ids)) == 2
    assert [say(own, request_id=ids[n], digit=n)[0] for n in (0, 1)] == [201, 201]
    assert corrected(tmp_path) == [(pixels(ONE), 0), (pixels(OTHER), 1)]
    assert rows(tmp_path, "corrections")[1]["predicted"] == answers[1]["digit"]


@pytest.mark.parametrize("headers", [{}, {"X-Request-Id": "job"}], ids=["service", "sender"])
def test_the_id_of_several_images_is_409_of_a_sender_and_of_the_service(own: Service, headers):
    images = [ONE, a_one().T.tolist()]
    answer = own.post("/predict", json={"images": images}, headers=headers)
    for forget in (False, True):
        if forget:
            wait_for(lambda: own.feedback.stored(answer.headers["x-request-id"]))
            own.feedback._recent.clear()
        status, said = say(own, request_id=answer.headers["x-request-id"], digit=7)
        assert (status, "is the id of 2 images" in said) == (409, True)


def test_a_correction_of_a_model_that_does_not_exist_is_404(own: Service, tmp_path):
    status, said = say(own, image=ONE, digit=7, model="nonsense")
    assert (status, "no model 'nonsense'; this service has mnist-digits" in said) == (404, True)
    assert rows(tmp_path, "corrections") == []


def test_two_pictures_under_one_id_of_the_sender_keep_a_correction_each(own: Service, tmp_path):
    headers = {"x-request-id": "trace-1"}
    answers = [own.post("/predict", json={"image": i}, headers=headers) for i in (ONE, OTHER)]
    assert {answer.headers["x-request-id"] for answer in answers} == {"trace-1"}
    ids = [answer.json()["request_id"] for answer in answers]
    assert len(set(ids)) == 2
    assert [say(own, request_id=ids[n], digit=n)[0] for n in (0, 1)] == [201, 201]
    assert corrected(tmp_path) == [(pixels(ONE), 0), (pixels(OTHER), 1)]


def test_the_senders_own_id_is_enough_while_it_means_one_picture(own: Service, tmp_path):
    headers = {"x-request-id": "trace-1"}
    own.post("/predict", json={"image": ONE}, headers=headers)
    assert say(own, request_id="trace-1", digit=7) == (201, "stored")
    own.post("/predict", json={"image": OTHER}, headers=headers)
    status, reason = say(own, request_id="trace-1", digit=1)
    assert (status, "the id of 2 images" in reason) == (409, True)
    assert say(own, request_id="trace-1", image=OTHER, digit=1) == (201, "stored")
    assert corrected(tmp_path) == [(pixels(ONE), 7), (pixels(OTHER), 1)]


@pytest.mark.parametrize("count", [1, 2])
def test_an_id_and_a_picture_that_contradict_each_other_are_refused(own: Service, tmp_path, count):
    images = [ONE, OTHER][:count]
    headers = {"x-request-id": "trace-1"}
    for image in images:
        own.post("/predict", json={"image": image}, headers=headers)
    status, reason = say(own, request_id="trace-1", image=np.eye(28).tolist(), digit=3)
    assert (status, "another image" in reason) == (409, True)
    assert not rows(tmp_path, "corrections")


def test_an_id_with_its_own_picture_keeps_what_was_answered(own: Service, tmp_path):
    answer = own.post("/predict", json={"image": ONE}).json()
    assert say(own, request_id=answer["request_id"], image=ONE, digit=7) == (201, "stored")
    (row,) = rows(tmp_path, "corrections")
    assert (row["request_id"], row["predicted"]) == (answer["request_id"], answer["digit"])


def test_a_correction_that_is_withdrawn_goes_where_the_new_one_is_known(own: Service, tmp_path):
    ids = [own.post("/predict", json={"image": ONE}).json()["request_id"] for _ in range(2)]
    assert say(own, request_id=ids[0], digit=7) == (201, "stored")
    assert say(own, request_id=ids[1], digit=1) == (201, "stored")
    assert say(own, request_id=ids[1], digit=7) == (200, "changed")
    assert say(own, request_id=ids[1], digit=7) == (200, "known")
    assert corrected(tmp_path) == [(pixels(ONE), 7)]


def test_the_senders_own_id_finds_what_is_written(own: Service, tmp_path):
    headers = {"x-request-id": "trace-1"}
    own.post("/predict", json={"image": ONE}, headers=headers)
    own.records.flush()
    wait_for(lambda: rows(tmp_path, "predictions"))
    own.feedback._recent.clear()
    assert say(own, request_id="trace", digit=7)[0] == 404
    assert say(own, request_id="trace-1", digit=7) == (201, "stored")


def test_one_id_with_two_images_that_were_sent_corrects_both(own: Service, tmp_path):
    assert say(own, request_id="mine", image=ONE, digit=7) == (201, "stored")
    assert say(own, request_id="mine", image=OTHER, digit=1) == (201, "stored")
    assert corrected(tmp_path) == [(pixels(ONE), 7), (pixels(OTHER), 1)]


def test_what_another_worker_answered_can_be_corrected_at_once(own: Service, tmp_path):
    answered = store.Prediction("theirs", 1.0, NAME, "2", 4, 0.9, a_one())
    fields = answered.to_fields()
    assert len(str(fields)) < 2000
    own.others.answers = [store.Prediction.from_fields(fields)]
    assert say(own, request_id="theirs", digit=7) == (201, "stored")
    (row,) = rows(tmp_path, "corrections")
    assert (row["image"], row["version"], row["predicted"]) == (pixels(ONE), "2", 4)


def test_a_store_that_is_replaced_by_another_file_is_written_to(own: Service, tmp_path):
    assert say(own, image=ONE, digit=7) == (201, "stored")
    for path in tmp_path.glob("feedback.db*"):
        path.unlink()
    assert say(own, image=OTHER, digit=1) == (201, "stored")
    assert corrected(tmp_path) == [(pixels(OTHER), 1)]


def test_while_the_store_hangs_what_waits_to_be_written_is_bounded(own: Service, monkeypatch):
    monkeypatch.setattr(store, "PENDING", 5)
    monkeypatch.setattr(own.feedback, "_allowance", 1e9)
    with own.feedback._opening:  # as if opening it never ended
        own.feedback._opened = None
        for _ in range(20):
            own.post("/predict", json={"image": ONE})
        own.records.flush()
        assert len(own.feedback._pending) <= 5


# The store itself


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
    with pytest.raises(Busy, match=r"^The correction cannot be stored now: .*unable to open"):
        feedback.stored("x")
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
