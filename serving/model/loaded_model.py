"""The served model: fetched from the registry by its alias, verified, kept as last good copy.

    <home>/served/<name>/<version>/             model.onnx, probe.npz, version.json,
                                                hidden_layer.npz where the version has one
    <home>/served/<name>/last_good_<alias>      the version that last served under the alias

A model is served only if its ONNX file has the SHA-256 that its version's tag names and if it
answers the probe digit as it did when it was registered. MLflow is imported when the registry is
asked, not before: a process that only answers with a copy does without it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING
from uuid import uuid4

import numpy as np
import onnxruntime

from serving.errors import NoChampion, RegistryUnavailable, UnverifiedModel
from serving.model.hidden_layer import HIDDEN_LAYER_FILE, HiddenLayer

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

PROBE_TOLERANCE = 1e-4  # between processors; the same processor answers within 1e-6
COPIES = 5  # kept of each model: the last good ones and the most recently used

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
        experiment_id: the experiment of that run; "" if the run is deleted.
        session: ONNX Runtime on one thread.
        hidden_layer: its weights, if it is a network with one hidden layer.
        registry_error: why the registry could not confirm that this is still the alias's version;
            None if it did.
    """

    name: str
    version: str
    alias: str
    data: str
    run_id: str
    experiment_id: str
    session: onnxruntime.InferenceSession
    hidden_layer: HiddenLayer | None = None
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
    try:
        champion = bring(uri, look_up(uri, name, alias), alias, home)
    except RegistryUnavailable as away:
        last = last_good(home, name, alias, str(away))
        if last is None:
            raise
        return last
    mark_good(home, champion)
    return champion


def look_up(uri: str, name: str, alias: str | None, number: str | None = None) -> ModelVersion:
    """Ask the registry for a version: that under an alias, or the one of a number.

    Raises:
        NoChampion: the registry has no such version.
        RegistryUnavailable: the registry does not answer.
    """
    path = uri.removeprefix("sqlite:///")
    if path != uri and not Path(path).exists():
        raise RegistryUnavailable(f"there is no registry at {uri} yet; `ann run` makes one.")
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient(uri, uri)
    try:
        if alias is not None:
            number = client.get_registered_model(name).aliases.get(alias)
        if number is not None:
            return client.get_model_version(name, number)
    except MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise _unavailable(uri, error) from error
    wanted = f"{name}@{alias}" if alias is not None else f"version {number} of {name}"
    raise NoChampion(
        f"the registry at {uri} has no {wanted}; train and promote a model with `ann run`."
    )


def bring(uri: str, version: ModelVersion, alias: str, home: Path) -> Champion:
    """Bring a version's files here, unless a copy is here already; verify them.

    Raises:
        UnverifiedModel: the version's files are not what was registered.
        RegistryUnavailable: the files cannot be had.
    """
    copy = _download(uri, version, home / "served" / version.name)
    os.utime(copy)
    return _load(copy, alias)


def load(home: Path, name: str, number: str, alias: str) -> Champion:
    """Verify a copy that is here already, without the registry.

    Raises:
        UnverifiedModel: the copy is not what was registered, or is gone.
    """
    return _load(home / "served" / name / number, alias)


def last_good(home: Path, name: str, alias: str, reason: str | None = None) -> Champion | None:
    """The version that last served under the alias; None if none did.

    Args:
        home: the state folder.
        name: the registered model.
        alias: such as "champion".
        reason: why the registry is not asked, for `Champion.registry_error`.

    Raises:
        UnverifiedModel: the copy is not what was registered.
    """
    folder = home / "served" / name
    try:
        number = (folder / f"last_good_{alias}").read_text()
    except FileNotFoundError:
        return None
    return _load(folder / number, alias, reason)


def mark_good(home: Path, champion: Champion) -> None:
    """Remember the version as the last good one, and remove copies that are long out of use."""
    folder = home / "served" / champion.name
    _write(folder / f"last_good_{champion.alias}", champion.version)
    kept = {path.read_text() for path in folder.glob("last_good_*")}
    copies = [path for path in folder.iterdir() if path.name.isdecimal() and path.name not in kept]
    for copy in sorted(copies, key=lambda path: -path.stat().st_mtime)[COPIES - 1 :]:
        shutil.rmtree(copy, ignore_errors=True)


def _download(uri: str, version: ModelVersion, folder: Path) -> Path:
    """Bring the version's files into its folder, unless a copy is there already."""
    from mlflow import MlflowClient
    from mlflow.artifacts import download_artifacts, list_artifacts
    from mlflow.exceptions import MlflowException

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
    client = MlflowClient(uri, uri)
    try:
        copy.mkdir(parents=True, exist_ok=True)
        root = client.get_model_version_download_uri(version.name, version.version)
        with tempfile.TemporaryDirectory(dir=folder) as unfinished:
            listed = {
                PurePosixPath(entry.path).name for entry in list_artifacts(root, tracking_uri=uri)
            }
            (copy / HIDDEN_LAYER_FILE).unlink(missing_ok=True)  # of another registry's version
            for file in ("model.onnx", "probe.npz", *({HIDDEN_LAYER_FILE} & listed)):
                download_artifacts(f"{root}/{file}", dst_path=unfinished, tracking_uri=uri)
                os.replace(Path(unfinished, file), copy / file)
        manifest["experiment_id"] = _experiment_of(client, version)
        _write(copy / "version.json", json.dumps(manifest, indent=1))
    except (MlflowException, OSError) as error:
        raise _unavailable(uri, error) from error
    return copy


def _experiment_of(client: MlflowClient, version: ModelVersion) -> str:
    from mlflow.exceptions import MlflowException

    try:
        return str(client.get_run(version.run_id).info.experiment_id) if version.run_id else ""
    except MlflowException as error:
        if error.error_code == "RESOURCE_DOES_NOT_EXIST":
            return ""
        raise


def _is_whole(copy: Path, manifest: dict[str, str]) -> bool:
    try:
        kept = json.loads((copy / "version.json").read_bytes())
        same = kept == manifest | {"experiment_id": kept.get("experiment_id")}
        return same and _sha256(copy / "model.onnx") == manifest["onnx_sha256"]
    except (OSError, ValueError):
        return False


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
            experiment_id=manifest["experiment_id"],
            session=session,
            hidden_layer=_hidden_layer(copy / HIDDEN_LAYER_FILE),
            registry_error=registry_error,
        )
        with np.load(copy / "probe.npz", allow_pickle=False) as probe:
            image, expected = probe["image"][np.newaxis], probe["probabilities"]
        answers = [champion.predict(image)]
        if champion.hidden_layer:
            answers.append(champion.hidden_layer.probabilities(image))
        difference = np.abs(np.concatenate(answers) - expected).max()
        if not difference <= PROBE_TOLERANCE:  # so that NaN fails too
            raise ValueError(f"its answer to the probe digit is off by {difference:.2g}")
    except Exception as error:  # a wrong file can raise anything, and the verdict is the same
        raise UnverifiedModel(
            f"the model in {copy} is not what was registered: {error}. Roll back to another "
            "version with `ann models rollback`, or restore the artifact store."
        ) from error
    return champion


def _hidden_layer(path: Path) -> HiddenLayer | None:
    return HiddenLayer.read(path) if path.exists() else None


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
