"""Versions from MLflow's registry: found by alias or number, downloaded, verified.

MLflow is imported when the registry is asked, not before: a process that only answers with a copy
does without it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from serving.errors import NoChampion, RegistryUnavailable, UnverifiedModel
from serving.model import copies, loaded_model
from serving.model.hidden_layer import HIDDEN_LAYER_FILE
from serving.model.loaded_model import LoadedModel
from serving.redaction import without_credentials
from serving.settings import DATA_SET

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

MOST_OTHER_MODELS = 50


def fetch(uri: str, name: str, alias: str, home: Path) -> LoadedModel:
    """Download the alias's version, or fall back on the last known good copy of it.

    Args:
        uri: MLflow tracking URI of the registry.
        name: the registered model.
        alias: such as "champion".
        home: the state folder.

    Raises:
        NoChampion: the registry has no version under that alias.
        UnverifiedModel: the version's files are not what was registered.
        RegistryUnavailable: the registry does not answer and there is no last known good copy.
    """
    try:
        model = download(uri, find_version(uri, name, alias), alias, home)
    except RegistryUnavailable as error:
        last = loaded_model.load_last_known_good(home, name, alias, str(error))
        if last is None:
            raise
        return last
    copies.keep_as_last_known_good(home, name, alias, model.version)
    return model


def find_version(uri: str, name: str, alias: str | None, number: str | None = None) -> ModelVersion:
    """Ask the registry for a version: that under an alias, or the one of a number.

    Raises:
        NoChampion: the registry has no such version.
        RegistryUnavailable: the registry does not answer.
    """
    if alias is not None:
        model = find_model(uri, name)
        number = None if model is None else model.aliases.get(alias)
    if number is not None:
        with _errors_of(uri):
            return _client(uri).get_model_version(name, number)
    raise no_version(uri, f"{name}@{alias}" if alias is not None else f"version {number} of {name}")


def find_model(uri: str, name: str) -> RegisteredModel | None:
    """Ask the registry for a model with its aliases; None if it has none of that name.

    Raises:
        RegistryUnavailable: the registry does not answer.
    """
    try:
        with _errors_of(uri):
            return _client(uri).get_registered_model(name)
    except NoChampion:
        return None


def find_other_models(uri: str) -> list[RegisteredModel]:
    """Ask the registry for the models of image data sets other than digits, by name.

    Raises:
        RegistryUnavailable: the registry does not answer.
    """
    with _errors_of(uri):
        found = _client(uri).search_registered_models(
            f"tags.{DATA_SET} LIKE '%'", max_results=MOST_OTHER_MODELS, order_by=["name"]
        )
    return list(found)


def list_versions(uri: str, name: str) -> list[str]:
    """Ask the registry for the numbers of a model's versions, the lowest first.

    Raises:
        RegistryUnavailable: the registry does not answer.
    """
    quoted = name.replace("'", "")
    with _errors_of(uri):
        found = _client(uri).search_model_versions(f"name='{quoted}'", max_results=10_000)
    return sorted((str(version.version) for version in found), key=int)


def no_version(uri: str, wanted: str) -> NoChampion:
    """The error for a version that the registry does not have."""
    return NoChampion(
        f"the registry at {without_credentials(uri)} has no {wanted}; train and promote a model "
        "with `ann run`."
    )


@contextmanager
def _errors_of(uri: str) -> Iterator[None]:
    """Turn MLflow's errors into ours; what does not exist is `NoChampion`."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise no_version(uri, f"such version ({error})") from error
        raise _unavailable(uri, error) from error


def _client(uri: str) -> MlflowClient:
    path = uri.removeprefix("sqlite:///")
    if path != uri and not Path(path).exists():
        raise RegistryUnavailable(f"there is no registry at {uri} yet; `ann run` makes one.")
    from mlflow import MlflowClient

    return MlflowClient(uri, uri)


def download(uri: str, version: ModelVersion, alias: str, home: Path) -> LoadedModel:
    """Download a version's files, unless a copy is here already; verify them.

    Raises:
        UnverifiedModel: the version's files are not what was registered.
        RegistryUnavailable: the files cannot be downloaded.
    """
    copy = _download(uri, version, copies.folder_of(home, version.name, str(version.version)))
    os.utime(copy)
    return loaded_model.load(home, version.name, copy.name, alias)


def _download(uri: str, version: ModelVersion, copy: Path) -> Path:
    """Download the version's files into its folder, unless a copy is there already."""
    from mlflow.artifacts import download_artifacts, list_artifacts
    from mlflow.exceptions import MlflowException

    tags = version.tags
    if not {"onnx_sha256", "data"} <= tags.keys():
        raise UnverifiedModel(
            f"{version.name} version {version.version} has no tag onnx_sha256 or data: it was not "
            "registered by this project's pipeline, so it cannot be verified; promote one that was."
        )
    manifest = {
        "name": version.name,
        "version": str(version.version),
        "data": tags["data"],
        "run_id": version.run_id or "",
        "onnx_sha256": tags["onnx_sha256"],
    }
    if _is_whole(copy, manifest):
        return copy
    client = _client(uri)
    try:
        copy.mkdir(parents=True, exist_ok=True)
        root = client.get_model_version_download_uri(version.name, version.version)
        with tempfile.TemporaryDirectory(dir=copy.parent) as unfinished:
            listed = {
                PurePosixPath(entry.path).name for entry in list_artifacts(root, tracking_uri=uri)
            }
            (copy / HIDDEN_LAYER_FILE).unlink(missing_ok=True)  # of another registry's version
            for file in (copies.MODEL_FILE, copies.PROBE_FILE, *({HIDDEN_LAYER_FILE} & listed)):
                download_artifacts(f"{root}/{file}", dst_path=unfinished, tracking_uri=uri)
                os.replace(Path(unfinished, file), copy / file)
        manifest["experiment_id"] = _experiment_of(client, version)
        copies.write_atomically(copy / copies.MANIFEST_FILE, json.dumps(manifest, indent=1))
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
        kept = json.loads((copy / copies.MANIFEST_FILE).read_bytes())
        same = kept == manifest | {"experiment_id": kept.get("experiment_id")}
        return same and _sha256(copy / copies.MODEL_FILE) == manifest["onnx_sha256"]
    except (OSError, ValueError):
        return False


def _unavailable(uri: str, error: Exception) -> RegistryUnavailable:
    return RegistryUnavailable(
        f"the registry at {without_credentials(uri)} cannot be reached or read: "
        f"{without_credentials(str(error))}. Is its server running, and is "
        "MLFLOW_TRACKING_URI right?"
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
