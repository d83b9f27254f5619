"""What an answer or a log line may say: no password, no path of this machine, no endless text."""

from __future__ import annotations

import os
import re
from functools import lru_cache
from urllib.parse import unquote

from serving.credentials import without_credentials
from serving.settings import Settings

LONGEST = 1000  # characters

_PASSWORDS = (  # as web servers and as databases are named; a browser's rules refuse "["
    re.compile(r"://[^:/@]*:([^/?#]*)@"),
    re.compile(r"://[^:/@]*:([^@]*)@"),
)
_LOCAL_STORE = re.compile(r"\b((?:file|sqlite)(?:\+\w+)?):/+([^\s'\"<>]*)")
_PATH = re.compile(
    r"(?<![\w/.])(?:/([^\s/'\"<>:;,()]+)(?:/[^\s/'\"<>:;,()]+)*/([^\s/'\"<>:;,()]*))"
)
_WINDOWS_PATH = re.compile(r"\b[A-Za-z]:\\(?:[^\s\\'\"<>]+\\)*")


def public(text: str, settings: Settings) -> str:
    """What a sender may read of a text: no credentials, no local paths, at most 1000 characters.

    Of a path the last part stays. Texts of the state folder name it ANN_HOME.
    """
    text = text[: 4 * LONGEST].replace(str(settings.home), "ANN_HOME")
    text = without_credentials(text)
    for secret in _secrets(settings):
        text = text.replace(secret, "***")
    text = _LOCAL_STORE.sub(_named_alone, text)
    text = _WINDOWS_PATH.sub("…/", _PATH.sub(_shortened, text))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _named_alone(store: re.Match[str]) -> str:
    return f"{store[1]}:…/{store[2].rpartition('/')[2]}"


def _shortened(match: re.Match[str]) -> str:
    """Paths of this machine lose their folders; a route, which is written like one, stays."""
    return f"…/{match[2]}" if os.path.isdir(f"/{match[1]}") else match[0]


@lru_cache(1)
def _secrets(settings: Settings) -> tuple[str, ...]:
    found = {settings.api_key, settings.webhook_secret}
    for address in (settings.tracking_uri, settings.feedback_url, settings.mlflow_ui):
        for password in (match[1] for of in _PASSWORDS if (match := of.search(address))):
            found |= {password, unquote(password)}
    return tuple(secret for secret in found if len(secret) > 3)
