"""Health checks of the services, by the requests that their users send."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from http.client import HTTPException
from types import MappingProxyType
from typing import Any
from urllib.error import HTTPError
from urllib.parse import unquote, urlsplit
from urllib.request import Request, urlopen

from mlflow_reader.deadline import within
from pipelines.local.supervisor import Health
from pipelines.scheduling.work_pool import HEARTBEAT_SECONDS
from serving.settings import NOT_ASKED

SECONDS = 5.0  # a server may be busy
UNRESPONSIVE = "does not answer"
NO_CHAMPION = "waiting for a champion: run `ann run mnist_ann`"
ANOTHER = "another program answers there"


def mlflow(address: str) -> Callable[[float], Health]:
    """An MLflow server, by its API: `/health` is green while every call is refused."""

    def probe(started: float) -> Health:
        url = f"{address}/api/2.0/mlflow/experiments/search?max_results=1"
        status, _ = _ask(url)
        return _by_status(status)

    return probe


def prefect(api_url: str, seconds: float = SECONDS) -> Callable[[float], Health]:
    """A Prefect server, by its health route."""

    def probe(started: float) -> Health:
        status, _ = _ask(f"{api_url}/health", seconds=seconds)
        return _by_status(status)

    return probe


def worker(api_url: str, pool: str, name: str) -> Callable[[float], Health]:
    """The worker of a pool, by the heartbeat that it has sent since its start."""

    def probe(started: float) -> Health:
        url = f"{api_url}/work_pools/{pool}/workers/filter"
        status, found = _ask(url, body={}, headers=_authorization())
        if status != 200 or not isinstance(found, list):
            return Health(False, "its Prefect server does not list it")
        ours = [w for w in found if isinstance(w, dict) and w.get("name") == name]
        beat = max((_time(w.get("last_heartbeat_time")) for w in ours), default=0)
        now = time.time()
        begun = started if started <= now else 0  # the clock was set back
        if beat < max(begun, now - 3 * HEARTBEAT_SECONDS):
            return Health(False, "no heartbeat", responsive=False)
        return Health(True, f"runs the schedules of pool {pool!r}")

    return probe


def digits(address: str) -> Callable[[float], Health]:
    """The digit service: healthy without a champion, too, and what it waits for."""

    def probe(started: float) -> Health:
        status, _ = _ask(f"{address}/health/live")
        if status != 200:
            return _by_status(status)
        status, found = _ask(f"{address}/health/ready")
        if status is None:
            return _by_status(status)
        state = found if isinstance(found, dict) else {}
        if status != 200:
            why = state.get("registry_error")
            return Health(False, why) if why == NOT_ASKED else Health(True, NO_CHAMPION)
        if not {"model", "version"} <= state.keys():
            return Health(False, ANOTHER)
        return Health(True, f"{state['model']} version {state['version']} answers")

    return probe


def _time(text: Any) -> float:
    """Seconds since 1970 of an ISO time; 0 of what is none."""
    try:
        return datetime.fromisoformat(text).timestamp()
    except (TypeError, ValueError, OverflowError):
        return 0


def _by_status(status: int | None) -> Health:
    if status == 200:
        return Health(True)
    return (
        Health(False, f"HTTP {status}") if status else Health(False, UNRESPONSIVE, responsive=False)
    )


def _ask(
    url: str,
    body: Any = None,
    seconds: float = SECONDS,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> tuple[int | None, Any]:
    """Status and JSON of a response; None without one."""
    data = None if body is None else json.dumps(body).encode()
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    headers = {"Content-Type": "application/json", **_basic(unquote(user)), **headers}
    request = Request(parts._replace(netloc=host).geturl(), data, headers)

    def ask() -> tuple[int, Any]:
        try:
            with urlopen(request, timeout=seconds) as answer:
                return answer.status, _content(answer.read())
        except HTTPError as error:
            return error.code, _content(error.read())

    try:
        return within(seconds, ask)
    except (OSError, ValueError, HTTPException):  # also what is no HTTP server
        return None, None


def _authorization() -> dict[str, str]:
    """For a Prefect server with a password; its health route needs none."""
    return _basic(os.environ.get("PREFECT_API_AUTH_STRING", ""))


def _basic(user: str) -> dict[str, str]:
    """The header of a `NAME:PASSWORD`; none without one."""
    return {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"} if user else {}


def _content(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):  # a page in HTML, or brackets without end
        return None
