"""No answer, metric or log line has a password or a path of this machine."""

import time
from urllib.parse import unquote

import pytest

from serving.errors import RegistryUnavailable
from serving.redaction import LONGEST, public
from serving.settings import load
from tests.support.secret_addresses import ADDRESSES, SECRET
from tests.support.small_service import NAME, Service, a_one, png_of, put_copy, status


@pytest.mark.parametrize("address", ADDRESSES)
def test_the_service_never_shows_them(tmp_path, capfd, address):
    put_copy(tmp_path, "3", seed=1)
    settings = {"MLFLOW_TRACKING_URI": address, "ANN_FEEDBACK_URL": ADDRESSES[1]}
    service = Service(tmp_path, **settings)
    error = f"the registry at {address} cannot be reached: wrong password {SECRET}."
    service.run(service.models.follow(status("3", registry_error=error), None))
    service.others.outcomes["2"] = RegistryUnavailable(error)
    texts = [
        service.get("/health/ready").text,
        service.post("/predict", json={"image": a_one().tolist()}).text,
        service.get(f"/v2/models/{NAME}/versions/2").text,
        service.post("/feedback", json={"request_id": "x", "digit": 1}).text,
        service.get("/metrics").text,
        service.get("/").text,
    ]
    service.close()
    texts += [service.lines.getvalue().decode(), *capfd.readouterr()]
    assert not [text for text in texts if SECRET in text]


@pytest.mark.parametrize("password", ["s3[cret", "s3/cret", "s3%5Bcret"])
def test_a_password_is_cut_out_wherever_it_is_said(password):
    address = f"postgresql+psycopg://admin:{password}@db/feedback"
    settings = load({"ANN_HOME": "/nowhere", "ANN_FEEDBACK_URL": address})
    for said in (password, unquote(password)):
        assert said not in public(f"the password {said} is wrong", settings)


def test_run_links_have_no_credentials():
    settings = load({"MLFLOW_TRACKING_URI": ADDRESSES[0], "ANN_HOME": "/nowhere"})
    assert settings.mlflow_ui == "http://127.0.0.1:9"


def test_paths_of_this_machine_lose_their_folders(tmp_path):
    settings = load({"ANN_HOME": str(tmp_path / "state of ann")})
    texts = {
        f"no file {tmp_path}/a/model.onnx.": "no file …/model.onnx.",
        f"at sqlite:///{tmp_path}/a/mlflow.db has": "at sqlite:…/mlflow.db has",
        f"in file://{tmp_path}/a/model": "in file:…/model",
        f"in {settings.home}/served/x/3": "in ANN_HOME/served/x/3",
        r"in C:\Users\ann\model.onnx": "in …/model.onnx",
        "use /v2/models/mnist-digits/infer": "use /v2/models/mnist-digits/infer",
        "/docs lists what there is": "/docs lists what there is",
    }
    assert {text: public(text, settings) for text in texts} == texts


def test_a_missing_version_does_not_name_the_stores_path(tmp_path):
    (put_copy(tmp_path, "3", seed=1) / "model.onnx").write_bytes(b"damaged")
    service = Service(tmp_path)
    for path in ("/health/ready", f"/v1/models/{NAME}", f"/v2/models/{NAME}/versions/9", "/ping"):
        assert str(tmp_path) not in service.get(path).text
    service.close()


def test_a_text_of_the_greatest_length_is_whole_and_of_a_longer_one_the_end_is_left_out():
    settings = load({"ANN_HOME": "/nowhere"})
    assert public("a" * LONGEST, settings) == "a" * LONGEST
    assert public("a" * (LONGEST + 1), settings) == "a" * (LONGEST - 1) + "…"


def test_a_long_path_is_shortened_before_its_text_is():
    settings = load({"ANN_HOME": "/nowhere"})
    assert public(f"no file /usr{'/a' * 1900}/end.", settings) == "no file …/end."


@pytest.mark.parametrize(("secret", "shown"), [("abcd", "***"), ("abc", "abc")])
def test_a_secret_of_fewer_than_four_letters_would_spoil_every_text(secret, shown):
    address = f"postgresql+psycopg://admin:{secret}@db/feedback"
    settings = load({"ANN_HOME": "/nowhere", "ANN_FEEDBACK_URL": address})
    assert public(f"the word {secret} is", settings) == f"the word {shown} is"


def test_no_error_is_longer_than_a_person_reads(service: Service):
    settings = load({"ANN_HOME": "/nowhere"})
    assert len(public("<html>" * 400_000, settings)) == LONGEST
    bodies = [
        ("/predict", "application/json", b'{"image": "' + b"x" * 9_000_000 + b'"}'),
        ("/invocations", "text/csv", b"a,b\n" + b"x" * 9_000_000 + b",1"),
        ("/invocations", "text/csv", b"x" * 9_000_000 + b",1\n1,2"),
        (
            f"/v2/models/{NAME}/infer",
            "application/json",
            b'{"inputs":[{"name":"' + b"x" * 9_000_000 + b'"}]}',
        ),
        ("/feedback", "application/json", b'{"digit": "' + b"x" * 9_000_000 + b'"}'),
        ("/predict", "image/png", png_of(a_one())[:200] + b"x" * 9_000_000),
        ("/predict", "x" * 30_000, b"{}"),
    ]
    for path, kind, content in bodies:
        answer = service.post(path, content=content, headers={"content-type": kind})
        assert 400 <= answer.status_code < 500
        assert len(answer.text) < 2 * LONGEST


@pytest.mark.parametrize("part", ["://", "file:/", "sqlite:///a/", "C:\\", "/a", "://?", "file+"])
def test_a_long_text_is_read_in_a_moment(part):
    settings = load({"ANN_HOME": "/nowhere"})
    text = part * (4 * LONGEST // len(part))
    public(text, settings)
    started = time.process_time()
    for _ in range(10):
        public(text, settings)
    assert time.process_time() - started < 0.3


def test_a_long_content_type_is_repeated_in_part(service: Service):
    kind = "a" * 2_000
    for path in ("/predict", "/invocations", "/feedback"):
        answer = service.post(path, content=b"{}", headers={"content-type": kind})
        assert answer.text.count("a" * 50)
        assert "a" * 101 not in answer.text
