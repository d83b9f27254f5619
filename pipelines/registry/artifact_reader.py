"""What a registered version carries, read from the artifact store and verified.

Verified is, of model.onnx and data/model.keras, the SHA-256 in the version's tags; of the archives
validation.npz, probe.npz and people.npz likewise, where the version has their tags (older ones
have none), and in any case that they hold the arrays that were registered, by name and dimensions.
The hashes show damage, not forgery: who can write the files may be able to write the tags, too.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from ann_models import archives
from ann_models.errors import InvalidData
from pipelines.candidate import DIGITS, Candidate, People
from pipelines.errors import FATAL, RegistryError, format_error, translate
from pipelines.home import sha256
from pipelines.registry.data_sets import DataSets
from pipelines.registry.versions import Version
from pipelines.tracking import tags

if TYPE_CHECKING:
    import keras

T = TypeVar("T")
HASHED = {tags.ONNX_SHA256: "model.onnx", tags.KERAS_SHA256: "data/model.keras"}  # tag: file
ARCHIVES = {
    tags.VALIDATION_SHA256: "validation.npz",
    tags.PROBE_SHA256: "probe.npz",
    tags.PEOPLE_SHA256: "people.npz",
}
DIMENSIONS = {  # of the arrays in each
    tags.VALIDATION_SHA256: {"probabilities": 2, "labels": 1},
    tags.PROBE_SHA256: {"image": 2, "probabilities": 1},
    tags.PEOPLE_SHA256: {"correct": 1, "marked": 1, "marked_non_digits": 1},
}
PROBE_TOLERANCE = 1e-4  # between processors; as in serving
NOT_FOUND = 404
HELP = (
    "If the state folder was moved, `ann doctor` repairs its paths; otherwise restore the file, or "
    "promote another version by hand, with a reason."
)


class ArtifactReader:
    """Reads versions' files, and verifies them as the module says."""

    def __init__(self, client: MlflowClient, uri: str) -> None:
        """Read from the registry behind a client, at an MLflow tracking URI."""
        self.client = client
        self.uri = uri

    def candidate(self, version: Version) -> Candidate:
        """What the gate needs to know of a version.

        The time is measured again: a stored one may be from another machine.

        Raises:
            RegistryError: the version was not registered here, its files or tags are missing or
                altered, or its ONNX form does not answer as it did.
        """
        from ann_models.onnx.inference import milliseconds_per_image

        if tags.VALIDATION_DIGEST not in version.tags:
            raise RegistryError(
                f"{version} has no tag {tags.VALIDATION_DIGEST}: it was not registered by this "
                "pipeline, so that the gate cannot evaluate it; promote another version by hand, "
                "with a reason."
            )
        with tempfile.TemporaryDirectory() as folder:
            validation = self._arrays(version, tags.VALIDATION_SHA256, folder)
            people = None
            if tags.PEOPLE_DIGEST in version.tags:
                kept = self._arrays(version, tags.PEOPLE_SHA256, folder)
                people = People(**kept, digest=version.tags[tags.PEOPLE_DIGEST])
        entry = DataSets(self.client).find(version.name)
        onnx_bytes, probe = self.verify(version)
        return Candidate(
            probabilities=validation["probabilities"],
            labels=validation["labels"],
            data_source=version.data_source,
            validation_digest=version.tags[tags.VALIDATION_DIGEST],
            onnx_ms=milliseconds_per_image(onnx_bytes, probe["image"]),
            onnx_difference=_parsed(version, tags.ONNX_DIFFERENCE, float),
            weights_finite=version.tags.get(tags.WEIGHTS_FINITE) == "True",
            robustness=_parsed(version, tags.ROBUSTNESS_BY_CORRUPTION, _accuracies, "{}"),
            people=people,
            classes=len(entry.classes) if entry else DIGITS,
        )

    def verify(self, version: Version) -> tuple[bytes, dict[str, np.ndarray]]:
        """The version's ONNX form and probe digit, as the digit service verifies them.

        Raises:
            RegistryError: a file is missing or is not the one that was registered, or the ONNX
                form does not answer as it did.
        """
        onnx_bytes = self.onnx_bytes(version)
        with tempfile.TemporaryDirectory() as folder:
            probe = self._arrays(version, tags.PROBE_SHA256, folder)
        try:
            difference = probe_difference(onnx_bytes, probe)
        except ValueError as error:
            raise RegistryError(
                f"model.onnx of {version} does not answer the digit in its probe.npz ({error}). "
                f"{HELP}"
            ) from error
        diverged = not np.isfinite(probe["probabilities"]).all()  # the gate refuses it
        if not difference <= PROBE_TOLERANCE and not diverged:  # so that NaN fails too
            raise RegistryError(
                f"model.onnx of {version} answers its probe digit differently than when it was "
                f"registered, by {difference:.2g}; {PROBE_TOLERANCE:g} is allowed. Register the "
                "model again, or promote another version by hand, with a reason."
            )
        return onnx_bytes, probe

    def onnx_bytes(self, version: Version) -> bytes:
        """The version's ONNX form, verified.

        Raises:
            RegistryError: the file is missing, or is not the one that was registered.
        """
        with tempfile.TemporaryDirectory() as folder:
            return self._verified_file(version, tags.ONNX_SHA256, folder).read_bytes()

    def keras_model(self, version: Version) -> keras.Model:
        """The version's Keras model, verified and read in safe mode.

        Raises:
            RegistryError: the file is missing, or is not the one that was registered.
        """
        import keras

        import ann_models.layers  # noqa: F401  # registers the project's layers with Keras

        with tempfile.TemporaryDirectory() as folder:
            path = self._verified_file(version, tags.KERAS_SHA256, folder)
            return keras.models.load_model(path, compile=False, safe_mode=True)

    def _file(self, version: Version, path: str, folder: str) -> Path:
        """Download one file of a version.

        Raises:
            RegistryError: the file is missing or cannot be read.
            TrackingUnavailable: the server does not answer.
            StorageFull: there is no room for the file.
        """
        root = self.client.get_model_version_download_uri(version.name, version.number)
        local = Path(folder, path)
        local.parent.mkdir(parents=True, exist_ok=True)
        try:
            # Not download_artifacts: it replaces the cause of a failure by its text.
            get_artifact_repository(root, self.uri)._download_file(path, str(local))
        except (MlflowException, OSError) as error:
            cause = translate(error)
            if isinstance(cause, FATAL) and not _is_missing(error):
                raise cause from error
            raise RegistryError(
                f"{path} of {version} cannot be read from {root}: {format_error(error)}. {HELP}"
            ) from error
        return local

    def _verified_file(self, version: Version, tag: str, folder: str) -> Path:
        path = self._file(version, HASHED[tag], folder)
        _check_hash(version, HASHED[tag], path, version.tags.get(tag))
        return path

    def _arrays(self, version: Version, tag: str, folder: str) -> dict[str, np.ndarray]:
        """What an archive of a version holds.

        Raises:
            RegistryError: the file is missing, is not the one that was registered, or holds other
                arrays than this project writes.
        """
        name = ARCHIVES[tag]
        path = self._file(version, name, folder)
        if tag in version.tags:
            _check_hash(version, name, path, version.tags[tag])
        try:
            return read_archive(path, tag)
        except ValueError as error:
            raise RegistryError(f"{name} of {version} {error}. {HELP}") from error


def check_files(version: Version, folder: Path) -> None:
    """Make sure that a folder holds the files that were registered as a version.

    Raises:
        RegistryError: one is missing, or is another.
    """
    for tag, name in (HASHED | ARCHIVES).items():
        if tag not in version.tags:
            continue
        if not (folder / name).is_file():
            raise RegistryError(f"{name} of {version} is missing in the artifact store. {HELP}")
        _check_hash(version, name, folder / name, version.tags[tag])


def read_archive(path: Path, tag: str) -> dict[str, np.ndarray]:
    """Read an archive, named by its hash's tag, that holds the arrays that this project writes.

    Raises:
        ValueError: it is damaged, or holds others.
    """
    try:
        arrays = archives.read(path)
    except InvalidData as error:
        cause = error.__cause__ or error  # without the path of the copy
        raise ValueError(f"is damaged ({format_error(cause)})") from error
    found = {name: array.ndim for name, array in arrays.items() if array.dtype.kind in "biuf"}
    ours = found == DIMENSIONS[tag] and len(arrays) == len(found)
    if ours and tag == tags.VALIDATION_SHA256:
        ours = len(arrays["probabilities"]) == len(arrays["labels"])
    if not ours:
        shapes = ", ".join(f"{name} {a.dtype}{a.shape}" for name, a in arrays.items())
        raise ValueError(f"is of another tool: it holds {shapes or 'nothing'}")
    return arrays


def probe_difference(onnx_bytes: bytes, probe: Mapping[str, np.ndarray]) -> float:
    """By how much a network answers its probe digit differently than when it was registered.

    Raises:
        ValueError: it does not answer.
    """
    from ann_models.onnx.inference import predictor

    try:
        answer = predictor(onnx_bytes)(probe["image"][np.newaxis])[0]
        return float(np.abs(answer - probe["probabilities"]).max())
    except Exception as error:  # ONNX Runtime's errors have no common tree
        raise ValueError(format_error(error)) from error


def _check_hash(version: Version, name: str, path: Path, registered: str | None) -> None:
    if sha256(path) != registered:
        raise RegistryError(
            f"{name} of {version} has SHA-256 {sha256(path)}, but was registered with "
            f"{registered}: the artifact store was altered or damaged. {HELP}"
        )


def _parsed(version: Version, tag: str, parse: Callable[[str], T], default: str = "") -> T:
    """A tag's value.

    Raises:
        RegistryError: it is missing without a default, or not what this project writes.
    """
    text = version.tags.get(tag, default)
    try:
        return parse(text)
    except (ValueError, TypeError, AttributeError) as error:
        raise RegistryError(
            f"the tag {tag} of {version} is {text!r}: another tool wrote or removed it. Register "
            "the model again, or promote another version by hand, with a reason."
        ) from error


def _accuracies(text: str) -> dict[str, float]:
    return {name: float(accuracy) for name, accuracy in json.loads(text).items()}


def _is_missing(error: BaseException) -> bool:
    """Whether the server answered that there is no such file: it is available."""
    if not isinstance(error, requests.HTTPError) or error.response is None:
        return False
    return error.response.status_code == NOT_FOUND
