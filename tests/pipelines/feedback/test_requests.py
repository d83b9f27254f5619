"""Reading what the service stored: whole digits, each once, of the model that is asked for."""

import time

import numpy as np
import pytest
import sqlalchemy as sql

from ann_models import datasets
from pipelines.errors import WrongUse
from pipelines.feedback import requests
from pipelines.feedback.requests import (
    Corrections,
    FeedbackUnavailable,
    corrections,
    keys,
    recent_images,
)
from serving.feedback import tables as feedback
from serving.feedback.store import Feedback, Prediction

IMAGES = datasets.digits("offline-digits").arrays["x_train"][:50]
MODEL = "mnist-digits"


@pytest.fixture
def url(tmp_path) -> str:
    return f"sqlite:///{tmp_path / 'feedback.db'}"


def predicted(url: str, images: np.ndarray, model: str = MODEL, ago: float = 0.0) -> None:
    """What the service keeps of requests for these images."""
    store = Feedback(url)
    for i, image in enumerate(images):
        store._allowance = 1.0
        store.remember(Prediction(f"{ago}-{i}", time.time() - ago, model, "1", 3, 0.9, image))
    store.close()


def corrected(url: str, image: np.ndarray, digit: int, model: str | None = MODEL) -> None:
    store = Feedback(url)
    store.correct({"digit": digit, "image": image, "model": model})
    store.close()


def test_a_correction_comes_back_as_the_service_stored_it(url):
    corrected(url, IMAGES[0], 7)
    found, invalid = corrections(url, MODEL)
    np.testing.assert_allclose(found.images, IMAGES[:1], atol=0.5 / 255)
    assert found.images.dtype == np.float32
    assert found.digits.tolist() == [7]
    assert found.times[0] == pytest.approx(time.time(), abs=60)
    assert invalid == 0
    assert found.keys == keys(IMAGES[:1])


def test_corrections_are_a_data_set_and_back():
    made = Corrections(IMAGES[:2], np.array([7, 8], np.int32), np.array([1.0, 2.0]))
    data = made.dataset("mnist")
    assert (data.name, data.source) == ("corrections", "mnist")
    again = Corrections.of(data)
    assert (again.digest, again.times.tolist()) == (made.digest, [1.0, 2.0])


def test_corrections_of_another_model_stay_with_it_and_those_of_none_belong_to_all(url):
    corrected(url, IMAGES[0], 7)
    corrected(url, IMAGES[1], 8, "offline-digits")
    corrected(url, IMAGES[2], 9, None)
    assert corrections(url, MODEL)[0].digits.tolist() == [7, 9]
    assert corrections(url, "offline-digits")[0].digits.tolist() == [8, 9]


def test_what_is_no_digit_is_counted_and_left_out(url):
    corrected(url, IMAGES[0], 7)
    blank, full = np.zeros((28, 28), np.float32), np.ones((28, 28), np.float32)
    corrected(url, blank, 1)
    corrected(url, full, 2)
    corrected(url, IMAGES[1], 11)
    engine = sql.create_engine(url)
    with engine.begin() as connection:
        row = {"time": 0.0, "digit": 1, "image": b"short", "image_sha256": "x", "model": MODEL}
        connection.execute(feedback.corrections.insert().values(row))
    found, invalid = corrections(url, MODEL)
    assert found.digits.tolist() == [7]
    assert invalid == 4


def inked(share: float, ink: float = 1.0) -> np.ndarray:
    """A picture with that share of its pixels inked."""
    flat = np.zeros(784, np.float32)
    flat[: round(784 * share)] = ink
    return flat.reshape(28, 28)


@pytest.mark.parametrize(
    ("image", "valid"),
    [
        (inked(0.02), True),
        (inked(0.005), False),
        (inked(0.59), True),
        (inked(0.62), False),
        (inked(0.2, ink=0.51), True),
        (inked(0.2, ink=0.45), False),  # paper, and a shadow
    ],
)
def test_a_digit_has_some_dark_ink_and_more_paper(url, image, valid):
    corrected(url, image, 7)
    found, invalid = corrections(url, MODEL)
    assert (len(found), invalid) == (int(valid), int(not valid))


def test_any_picture_is_of_a_class_of_ones_own(url):
    corrected(url, inked(0), 0, "letters")
    corrected(url, inked(1), 2, "letters")
    corrected(url, IMAGES[0], 3, "letters")  # of three classes, none has this number
    corrected(url, IMAGES[1], 1, None)  # of a digit model
    found, invalid = corrections(url, "letters", classes=3)
    assert (found.digits.tolist(), invalid) == ([0, 2], 1)


def test_of_very_many_corrections_the_newest_are_read_the_oldest_first(url, monkeypatch):
    monkeypatch.setattr(requests, "MAX_CORRECTIONS", 3)
    for digit in range(5):
        corrected(url, IMAGES[digit], digit)
    assert corrections(url, MODEL)[0].digits.tolist() == [2, 3, 4]


def test_the_digest_depends_on_what_was_said_and_not_on_when(url, tmp_path):
    other = f"sqlite:///{tmp_path / 'other.db'}"
    for store, order in ((url, (0, 1)), (other, (1, 0))):
        for i in order:
            corrected(store, IMAGES[i], i)
    digest = corrections(url, MODEL)[0].digest
    assert corrections(other, MODEL)[0].digest == digest
    corrected(other, IMAGES[2], 2)
    assert corrections(other, MODEL)[0].digest != digest


def test_recent_images_come_once_the_newest_first_and_not_from_before(url):
    predicted(url, IMAGES[:5], ago=1000)
    predicted(url, IMAGES[5:10])
    predicted(url, IMAGES[5:10])
    predicted(url, IMAGES[10:12], model="offline-digits")
    since = time.time() - 500
    assert keys(recent_images(url, MODEL, since, 100)) == keys(IMAGES[5:10][::-1])
    assert len(recent_images(url, MODEL, 0, 100)) == 10
    assert keys(recent_images(url, MODEL, 0, 2)) == keys(IMAGES[[9, 8]])


def test_a_request_of_the_very_moment_is_recent(url, monkeypatch):
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now)
    predicted(url, IMAGES[:1])
    assert [len(recent_images(url, MODEL, since, 9)) for since in (now, now + 0.001)] == [1, 0]


def test_of_a_repeated_image_ten_rows_are_read_for_each_image_that_is_wanted(url):
    predicted(url, IMAGES[[0] + [1] * 19])
    assert len(recent_images(url, MODEL, 0, 2)) == 2
    predicted(url, IMAGES[[1]])
    assert len(recent_images(url, MODEL, 0, 2)) == 1


def test_before_anything_was_served_there_is_nothing(url, tmp_path):
    found, invalid = corrections(url, MODEL)
    assert (len(found), invalid) == (0, 0)
    assert found.images.shape == recent_images(url, MODEL, 0, 10).shape == (0, 28, 28)
    assert not list(tmp_path.iterdir())  # reading makes no store


def test_a_store_without_tables_holds_nothing(url):
    sql.create_engine(url).connect().execute(sql.text("CREATE TABLE other (id INTEGER)"))
    assert len(corrections(url, MODEL)[0]) == 0


def test_an_address_that_is_none_is_wrong_use():
    with pytest.raises(
        WrongUse, match=r"ANN_FEEDBACK_URL is no address: postgresql://db:abc/ann.*such as"
    ) as failure:
        corrections("postgresql://me:secret@db:abc/ann", MODEL)
    assert "secret" not in str(failure.value)


def test_an_error_without_a_message_is_named_by_its_kind(url, monkeypatch):
    def silent(*_):
        raise ImportError

    corrected(url, IMAGES[0], 7)
    monkeypatch.setattr(sql, "create_engine", silent)
    with pytest.raises(FeedbackUnavailable, match="ImportError"):
        corrections(url, MODEL)


@pytest.mark.parametrize(
    "url",
    ["nonsense", "postgresql://ann:secret@127.0.0.1:1/feedback", "sqlite:///no_database"],
)
def test_a_store_that_cannot_be_read_is_named_without_its_password(url, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "no_database").write_text("a letter, perhaps\n" * 100)
    with pytest.raises(FeedbackUnavailable, match="ANN_FEEDBACK_URL") as failure:
        corrections(url, MODEL)
    assert "secret" not in str(failure.value)
