"""Addresses without the user names and passwords that they may hold."""

from __future__ import annotations

import re

_WORDS = re.compile(r"[^\s'\"<>]+")


def without_credentials(text: str) -> str:
    """The text with user names, passwords and queries cut out of its addresses."""
    return _WORDS.sub(_bare, text)


def _bare(word: re.Match[str]) -> str:
    before, mark, address = word[0].partition("://")
    return before + mark + address.rpartition("@")[2].partition("?")[0] if mark else before
