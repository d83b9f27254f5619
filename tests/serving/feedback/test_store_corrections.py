"""Corrections that are sent to the service: kept once, of one picture and its version."""

from pathlib import Path

import numpy as np
import pytest

from serving.feedback import store as store
from tests.support.corrections import ONE, pixels, rows, say
from tests.support.small_service import NAME, Service, a_one, put_copy
from tests.support.waiting import wait_for


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


# One correction, one picture

OTHER = a_one().T.tolist()


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
