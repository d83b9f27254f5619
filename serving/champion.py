"""The served model: fetched from the registry by its alias, verified, kept as last good copy.

    <home>/served/<name>/<version>/             model.onnx, probe.npz, version.json
    <home>/served/<name>/last_good_<alias>      the version that last served under the alias

A model is served only if its ONNX file has the SHA-256 that its version's tag names and if it
answers the probe digit as it did when it was registered.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
import onnxruntime
from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from serving.errors import NoChampion, RegistryUnavailable, UnverifiedModel

PROBE_TOLERANCE = 1e-4  # between processors; the same processor answers within 1e-6

# MLflow waits minutes for a server that is away; the last good copy is ready at once.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "10")


@dataclass(frozen=True)
class Champion:
    """A verified model, ready to answer from any thread.

    Attributes:
        name: the registered model, such as "mnist-digits".
        version: its version number.
        alias: the alias under which it was fetched.
        data: the source of its training digits, such as "mnist".
        run_id: the MLflow run that trained it.
        session: ONNX Runtime on one thread.
        registry_error: why the registry could not confirm that this is still the alias's version;
            None if it did.
    """

    name: str
    version: str
    alias: str
    data: str
    run_id: str
    session: onnxruntime.InferenceSession
    registry_error: str | None = None

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Probabilities (n, 10) for float32 images (n, 28, 28) in [0, 1], ink 1 on paper 0."""
        return self.session.run(["probabilities"], {"images": images})[0]


def fetch(uri: str, name: str, alias: str, home: Path) -> Champion:
    """Bring the alias's version here, or fall back on the last good copy of it.

    Args:
        uri: MLflow tracking URI of the registry.
        name: the registered model.
        alias: such as "champion".
        home: the state folder.

    Raises:
        NoChampion: the registry has no version under that alias.
        UnverifiedModel: the version's files are not what was registered.
        RegistryUnavailable: the registry does not answer and there is no last good copy.
    """
    folder = home / "served" / name
    try:
        version = _look_up(uri, name, alias)
        copy = _download(uri, version, folder)
    except RegistryUnavailable as away:
        return _last_good(folder, alias, away)
    champion = _load(copy, alias)
    _write(folder / f"last_good_{alias}", champion.version)
    return champion


def _look_up(uri: str, name: str, alias: str) -> ModelVersion:
    path = uri.removeprefix("sqlite:///")
    if path != uri and not Path(path).exists():
        raise RegistryUnavailable(f"there is no registry at {uri} yet; `ann run` makes one.")
    client = MlflowClient(uri, uri)
    try:
        aliases = client.get_registered_model(name).aliases
        if alias in aliases:
            return client.get_model_version(name, aliases[alias])
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise _unavailable(uri, error) from error
    raise NoChampion(
        f"the registry at {uri} has no {name}@{alias}; train and promote a model with `ann run`."
    )


def _download(uri: str, version: ModelVersion, folder: Path) -> Path:
    """Bring the version's files into its folder, unless a copy is there already."""
    tags = version.tags
    if not {"onnx_sha256", "data"} <= tags.keys():
        raise UnverifiedModel(
            f"{version.name} version {version.version} has no tag onnx_sha256 or data: it was not "
            "registered by this project's pipeline, so it cannot be verified; promote one that was."
        )
    copy = folder / str(version.version)
    manifest = {
        "name": version.name,
        "version": str(version.version),
        "data": tags["data"],
        "run_id": version.run_id or "",
        "onnx_sha256": tags["onnx_sha256"],
    }
    if _is_whole(copy, manifest):
        return copy
    try:
        copy.mkdir(parents=True, exist_ok=True)
        root = MlflowClient(uri, uri).get_model_version_download_uri(version.name, version.version)
        with tempfile.TemporaryDirectory(dir=folder) as unfinished:
            for file in ("model.onnx", "probe.npz"):
                download_artifacts(f"{root}/{file}", dst_path=unfinished, tracking_uri=uri)
                os.replace(Path(unfinished, file), copy / file)
        _write(copy / "version.json", json.dumps(manifest, indent=1))
    except (MlflowException, OSError) as error:
        raise _unavailable(uri, error) from error
    return copy


def _is_whole(copy: Path, manifest: dict[str, str]) -> bool:
    try:
        same = json.loads((copy / "version.json").read_bytes()) == manifest
        return same and _sha256(copy / "model.onnx") == manifest["onnx_sha256"]
    except (OSError, ValueError):
        return False


def _last_good(folder: Path, alias: str, away: RegistryUnavailable) -> Champion:
    try:
        number = (folder / f"last_good_{alias}").read_text()
    except FileNotFoundError:
        raise away from None
    return _load(folder / number, alias, str(away))


def _load(copy: Path, alias: str, registry_error: str | None = None) -> Champion:
    """Verify a copy and make it ready: its hash, then its answer to the probe digit."""
    try:
        manifest = json.loads((copy / "version.json").read_bytes())
        onnx_bytes = (copy / "model.onnx").read_bytes()
        if hashlib.sha256(onnx_bytes).hexdigest() != manifest["onnx_sha256"]:
            raise ValueError("model.onnx does not have the SHA-256 that its tag names")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            onnx_bytes, options, providers=["CPUExecutionProvider"]
        )
        champion = Champion(
            name=manifest["name"],
            version=manifest["version"],
            alias=alias,
            data=manifest["data"],
            run_id=manifest["run_id"],
            session=session,
            registry_error=registry_error,
        )
        with np.load(copy / "probe.npz", allow_pickle=False) as probe:
            answer = champion.predict(probe["image"][np.newaxis])[0]
            difference = np.abs(answer - probe["probabilities"]).max()
        if not difference <= PROBE_TOLERANCE:  # so that NaN fails too
            raise ValueError(f"its answer to the probe digit is off by {difference:.2g}")
    except Exception as error:  # a wrong file can raise anything, and the verdict is the same
        raise UnverifiedModel(
            f"the model in {copy} is not what was registered: {error}. Roll back to another "
            "version with `ann models rollback`, or restore the artifact store."
        ) from error
    return champion


def _unavailable(uri: str, error: Exception) -> RegistryUnavailable:
    return RegistryUnavailable(
        f"the registry at {uri} cannot be reached or read: {error}. Is its server running, and is "
        "MLFLOW_TRACKING_URI right?"
    )


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}")
    unfinished.write_text(text)
    os.replace(unfinished, path)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
