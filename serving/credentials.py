"""Addresses without the user names and passwords that they may hold."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[^\s'\"<>]+")


def without_credentials(text: str) -> str:
    """The text with user names, passwords and queries cut out of its addresses."""
    return _WORDS.sub(_bare, text)


def bare_address(address: str) -> str:
    """One address without user name, password and query, whatever its password and its scheme."""
    scheme, mark, rest = address.partition("://")
    if not mark:  # as somebody writes it who forgets the scheme
        return address.rpartition("@")[2]
    return scheme + mark + rest.rpartition("@")[2].partition("?")[0]


def _bare(word: re.Match[str]) -> str:
    return bare_address(word[0]) if "://" in word[0] else word[0]
