"""The service's own form: a picture or numbers in, one object a digit out."""

import numpy as np
import pytest

from tests.support.small_service import NAME, Service, a_one, answers_of, png_of

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
