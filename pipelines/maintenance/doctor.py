"""What is found on this machine, what is missing, and what to do about it; nothing is changed."""

from __future__ import annotations

import errno
import importlib.metadata
import os
import shutil
import socket
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

from ann_models.digits import mnist
from ann_models.errors import DataUnavailable, InvalidData
from mlflow_reader.deadline import within
from mlflow_reader.entities import StoreUnavailable
from pipelines.errors import PipelineError, format_error
from pipelines.local import probes
from pipelines.maintenance import relocation
from pipelines.settings import SERVER_SCHEMES, Settings, embedded_uri, metrics_port
from serving.credentials import bare_address, without_credentials

if TYPE_CHECKING:
    from pipelines.tracking.client import Tracking

LEAST_FREE = 2 * 1024**3  # bytes: data, models and figures of a few runs
DATABASE = "mlflow.db"
OTHER_DATABASES = ("prefect/prefect.db", "feedback.db")
METRICS_SECONDS = 10.0
NOT_CHECKED = "not checked: tracking is unavailable."


@dataclass(frozen=True)
class Finding:
    """One thing that was checked."""

    subject: str
    healthy: bool
    message: str


def diagnose(settings: Settings) -> list[Finding]:
    """Check everything that a run needs; nothing is downloaded, started or changed.

    A store in a SQLite file is checked in a copy: to open one can write to it.
    """
    os.environ["ANN_OFFLINE"] = "1"  # no download
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"  # no waiting
    findings = [check(settings) for check in (_packages, _state, _mnist)]
    findings += [*_store(settings), _prefect(settings), _service(settings), _metrics()]
    findings += [f for f in (_database(settings, path) for path in OTHER_DATABASES) if f]
    return [replace(f, message=without_credentials(f.message)) for f in findings]


def _packages(settings: Settings) -> Finding:
    names = ("mlflow", "prefect", "keras", "onnxruntime")
    try:
        found = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in names)
    except importlib.metadata.PackageNotFoundError as missing:
        return Finding(
            "packages", False, f"{missing.name} is not installed; `make setup` installs it."
        )
    return Finding("packages", True, found)


def _state(settings: Settings) -> Finding:
    finding = partial(Finding, "state folder")
    there = next(place for place in (settings.home, *settings.home.parents) if place.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return finding(False, f"{there} cannot be written; set ANN_HOME to a folder that can.")
    free = shutil.disk_usage(there).free
    new = "" if there == settings.home else " (not made yet)"
    message = f"{settings.home}{new}, {free / 1024**3:.0f} GiB free"
    if free < LEAST_FREE:
        return finding(False, f"{message}; make room or move it with ANN_HOME.")
    return finding(True, message)


def _mnist(settings: Settings) -> Finding:
    try:
        found = mnist.find()
    except InvalidData as error:
        return Finding("MNIST", False, str(error))
    except DataUnavailable:
        return Finding(
            "MNIST",
            False,
            "not on this machine; a run downloads it (11 MB), and without internet it uses the "
            "offline digits. ANN_MNIST_PATH can name an mnist.npz or a folder of IDX files.",
        )
    return Finding("MNIST", True, f"{found.origin}, bit-identical to the original")


# --- what MLflow keeps ----------------------------------------------------------------------------


def _store(settings: Settings) -> list[Finding]:
    findings, database = [], _file(settings)
    try:
        with _copied(settings) as (copy, moved):
            if moved:
                findings.append(Finding("moved state folder", True, moved))
            tracking = _tracking(settings, copy)
            findings.append((database and _unwritable("tracking", database)) or tracking)
            if not tracking.healthy:  # a server that is silent is waited for once
                return [*findings, *_not_checked()]
            findings += [check(settings, copy) for check in (_artifacts, _champion)]
    except (OSError, sqlite3.Error) as error:
        variable = "ANN_HOME" if settings.embedded else "MLFLOW_TRACKING_URI"
        why = (
            f"{database} cannot be read ({format_error(error)}); restore it or its "
            f"permissions, or start with a new {variable}."
        )
        if getattr(error, "errno", 0) == errno.ENOSPC or "is full" in str(error):  # the copy
            why = (
                f"not checked: {tempfile.gettempdir()} has no room for a copy of {database}; make "
                "room there, or set TMPDIR to another folder."
            )
        return [Finding("tracking", False, why), *_not_checked()]
    return findings


def _not_checked() -> list[Finding]:
    return [Finding(name, False, NOT_CHECKED) for name in ("artifacts", "champion")]


def _file(settings: Settings) -> Path | None:
    """The SQLite file of the store, embedded or not; None of servers and other databases."""
    scheme, _, rest = settings.tracking_uri.partition(":///")
    file = rest.partition("?")[0]
    there = scheme.startswith("sqlite") and file not in ("", ":memory:")
    return Path(file).absolute() if there else None


@contextmanager
def _copied(settings: Settings) -> Iterator[tuple[Settings, str]]:
    """Settings whose SQLite file is a copy, and a message if the state folder was moved.

    Settings of a server or another database stay as they are.
    """
    database = _file(settings)
    if database is None:
        yield settings, ""
        return
    with tempfile.TemporaryDirectory(prefix="ann-doctor-") as folder:
        copy = replace(settings, home=Path(folder), tracking_uri=embedded_uri(Path(folder)))
        moved = ""
        if database.exists():
            _copy(database, copy.home / DATABASE)
            if settings.embedded and (before := relocation.repair(settings, copy.home / DATABASE)):
                moved = f"it was at {before}; the next command repairs its artifact paths."
        yield copy, moved


def _copy(database: Path, copy: Path) -> None:
    """Copy an SQLite database without leaving a trace beside it, used or not."""
    log = database.with_name(f"{database.name}-wal")
    if log.with_name(f"{database.name}-shm").exists():  # in use: consistently, through SQLite
        with (
            closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as source,
            closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
        return
    shutil.copyfile(database, copy)
    if log.exists():
        shutil.copyfile(log, copy.with_name(f"{copy.name}-wal"))


def _open(copy: Settings) -> Tracking:
    """The store, or a copy of it.

    Raises:
        PipelineError: it cannot be opened.
    """
    from pipelines.tracking.client import Tracking

    tracking = Tracking(copy)
    tracking.check()
    return tracking


def _tracking(settings: Settings, copy: Settings) -> Finding:
    finding, place = partial(Finding, "tracking"), bare_address(settings.tracking_uri)
    if settings.is_new:
        return finding(True, f"{place}, made by the first run")
    if (database := _file(settings)) and not database.exists():
        return finding(
            False,
            f"{place}: there is no such file; correct MLFLOW_TRACKING_URI, or let the first run "
            "make it.",
        )
    try:
        if not settings.embedded and not settings.tracking_uri.startswith(SERVER_SCHEMES):
            from mlflow_reader.database import check  # with MLflow's client

            check(copy.tracking_uri)
        running = sum(run.status == "RUNNING" for run in _open(copy).run_infos())
    except (PipelineError, StoreUnavailable, sqlite3.Error) as error:
        why = format_error(error).replace(copy.tracking_uri, place)
        return finding(False, f"{place}: {why}")
    return finding(True, f"{place}, {running} runs under way")


def _artifacts(settings: Settings, copy: Settings) -> Finding:
    """A server whose artifacts are paths of its own disk cannot be used from another machine."""
    finding = partial(Finding, "artifacts")
    if settings.is_new:
        return finding(True, "none yet")
    try:
        places = {e.artifact_location for e in _open(copy).experiments()}
    except (PipelineError, StoreUnavailable, sqlite3.Error):
        return finding(False, NOT_CHECKED)
    paths = [Path(unquote(urlsplit(place).path)) for place in places if _is_local(place)]
    if settings.tracking_uri.startswith("http") and paths:
        return finding(
            False,
            f"the server keeps them under {paths[0]}, a path of its own disk; start it with "
            "--serve-artifacts and without --default-artifact-root.",
        )
    lost = [path for path in paths if not path.exists()]
    if lost:
        return finding(False, f"{lost[0]} is gone; restore it, or start with a new ANN_HOME.")
    return finding(True, ", ".join(sorted(places)) or "none yet")


def _is_local(place: str) -> bool:
    return place.startswith(("/", "file:"))


def _champion(settings: Settings, copy: Settings) -> Finding:
    from pipelines.registry.champion import fetch_champion
    from serving.errors import ServingError

    finding = partial(Finding, "champion")
    with tempfile.TemporaryDirectory(prefix="ann-doctor-") as folder:  # its files are copied there
        try:
            champion = fetch_champion(replace(copy, home=Path(folder)))
        except ServingError as error:
            return finding(False, str(error).replace(copy.tracking_uri, settings.tracking_uri))
    message = f"{champion.name} version {champion.version}, verified"
    if champion.data != "mnist":
        return finding(True, f"{message}; it knows the OFFLINE DIGITS: no MNIST champion yet.")
    return finding(True, message)


def _prefect(settings: Settings) -> Finding:
    finding = partial(Finding, "Prefect")
    if settings.prefect_api_url is None:
        return finding(True, "a temporary server for each run (no PREFECT_API_URL)")
    address = bare_address(settings.prefect_api_url)
    health = probes.prefect(settings.prefect_api_url.rstrip("/"))(0)
    if health.healthy:
        return finding(True, address)
    answers = f"answers {health.message}" if health.responsive else health.message
    return finding(
        False,
        f"{address} {answers}; start it with `prefect server start`, or unset PREFECT_API_URL.",
    )


def _service(settings: Settings) -> Finding:
    """What `ann serve` would refuse."""
    from serving import settings as serving_settings
    from serving.errors import WrongSetting

    used = {"ANN_HOME": str(settings.home), "MLFLOW_TRACKING_URI": settings.tracking_uri}
    try:
        found = serving_settings.load(os.environ | used)
        serving_settings.check_driver(found.feedback_url)
    except WrongSetting as error:
        return Finding("digit service", False, str(error))
    return Finding("digit service", True, "its settings can be read")


def _metrics() -> Finding:
    """Whether the worker can serve metrics at ANN_METRICS_PORT, or does."""
    finding, port = partial(Finding, "metrics"), metrics_port()
    if port is None:
        return finding(True, "the worker serves none (no ANN_METRICS_PORT)")
    try:
        with socket.create_server(("", port)):
            return finding(True, f"port {port} is free for the worker")
    except OSError as error:
        if _serves_metrics(port):
            return finding(True, f"the worker serves them at port {port}")
        return finding(
            False,
            f"ANN_METRICS_PORT is {port}, where no metrics can be served ({error}); set it to a "
            "free port such as 9464, or unset it.",
        )


def _serves_metrics(port: int) -> bool:
    def ask() -> bool:
        address = f"http://127.0.0.1:{port}/metrics"
        with urlopen(address, timeout=METRICS_SECONDS) as answer:
            return b"ann_worker_servers_up" in answer.read()

    try:
        return within(METRICS_SECONDS, ask)
    except (OSError, HTTPException):
        return False


def _database(settings: Settings, path: str) -> Finding | None:
    """Whether SQLite finds a database sound, without a change; None if it is not made yet."""
    database = settings.home / path
    try:
        if not database.exists():
            return None
        if finding := _unwritable(path, database):
            return finding
        result = _quick_check(database)
    except PermissionError as error:
        message = f"{database} cannot be read ({error.strerror}); change its owner or permissions."
        return Finding(path, False, message)
    except (OSError, sqlite3.Error) as error:
        result = format_error(error)
    if result == "ok":
        return Finding(path, True, "a sound database")
    return Finding(
        path,
        False,
        f"{database} is damaged or cannot be read ({result}); end what uses it, then restore it "
        "or move it away: an empty one is made.",
    )


def _unwritable(subject: str, database: Path) -> Finding | None:
    """What is wrong with a database that this user can read and not write."""
    if not os.access(database, os.R_OK) or os.access(database, os.W_OK):
        return None
    return Finding(
        subject,
        False,
        f"{database} cannot be written by this user; change its owner or its permissions.",
    )


def _quick_check(database: Path) -> str:
    """SQLite's verdict on a database: "ok" or the first fault; no file is made beside it."""
    with database.open("rb") as file:
        keeps_a_log = file.read(20)[18:19] == b"\2"  # "write version" of its header: WAL
    log, shared = (database.with_name(f"{database.name}{end}") for end in ("-wal", "-shm"))
    with tempfile.TemporaryDirectory(prefix="ann-doctor-") as folder:
        mode = "ro"
        if keeps_a_log and not shared.exists():  # not in use; with "ro" SQLite would make the file
            if log.exists() and log.stat().st_size:  # it holds transactions: of a killed process
                copy = Path(folder, database.name)
                _copy(database, copy)
                database = copy
            else:
                mode = "ro&immutable=1"
        with closing(sqlite3.connect(f"{database.as_uri()}?mode={mode}", uri=True)) as opened:
            return str(opened.execute("PRAGMA quick_check(1)").fetchone()[0])
