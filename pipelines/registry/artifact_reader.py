"""What a registered version carries, read from the artifact store and verified."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import requests
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

from ann_models import archives
from pipelines.candidate import DIGITS, Candidate, People
from pipelines.errors import FATAL, RegistryError, format_error, translate
from pipelines.home import sha256
from pipelines.registry.data_sets import DataSets
from pipelines.registry.versions import Version
from pipelines.tracking import tags

if TYPE_CHECKING:
    import keras

HASHED = {tags.ONNX_SHA256: "model.onnx", tags.KERAS_SHA256: "data/model.keras"}  # tag: file
PROBE_TOLERANCE = 1e-4  # between processors; as in serving
NOT_FOUND = 404
HELP = (
    "If the state folder was moved, `ann doctor` repairs its paths; otherwise restore the file, or "
    "promote another version by hand, with a reason."
)


class ArtifactReader:
    """Reads versions' files; whatever it returns is what was registered."""

    def __init__(self, client: MlflowClient, uri: str) -> None:
        """Read from the registry behind a client, at an MLflow tracking URI."""
        self.client = client
        self.uri = uri

    def candidate(self, version: Version) -> Candidate:
        """What the gate needs to know of a version.

        The time is measured again: a stored one may be from another machine.

        Raises:
            RegistryError: the version was not registered here, its files are missing or altered,
                or its ONNX form does not answer as it did.
        """
        from ann_models.onnx.inference import milliseconds_per_image, predictor

        if tags.VALIDATION_DIGEST not in version.tags:
            raise RegistryError(
                f"{version} has no tag {tags.VALIDATION_DIGEST}: it was not registered by this "
                "pipeline, so that the gate cannot evaluate it; promote another version by hand, "
                "with a reason."
            )
        with tempfile.TemporaryDirectory() as folder:
            validation = archives.read(self._file(version, "validation.npz", folder))
            probe = archives.read(self._file(version, "probe.npz", folder))
            people = None
            if tags.PEOPLE_DIGEST in version.tags:
                kept = archives.read(self._file(version, "people.npz", folder))
                people = People(**kept, digest=version.tags[tags.PEOPLE_DIGEST])
        entry = DataSets(self.client).find(version.name)
        onnx_bytes = self.onnx_bytes(version)
        answer = predictor(onnx_bytes)(probe["image"][np.newaxis])[0]
        difference = float(np.abs(answer - probe["probabilities"]).max())
        diverged = not np.isfinite(probe["probabilities"]).all()  # the gate refuses it
        if not difference <= PROBE_TOLERANCE and not diverged:  # so that NaN fails too
            raise RegistryError(
                f"model.onnx of {version} answers its probe digit differently than when it was "
                f"registered, by {difference:.2g}; {PROBE_TOLERANCE:g} is allowed. Register the "
                "model again, or promote another version by hand, with a reason."
            )
        return Candidate(
            probabilities=validation["probabilities"],
            labels=validation["labels"],
            data_source=version.data_source,
            validation_digest=version.tags[tags.VALIDATION_DIGEST],
            onnx_ms=milliseconds_per_image(onnx_bytes, probe["image"]),
            onnx_difference=float(version.tags[tags.ONNX_DIFFERENCE]),
            weights_finite=version.tags[tags.WEIGHTS_FINITE] == "True",
            robustness=json.loads(version.tags.get(tags.ROBUSTNESS_BY_CORRUPTION, "{}")),
            people=people,
            classes=len(entry.classes) if entry else DIGITS,
        )

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
        if sha256(path) != version.tags.get(tag):
            raise RegistryError(
                f"{HASHED[tag]} of {version} has SHA-256 {sha256(path)}, but was registered with "
                f"{version.tags.get(tag)}: the artifact store was altered or damaged. {HELP}"
            )
        return path


def _is_missing(error: BaseException) -> bool:
    """Whether the server answered that there is no such file: it is available."""
    if not isinstance(error, requests.HTTPError) or error.response is None:
        return False
    return error.response.status_code == NOT_FOUND
