"""What is found on this machine, what is missing, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import urlopen

from ann_models.digits import mnist
from ann_models.errors import DataUnavailable, InvalidData
from pipelines.errors import PipelineError
from pipelines.settings import Settings

LEAST_FREE = 2 * 1024**3  # bytes: data, models and figures of a few runs


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    well: bool
    sentence: str


def examine(settings: Settings) -> list[Finding]:
    """Look at everything that a run needs; nothing is downloaded, started or changed."""
    os.environ["ANN_OFFLINE"] = "1"  # to look is not to download,
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"  # and not to wait
    return [check(settings) for check in CHECKS]


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
    free = shutil.disk_usage(settings.home).free
    sentence = f"{settings.home}, {free / 1024**3:.0f} GiB free"
    if free < LEAST_FREE:
        return Finding("state folder", False, f"{sentence}; make room or move it with ANN_HOME.")
    return Finding("state folder", True, sentence)


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


def _tracking(settings: Settings) -> Finding:
    from pipelines.tracking.client import Tracking

    try:
        tracking = Tracking(settings)
        tracking.check()
    except PipelineError as error:
        return Finding("tracking", False, f"{settings.tracking_uri}: {error}")
    running = len(tracking.runs("attributes.status = 'RUNNING'"))
    return Finding("tracking", True, f"{settings.tracking_uri}, {running} runs under way")


def _artifacts(settings: Settings) -> Finding:
    """A server whose artifacts are paths of its own disk cannot be used from another machine."""
    from pipelines.tracking.client import Tracking

    try:
        tracking = Tracking(settings)
        tracking.check()
        places = {e.artifact_location for e in tracking.experiments()}
    except PipelineError:
        return Finding("artifacts", False, "not looked at: tracking is away.")
    paths = [Path(unquote(urlsplit(place).path)) for place in places if _is_local(place)]
    if settings.tracking_uri.startswith("http") and paths:
        return Finding(
            "artifacts",
            False,
            f"the server keeps them under {paths[0]}, a path of its own disk; start it with "
            "--serve-artifacts and without --default-artifact-root.",
        )
    lost = [path for path in paths if not path.exists()]
    if lost:
        return Finding("artifacts", False, f"{lost[0]} is gone; restore it or start anew.")
    return Finding("artifacts", True, ", ".join(sorted(places)) or "none yet")


def _is_local(place: str) -> bool:
    return place.startswith(("/", "file:"))


def _champion(settings: Settings) -> Finding:
    from serving.errors import ServingError
    from serving.model.download import fetch

    try:
        champion = fetch(settings.tracking_uri, "mnist-digits", "champion", settings.home)
    except ServingError as error:
        return Finding("champion", False, str(error))
    if champion.registry_error:
        return Finding("champion", False, f"last good copy only: {champion.registry_error}")
    return Finding("champion", True, f"{champion.name} version {champion.version}, verified")


def _prefect(settings: Settings) -> Finding:
    if settings.prefect_api_url is None:
        return Finding("Prefect", True, "a temporary server for each run (no PREFECT_API_URL)")
    try:
        with urlopen(f"{settings.prefect_api_url.rstrip('/')}/health", timeout=5):
            return Finding("Prefect", True, settings.prefect_api_url)
    except OSError as error:
        return Finding(
            "Prefect",
            False,
            f"{settings.prefect_api_url} does not answer ({error}); start it with `prefect server "
            "start`, or unset PREFECT_API_URL.",
        )


CHECKS: tuple[Callable[[Settings], Finding], ...] = (
    _packages,
    _state,
    _mnist,
    _tracking,
    _artifacts,
    _champion,
    _prefect,
)
