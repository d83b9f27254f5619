"""The page's files: sent once, asked for again, and only what lay in the folder at the start."""

import asyncio

import pytest

from serving.errors import NotFound
from serving.http import Request, Response
from serving.site import ADDRESS, Site, _address


def request(file: str | None = None, **headers: str) -> Request:
    named = {name.replace("_", "-").encode(): value.encode() for name, value in headers.items()}
    return Request("GET", "/", b"", named, {"file": file}, "id")


@pytest.fixture
def site(tmp_path) -> Site:
    (tmp_path / "deeper").mkdir()
    for name in ("index.html", "page.js", "mark.svg", "site.webmanifest", "deeper/a.bin", "a.png"):
        (tmp_path / name).write_text(f"content of {name}")
    return Site(tmp_path)


def get(site: Site, file: str | None = None, **headers: str) -> Response:
    return asyncio.run(site.file(request(file, **headers)))


@pytest.mark.parametrize(
    ("file", "kind"),
    [
        (None, "text/html; charset=utf-8"),
        ("page.js", "text/javascript; charset=utf-8"),
        ("mark.svg", "image/svg+xml"),
        ("site.webmanifest", "application/manifest+json"),
        ("a.png", "image/png"),
        ("deeper/a.bin", "application/octet-stream"),
    ],
)
def test_a_file_is_sent_with_its_type_and_strict_headers(site, file, kind):
    answer = get(site, file)
    assert (answer.status, answer.media_type) == (200, kind)
    assert answer.body == f"content of {file or 'index.html'}".encode()
    headers = dict(answer.headers or [])
    assert b"default-src 'self'" in headers[b"content-security-policy"]
    assert headers[b"cache-control"] == b"no-cache"
    assert headers[b"x-content-type-options"] == b"nosniff"


def test_a_file_is_sent_again_only_when_it_has_changed(site):
    tag = dict(get(site).headers or [])[b"etag"].decode()
    assert tag != dict(get(site, "page.js").headers or [])[b"etag"].decode()
    for condition in (tag, f"W/{tag}", f'"other" , {tag}', "*"):
        again = get(site, if_none_match=condition)
        assert (again.status, again.body) == (304, b"")
        assert dict(again.headers or [])[b"etag"].decode() == tag
    for condition in ('"other"', tag[:-2], "", '"other", "*"'):
        assert get(site, if_none_match=condition).status == 200


@pytest.mark.parametrize("file", ["../site.py", "nosuch", "deeper", "new.js"])
def test_only_what_lay_there_at_the_start_can_be_asked_for(site, tmp_path, file):
    (tmp_path / "new.js").touch()
    with pytest.raises(NotFound, match="The page has no file"):
        get(site, file)


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({}, ADDRESS),
        ({"host": "digits.example"}, "http://digits.example/"),
        ({"host": "[::1]:8000"}, "http://[::1]:8000/"),
        ({"host": "two hosts"}, ADDRESS),
        ({"host": "a", "x_forwarded_host": "b"}, "http://b/"),
        ({"host": "a", "x_forwarded_proto": "https"}, "https://a/"),
        ({"host": "a", "x_forwarded_proto": "ftp"}, "http://a/"),
        ({"host": "a", "x_forwarded_host": "b, inner"}, "http://b/"),
        ({"host": "a", "x_forwarded_proto": "https,http"}, "https://a/"),
        ({"host": "A.lan:443", "x_forwarded_proto": "HTTPS"}, "https://a.lan/"),
        ({"host": "a:80"}, "http://a/"),
        ({"host": "a", "x_forwarded_prefix": "/Digits, /inner"}, "http://a/Digits/"),
        ({"host": "a", "x_forwarded_prefix": "/digits/x/"}, "http://a/digits/x/"),
        ({"host": "a", "x_forwarded_prefix": "//evil"}, "http://a/"),
        ({"host": "a", "x_forwarded_prefix": "/a b"}, "http://a/"),
    ],
)
def test_the_documents_name_the_address_by_which_they_are_read(headers, address):
    assert _address(request(**headers)) == address
