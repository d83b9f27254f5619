"""Reads an MLflow server by its REST API."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar
from urllib.parse import unquote, urlencode, urlsplit
from urllib.request import getproxies, proxy_bypass

from mlflow_reader.deadline import within
from mlflow_reader.entities import (
    MISSING,
    PAGE,
    Experiment,
    ModelVersion,
    RegisteredModel,
    Run,
    RunData,
    RunInfo,
    StoreUnavailable,
    name_filter,
    search_filter,
)
from mlflow_reader.environment import CERTIFICATES, LARGEST

API = "/api/2.0/mlflow/"
ARTIFACTS = "/api/2.0/mlflow-artifacts/artifacts/"
MAX_REDIRECTS = 5
TRANSIENT = (408, 429, 500, 502, 503, 504)  # retried, as MLflow does
FILE_SECONDS = 600.0  # at least, for a whole artifact: on a slow line it takes longer than a page
LONGEST_PAUSE = 120.0  # seconds between two attempts, urllib3's
ERROR_CHARACTERS = 500  # of an unexpected answer: a proxy may send megabytes
# What else MLflow's client can do to reach a server; with one of these it is used.
MLFLOW_ONLY = (
    "MLFLOW_TRACKING_AWS_SIGV4",
    "MLFLOW_TRACKING_AUTH",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    "MLFLOW_WORKSPACE",
    "NETRC",
)
CREDENTIAL_FILES = ("~/.mlflow/credentials", "~/.netrc")


Number = TypeVar("Number", int, float)


def can_read(uri: str) -> bool:
    """Whether it is a server that is reached without a proxy, plugins or credential files."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    if any(os.environ.get(name) for name in MLFLOW_ONLY):
        return False
    if any(os.path.exists(os.path.expanduser(file)) for file in CREDENTIAL_FILES):
        return False
    proxies = getproxies()
    proxied = parts.scheme in proxies or "all" in proxies
    return not proxied or bool(proxy_bypass(parts.netloc.rpartition("@")[2]))


class HttpReader:
    """Implements `reader.Reader` for a server; retries and waits as MLflow's variables say."""

    def __init__(self, uri: str) -> None:
        """Read the server at an address, which may hold credentials.

        Raises:
            StoreUnavailable: one of MLflow's variables is no number.
        """
        import urllib3

        parts = urlsplit(uri)
        host = parts.netloc.rpartition("@")[2]
        self._address = f"{parts.scheme}://{host}{parts.path}".rstrip("/")
        retries = _number("MLFLOW_HTTP_REQUEST_MAX_RETRIES", 7)
        timeout = _number("MLFLOW_HTTP_REQUEST_TIMEOUT", 120.0)
        self._seconds = timeout + 1 + retries * (timeout + LONGEST_PAUSE)  # for all attempts
        options = _certificates() if parts.scheme == "https" else {}
        self._pool = urllib3.PoolManager(
            headers=_credentials(parts.username, parts.password),
            timeout=timeout,
            retries=urllib3.Retry(
                total=None,
                connect=retries,
                read=retries,
                status=retries,
                other=retries,
                redirect=MAX_REDIRECTS,  # which are no failures
                status_forcelist=TRANSIENT,
                backoff_factor=_number("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", 2.0),
                allowed_methods=None,
                raise_on_status=False,
            ),
            **options,
        )

    def experiments(self) -> list[Experiment]:
        """See `Reader`."""
        found = self._pages("experiments/search", "experiments", {})
        return [
            Experiment(e["experiment_id"], e["name"], e.get("artifact_location", ""), _tags(e))
            for e in found
        ]

    def run_infos(self, experiment_ids: Sequence[str], deleted: bool = False) -> list[RunInfo]:
        """See `Reader`."""
        view = "ALL" if deleted else "ACTIVE_ONLY"
        return [run.info for run in self._search(experiment_ids, "", view)]

    def runs(
        self, experiment_ids: Sequence[str], tags: Mapping[str, str | None], status: str = ""
    ) -> list[Run]:
        """See `Reader`."""
        return self._search(experiment_ids, search_filter(tags, status), "ACTIVE_ONLY")

    def _search(self, experiment_ids: Sequence[str], condition: str, view: str) -> list[Run]:
        body = {
            "experiment_ids": list(experiment_ids),
            "filter": condition,
            "run_view_type": view,
        }
        found = self._pages("runs/search", "runs", body) if experiment_ids else ()
        return [_run(run) for run in found]

    def run(self, run_id: str) -> Run | None:
        """See `Reader`."""
        found = self._get("runs/get", run_id=run_id)
        return _run(found["run"]) if found else None

    def model_places(self, experiment_ids: Sequence[str]) -> dict[str, dict[str, str]]:
        """See `Reader`."""
        found: dict[str, dict[str, str]] = {}
        body = {"experiment_ids": list(experiment_ids)}
        for model in self._pages("logged-models/search", "models", body) if experiment_ids else ():
            info = model["info"]
            if run_id := info.get("source_run_id"):
                found.setdefault(run_id, {})[info["model_id"]] = info["artifact_uri"]
        return found

    def registered_models(self) -> list[RegisteredModel]:
        """See `Reader`."""
        found = self._pages("registered-models/search", "registered_models", {}, "GET")
        return sorted(map(_model, found), key=lambda model: model.name)

    def registered_model(self, name: str) -> RegisteredModel | None:
        """See `Reader`."""
        found = self._get("registered-models/get", name=name)
        return _model(found["registered_model"]) if found else None

    def versions(self, name: str) -> list[ModelVersion]:
        """See `Reader`."""
        question = {"filter": name_filter(name)}
        found = self._pages("model-versions/search", "model_versions", question, "GET")
        return sorted(map(_version, found), key=lambda version: -int(version.version))

    def version(self, name: str, number: str) -> ModelVersion | None:
        """See `Reader`."""
        found = self._get("model-versions/get", name=name, version=number)
        return _version(found["model_version"]) if found else None

    def download_uri(self, name: str, number: str) -> str:
        """See `Reader`."""
        found = self._get("model-versions/get-download-uri", name=name, version=number)
        if found is None:
            raise StoreUnavailable(f"{name} has no version {number} any more")
        return str(found["artifact_uri"])

    def artifact(self, path: str) -> bytes:
        """An artifact that the server keeps, by its path there.

        Raises:
            FileNotFoundError: there is none.
            StoreUnavailable: the server does not answer.
        """
        seconds = max(FILE_SECONDS, self._seconds)
        response = self._request("GET", ARTIFACTS + path, seconds)
        if response.status == 404:
            raise FileNotFoundError(path)
        if response.status != 200:
            raise _unexpected(response)
        return bytes(response.data)

    def _pages(
        self, route: str, key: str, question: dict[str, Any], method: str = "POST"
    ) -> Iterator[dict[str, Any]]:
        token: dict[str, str] = {}
        while True:
            asked = {**question, "max_results": PAGE, **token}
            if method == "POST":
                response = self._request(method, API + route, json=asked)
            else:
                response = self._request(method, f"{API}{route}?{urlencode(asked)}")
            found = _content(response)
            yield from found.get(key, ())
            if not (after := found.get("next_page_token")):
                return
            token = {"page_token": after}

    def _get(self, route: str, **question: Any) -> dict[str, Any] | None:
        """The content of an answer; None if there is no such thing."""
        response = self._request("GET", f"{API}{route}?{urlencode(question)}")
        return None if _is_missing(response) else _content(response)

    def _request(self, method: str, path: str, seconds: float = 0.0, **more: Any) -> Any:
        """A whole response, within so many seconds; 0: the time of all attempts."""
        from urllib3.exceptions import HTTPError

        ask = partial(self._pool.request, method, self._address + path, **more)
        try:
            return within(seconds or self._seconds, ask)
        except (HTTPError, TimeoutError) as error:
            raise StoreUnavailable(f"{type(error).__name__}: {error}") from error


def _number(name: str, default: Number) -> Number:
    """A variable's value, of its default's type."""
    text = os.environ.get(name) or str(default)
    try:
        found = type(default)(text)
        if 0 <= found < LARGEST:
            return found
    except ValueError:
        pass
    raise StoreUnavailable(f"{name} is {text!r}; set it to a number, or unset it")


def _content(response: Any) -> dict[str, Any]:
    try:
        content = json.loads(response.data)
    except ValueError:
        raise _unexpected(response) from None
    if response.status == 200 and isinstance(content, dict):
        return content
    raise _unexpected(response)


def _is_missing(response: Any) -> bool:
    """Whether it says that there is no such run, model or version; a search never does."""
    if response.status == 200:
        return False
    try:
        return json.loads(response.data).get("error_code") in MISSING
    except (ValueError, AttributeError):
        return False


def _unexpected(response: Any) -> StoreUnavailable:
    text = response.data[:ERROR_CHARACTERS].decode(errors="replace")
    return StoreUnavailable(f"HTTP {response.status} with the unexpected content {text!r}")


def _credentials(user: str | None, password: str | None) -> dict[str, str]:
    """The header of a user's name and password, or of a token."""
    from urllib3.util import make_headers

    if user is None:
        user = os.environ.get("MLFLOW_TRACKING_USERNAME")
        password = os.environ.get("MLFLOW_TRACKING_PASSWORD")
    else:
        user, password = unquote(user), unquote(password or "")
    if user and password:
        header = make_headers(basic_auth=f"{user}:{password}")
        return {"Authorization": header["authorization"]}
    token = os.environ.get("MLFLOW_TRACKING_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}


def _certificates() -> dict[str, Any]:
    import certifi

    if os.environ.get("MLFLOW_TRACKING_INSECURE_TLS", "").lower() in ("true", "1"):
        return {"cert_reqs": "CERT_NONE"}
    named = (os.environ.get(name) for name in CERTIFICATES)
    place = next(filter(None, named), None) or certifi.where()
    kind = "ca_cert_dir" if os.path.isdir(place) else "ca_certs"
    return {kind: place, "cert_reqs": "CERT_REQUIRED"}


def _tags(entity: Mapping[str, Any]) -> dict[str, str]:
    return {tag["key"]: tag.get("value", "") for tag in entity.get("tags", ())}


def _run(run: Mapping[str, Any]) -> Run:
    info, data = run["info"], run.get("data", {})
    return Run(
        RunInfo(
            info["run_id"],
            info.get("run_name", ""),
            info["experiment_id"],
            info["status"],
            int(info.get("start_time", 0)),
            int(info.get("end_time", 0)),
            info["lifecycle_stage"],
            info.get("artifact_uri", ""),
        ),
        RunData(
            {metric["key"]: float(metric.get("value", 0)) for metric in data.get("metrics", ())},
            {param["key"]: param.get("value", "") for param in data.get("params", ())},
            _tags(data),
        ),
    )


def _model(model: Mapping[str, Any]) -> RegisteredModel:
    aliases = {entry["alias"]: str(entry["version"]) for entry in model.get("aliases", ())}
    newest = (int(version["version"]) for version in model.get("latest_versions", ()))
    updated = int(model.get("last_updated_timestamp", 0))
    return RegisteredModel(model["name"], _tags(model), aliases, updated, max(newest, default=0))


def _version(version: Mapping[str, Any]) -> ModelVersion:
    return ModelVersion(
        version["name"],
        str(version["version"]),
        version.get("run_id", ""),
        _tags(version),
        int(version.get("creation_timestamp", 0)),
    )
