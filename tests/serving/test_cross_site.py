"""Pages of other sites: refused unless their origin is allowed."""

import pytest

from serving.errors import WrongSetting
from serving.settings import load
from tests.support.small_service import Service, a_one, png_of, put_copy

ONE = {"image": a_one().tolist()}
OTHER = "https://other.example"


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    put_copy(home, "3", seed=1)
    service = Service(home, ANN_CORS_ORIGINS=f"{OTHER}, http://localhost:3000/")
    yield service
    service.close()


PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type",
}


def test_an_allowed_origin_is_reported_what_it_may_send_and_read(opened: Service):
    headers = {"origin": OTHER} | PREFLIGHT
    answer = opened.request("OPTIONS", "/predict", headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == OTHER
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "*, Authorization"
    answer = opened.post("/predict", json=ONE, headers={"origin": OTHER})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == OTHER
    assert "X-Model-Version" in answer.headers["access-control-expose-headers"]
    assert answer.headers["vary"] == "Origin"


def test_errors_are_readable_for_an_allowed_origin_too(opened: Service):
    answer = opened.post("/predict", json={}, headers={"origin": OTHER})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (422, OTHER)


def test_an_allowed_origin_can_read_when_to_come_again(tmp_path):
    empty = Service(tmp_path, ANN_CORS_ORIGINS=OTHER)
    answer = empty.post("/predict", json=ONE, headers={"origin": OTHER})
    empty.close()
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert "Retry-After" in answer.headers["access-control-expose-headers"]


def test_every_origin_may_be_allowed(tmp_path):
    put_copy(tmp_path, "3", seed=1)
    service = Service(tmp_path, ANN_CORS_ORIGINS="*")
    answer = service.post("/predict", json=ONE, headers={"origin": OTHER})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, OTHER)
    service.close()


FOREIGN = [
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"origin": "https://evil.example", "sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "cross-site"},
    {"origin": "http://evil.service", "sec-fetch-site": "same-site"},
    {"origin": "http://inner", "x-forwarded-host": "digits.lan, inner"},
    {"origin": "http://digits.lan", "host": "digits.lan:443"},
    {"origin": "http://digits.lan:8000", "host": "digits.lan"},
]


@pytest.mark.parametrize("headers", FOREIGN)
def test_what_a_page_of_another_site_would_change_is_refused(opened: Service, headers):
    picture = {"file": ("one.png", png_of(a_one()), "image/png")}
    answers = [
        opened.post("/predict", files=picture, headers=headers),
        opened.post("/feedback", json=ONE | {"digit": 1}, headers=headers),
        opened.post("/invocations", json={"instances": [ONE["image"]]}, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [403] * 3
    assert "ANN_CORS_ORIGINS" in answers[0].json()["error"]
    assert answers[2].json().keys() == {"error_code", "message"}
    assert "access-control-allow-origin" not in answers[0].headers
    assert opened.get("/health/live", headers=headers).status_code == 200  # it changes nothing


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "http://service"},
        {"origin": "https://digits.example", "sec-fetch-site": "same-origin"},  # behind a proxy
        {"origin": "http://digits.example", "x-forwarded-host": "digits.example"},
        {"origin": "http://digits.lan", "x-forwarded-host": "digits.lan, inner"},
        {"origin": "http://digits.lan", "x-forwarded-host": "", "host": "digits.lan"},
        {"origin": "http://digits.lan", "host": "digits.lan:80"},
        {"origin": "https://digits.lan", "host": "digits.lan:443"},
        {"origin": "http://digits.lan", "host": "DIGITS.lan"},
        {"origin": "http://[::1]:8000", "host": "[::1]:8000"},
        {"sec-fetch-site": "none"},
    ],
)
def test_programs_and_the_services_own_page_are_answered(service: Service, headers):
    assert service.post("/predict", json=ONE, headers=headers).status_code == 200


def test_an_origin_is_allowed_as_browsers_write_it(tmp_path):
    put_copy(tmp_path, "3", seed=1)
    service = Service(tmp_path, ANN_CORS_ORIGINS="https://Other.example:443")
    assert service.post("/predict", json=ONE, headers={"origin": OTHER}).status_code == 200
    service.close()


def test_without_the_setting_no_origin_is_allowed(service: Service):
    answer = service.request("OPTIONS", "/predict", headers={"origin": OTHER} | PREFLIGHT)
    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize("origins", ["digits.example", "https://a.example/page", "https://a b"])
def test_an_origin_that_is_none_is_a_wrong_setting(origins):
    with pytest.raises(WrongSetting, match="ANN_CORS_ORIGINS"):
        load({"ANN_CORS_ORIGINS": origins})
