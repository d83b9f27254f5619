"""Predictions that the service keeps: in the background, a sample, and within bounds."""

from serving.feedback import store as store
from tests.support.corrections import ONE, rows, say
from tests.support.small_service import NAME, Service, put_copy
from tests.support.waiting import wait_for


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


def test_while_the_store_hangs_what_waits_to_be_written_is_bounded(own: Service, monkeypatch):
    monkeypatch.setattr(store, "PENDING", 5)
    monkeypatch.setattr(own.feedback, "_allowance", 1e9)
    with own.feedback._opening:  # as if opening it never ended
        own.feedback._opened = None
        for _ in range(20):
            own.post("/predict", json={"image": ONE})
        own.records.flush()
        assert len(own.feedback._pending) <= 5
