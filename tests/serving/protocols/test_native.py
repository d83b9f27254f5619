"""The service's own form: a picture or numbers in, one object a digit out."""

import json
import logging
import re
from contextlib import nullcontext

import numpy as np
import pytest

from serving.errors import (
    InvalidDigits,
    InvalidRequest,
    ServingError,
    TooLarge,
    WrongMediaType,
)
from serving.model.loaded_model import load
from serving.model.runner import ModelRunner
from serving.protocols import native
from tests.support.a_request import a_request
from tests.support.small_service import NAME, Service, a_one, answers_of, png_of, put_copy

ONE = a_one()
BATCH = np.stack([ONE, ONE.T])


def expected(images: np.ndarray) -> np.ndarray:
    return answers_of(1, images)


@pytest.mark.parametrize("image", [ONE.tolist(), ONE.ravel().tolist(), ONE[None].tolist()])
def test_one_image_gets_one_object(service: Service, image):
    answer = service.post("/predict", json={"image": image})
    content = answer.json()
    np.testing.assert_allclose(content["probabilities"], expected(ONE[None])[0], atol=1e-6)
    assert content["digit"] == expected(ONE[None])[0].argmax()
    assert content["confidence"] == pytest.approx(max(content["probabilities"]))
    assert (content["model"], content["version"], content["data"]) == (NAME, "3", "mnist")
    assert content["run_url"].endswith("/#/experiments/3/runs/a-run")
    assert answer.headers["x-model-version"] == "3"
    assert answer.headers["x-request-id"] == content["request_id"]
    assert "image" not in content


@pytest.mark.parametrize("images", [BATCH.tolist(), BATCH.reshape(2, 784).tolist()])
def test_a_batch_gets_a_list_in_its_order(service: Service, images):
    rows = service.post("/predict", json={"images": images}).json()["predictions"]
    got = [row["probabilities"] for row in rows]
    np.testing.assert_allclose(got, expected(BATCH), atol=1e-6)


def test_a_bare_list_is_read_too(service: Service):
    assert service.post("/predict", json=ONE.tolist()).status_code == 200


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_a_picture_is_downloaded_to_mnist_form(service: Service, kind):
    picture = png_of(ONE, kind)
    headers = {"content-type": f"image/{kind.lower()}"}
    answer = service.post("/predict?image=1", content=picture, headers=headers)
    seen = np.array(answer.json()["image"], np.float32)
    assert seen.shape == (28, 28)
    np.testing.assert_allclose(answer.json()["probabilities"], expected(seen[None])[0], atol=1e-5)


def test_a_form_with_a_picture_is_read(service: Service):
    answer = service.post("/predict", files={"file": ("one.png", png_of(ONE), "image/png")})
    assert answer.status_code == 200
    assert len(answer.json()["probabilities"]) == 10


def test_explain_adds_the_saliency(service: Service):
    answer = service.post("/predict?explain=1", json={"image": ONE.tolist()}).json()
    assert np.shape(answer["explanation"]["saliency"]) == (28, 28)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((28, 28)),
        np.ones((28, 28)),
        np.random.default_rng(0).random((28, 28)),
        np.indices((28, 28)).sum(0) % 2.0,
    ],
    ids=["blank", "full", "noise", "chequered"],
)
def test_what_is_nothing_like_a_digit_is_marked(service: Service, image):
    answer = service.post("/predict", json={"image": image.tolist()}).json()
    assert answer["uncertain"] is True
    assert answer["reason"] in ("faint", "not one digit")


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "image/png", 422),
        (png_of(ONE)[:100], "image/png", 422),
        (png_of(np.zeros((28, 28))), "image/png", 422),
        (b"seven", "text/plain", 415),
        (b"seven", "", 415),
        (b"--x\r\n", "multipart/form-data", 400),
        (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 400),
        (b"garbage", "multipart/form-data; boundary=x", 400),
    ],
)
def test_bad_pictures_and_forms_are_refused(service: Service, content, kind, status):
    answer = service.post("/predict", content=content, headers={"content-type": kind})
    assert (answer.status_code, answer.json().keys()) == (status, {"error", "request_id"})


# The functions themselves


def says(error: type[ServingError], text: str):
    return pytest.raises(error, match=re.escape(text))


def a_form(*files: bytes, field: str = "") -> bytes:
    """A multipart form of files, and of a field without one."""
    head = "Content-Disposition: form-data; name="
    parts = [f'{head}"f"; filename="{n}.png"\r\n\r\n'.encode() + f for n, f in enumerate(files)]
    parts += [f'{head}"note"\r\n\r\n{field}'.encode()] if field else []
    return b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"


FORM = "multipart/form-data; boundary=x"


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"a file", "image/png"),
        (b"a file", "image/anything"),
        (b"a file", "IMAGE/PNG; x=1"),
        (b"a file", "application/octet-stream"),
        (a_form(b"a file"), FORM),
        (a_form(b"a file", field="a note"), FORM),
        (b'{"image": "YSBmaWxl"}', "application/json; charset=utf-8"),
        (b'{"images": ["YSBmaWxl"]}', "application/json"),
    ],
)
def test_a_file_is_found_in_every_kind_of_body(content, kind):
    assert native.parse(a_request(content, kind)) == [b"a file"]


def test_a_form_has_one_picture():
    with says(InvalidRequest, "The form has 2 files; expected one picture."):
        native.parse(a_request(a_form(b"one", b"two"), FORM))
    with says(InvalidRequest, "The form has 0 files; expected one picture."):
        native.parse(a_request(a_form(field="a note"), FORM))
    with says(InvalidRequest, "The form cannot be read: "):
        native.parse(a_request(b"garbage", FORM))


def test_a_form_of_many_parts_is_refused_before_it_is_read():
    assert native.parse(a_request(a_form(b"--x\n" * 1_000), FORM)) == [b"--x\n" * 1_000]
    with says(InvalidRequest, "The form has 100 files; expected one picture."):
        native.parse(a_request(a_form(*[b""] * 100), FORM))
    for kind in (FORM, 'Multipart/Form-Data; charset=utf-8; boundary="x"'):
        with says(TooLarge, "The form has more than 100 parts; send one picture."):
            native.parse(a_request(a_form(*[b""] * 101), kind))


def test_a_form_that_cannot_be_read_writes_nothing_to_standard_error(capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])  # pytest's own keep it silent, too
    with says(InvalidRequest, "The form cannot be read: "):
        native.parse(a_request(b"garbage", FORM))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("name", ["model", "explain", "live"])
def test_what_belongs_in_the_query_is_refused_in_the_body(name):
    value = "NAME" if name == "model" else "1"
    fault = f'"{name}" is not read from the body; ask for /predict?{name}={value}.'
    form = a_form(b"a file", field="1").replace(b'"note"', f'"{name}"'.encode())
    with says(InvalidDigits, fault):
        native.parse(a_request(form, FORM))
    content = json.dumps({"image": ONE.tolist(), name: "1"}).encode()
    with says(InvalidDigits, fault):
        native.parse(a_request(content, "application/json"))


@pytest.mark.parametrize("value", [None, False, ""])
def test_what_is_switched_off_in_the_body_is_ignored(value):
    content = json.dumps({"image": ONE.tolist(), "explain": value}).encode()
    assert len(native.parse(a_request(content, "application/json"))) == 1


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("image=yes", "?image= is 'yes'; expected 1 or 0."),
        ("image", "?image= is ''; expected 1 or 0."),
        ("live=2", "?live= is '2'; expected 1 or 0."),
        ("explian=1", "There is no ?explian=; did you mean ?explain=?"),
        ("models=letters", "There is no ?models=; did you mean ?model=?"),
        ("Image=1", "There is no ?Image=; did you mean ?image=?"),
    ],
)
def test_a_query_that_cannot_be_meant_is_422(service: Service, query, fault):
    answer = service.post(f"/predict?{query}", json={"image": ONE.tolist()})
    assert (answer.status_code, answer.json()["error"]) == (422, fault)


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("live=" + "y" * 30, f"?live= is '{'y' * 20}'; expected 1 or 0."),
        ("explai=1&" + "&".join(f"utm{n}=1" for n in range(19)), "There is no ?explai=;"),
        ("&".join(f"utm{n}=1" for n in range(19)) + "&explai=1", "There is no ?explai=;"),
        ("&".join(f"utm{n}=1" for n in range(20)) + "&explai=1", None),
    ],
    ids=["long value", "first of 20", "20th name", "21st name"],
)
def test_of_a_query_so_much_is_looked_at(query, fault):
    with says(InvalidDigits, fault) if fault else nullcontext():
        native.check_query(a_request(query=query))


@pytest.mark.parametrize("query", ["image=False", "utm_source=mail&fbclid=1", "explain=0"])
def test_switches_that_are_off_and_names_of_proxies_are_no_fault(service: Service, query):
    answer = service.post(f"/predict?{query}", json={"image": ONE.tolist()})
    assert answer.status_code == 200
    assert not {"image", "explanation"} & answer.json().keys()


@pytest.mark.parametrize(("kind", "seen"), [("", "missing"), ("text/plain", "text/plain")])
def test_another_content_type_is_told_those_that_are_read(kind, seen):
    with says(WrongMediaType, f"is {seen}; expected application/json, image/* or multipart/form"):
        native.parse(a_request(b"{}", kind))
    with says(WrongMediaType, f"The content type is {seen}; expected application/json."):
        native.correction(a_request(b"{}", kind))


def test_each_of_several_images_has_a_numbered_id():
    request = a_request()
    assert native.answer_ids(request, 1) == ["an-answer"]
    assert native.answer_ids(request, 3) == ["an-answer.0", "an-answer.1", "an-answer.2"]


@pytest.fixture(scope="module")
def letters(tmp_path_factory: pytest.TempPathFactory) -> ModelRunner:
    """A model of two named classes."""
    home = tmp_path_factory.mktemp("letters")
    put_copy(home, "2", seed=1, name="letters", labels=["a", "b"])
    return ModelRunner(load(home, "letters", "2", "champion"), "http://mlflow")


SHARES = np.array([[0.25, 0.75], [0.875, 0.125]], np.float32)


def answered(runner: ModelRunner, query: str = "", count: int = 2, **more) -> dict:
    reasons = [None, "not sure between a and b"][:count]
    request = a_request(query=query)
    images = BATCH[:count]
    return json.loads(native.answer(request, runner, images, SHARES[:count], reasons, **more).body)


@pytest.mark.parametrize("query", ["", "live=1"])
def test_an_answer_of_named_classes_has_number_and_name(letters, query):
    first, second = answered(letters, query)["predictions"]
    assert (first["class"], first["label"], first["confidence"]) == (1, "b", 0.75)
    assert (second["class"], second["label"], second["confidence"]) == (0, "a", 0.875)
    assert "digit" not in first
    assert (first["request_id"], second["request_id"]) == ("an-answer.0", "an-answer.1")
    assert (first["uncertain"], first["reason"]) == (False, None)
    assert (second["uncertain"], second["reason"]) == (True, "not sure between a and b")
    one = answered(letters, query, count=1)
    assert (one["label"], one["request_id"], one["version"]) == ("b", "an-answer", "2")


@pytest.mark.parametrize(("query", "there"), [("image=1", True), ("image=0", False), ("", False)])
def test_images_are_returned_where_the_query_asks(letters, query, there):
    rows = answered(letters, query)["predictions"]
    assert [row.get("image") for row in rows] == (BATCH.tolist() if there else [None, None])


def test_each_image_has_its_own_explanation(letters):
    explanations = [{"saliency": 1}, {"saliency": 2}]
    rows = answered(letters, "explain=1", explanations=explanations)["predictions"]
    assert [row["explanation"] for row in rows] == explanations
    assert "explanation" not in answered(letters, "explain=1", count=1)


def test_a_correction_has_its_fields_and_those_that_were_not_sent_as_none():
    fields = native.correction(a_request({"request_id": "x", "digit": 7}))
    assert (fields["request_id"], fields["digit"], fields["image"]) == ("x", 7, None)
    picture = native.correction(a_request({"image": "YSBmaWxl", "digit": 7}))
    assert picture["image"] == [b"a file"]
    image = native.correction(a_request({"image": ONE.tolist(), "digit": 7}))
    np.testing.assert_array_equal(image["image"], ONE[None])


def test_a_correction_is_an_object_of_one_image():
    with says(InvalidRequest, 'Expected an object such as {"request_id": "…", "digit": 7}.'):
        native.correction(a_request([7]))
    with says(InvalidDigits, "The correction has 2 images; expected one."):
        native.correction(a_request({"image": BATCH.tolist(), "digit": 7}))


def test_an_error_keeps_its_status_and_has_the_requests_id():
    response = native.failure("why", 422, a_request())
    assert response.status == 422
    assert json.loads(response.body) == {"error": "why", "request_id": "a-request"}
