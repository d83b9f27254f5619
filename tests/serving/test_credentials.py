"""Addresses lose what is secret in them, and nothing else of a text is changed."""

import pytest

from serving.credentials import bare_address, without_credentials
from tests.support.secret_addresses import ADDRESSES, SECRET


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses_lose_user_names_passwords_and_queries(address):
    text = without_credentials(f"the registry at {address} cannot be reached: {address!r}.")
    assert SECRET not in text
    assert "admin" not in text
    assert text.count("://") == 2


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("http://a:b@host:80/path?q=1", "http://host:80/path"),
        ("http://a@b@host/", "http://host/"),
        ("'http://a:b@host/' and <http://host/?q>", "'http://host/' and <http://host/>"),
        ("see http://host/path", "see http://host/path"),
        ("who@example.org asks: why?", "who@example.org asks: why?"),
        ("sqlite:////home/ann.db", "sqlite:////home/ann.db"),
        ("a://b@c://d", "a://c://d"),
        ("", ""),
    ],
)
def test_what_is_no_secret_of_an_address_stays(text, left):
    assert without_credentials(text) == left


@pytest.mark.parametrize(
    ("address", "left"),
    [
        ("http://a:b@host:80/path?q=1", "http://host:80/path"),
        ('http://a:b/c?d"e@host', "http://host"),
        ("a:b@host:80", "host:80"),
        ("sqlite:////home/ann.db", "sqlite:////home/ann.db"),
        ("mlflow", "mlflow"),
    ],
)
def test_one_address_is_bared_though_its_scheme_is_missing(address, left):
    assert bare_address(address) == left
