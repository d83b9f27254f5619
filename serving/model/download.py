"""Versions from MLflow's registry: found by alias or number, downloaded, verified.

MLflow is imported only for registries that `mlflow_reader` cannot read without it.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlflow_reader import artifacts
from mlflow_reader.entities import ModelVersion, RegisteredModel, StoreUnavailable
from mlflow_reader.reader import Reader, open_reader
from serving.credentials import without_credentials
from serving.errors import MissingFile, NoChampion, RegistryUnavailable, UnverifiedModel
from serving.model import copies, loaded_model
from serving.model.hidden_layer import HIDDEN_LAYER_FILE
from serving.model.loaded_model import LoadedModel
from serving.model.status import LONGEST_NAME
from serving.settings import DATA_SET

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
        MissingFile, RegistryUnavailable: a file is gone, or the registry does not answer, and there
            is no last known good copy.
    """
    try:
        model = download(uri, find_version(uri, name, alias), alias, home)
    except (RegistryUnavailable, MissingFile) as error:
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
        with _reader(uri) as reader:
            if found := reader.version(name, number):
                return found
    raise no_version(uri, f"{name}@{alias}" if alias is not None else f"version {number} of {name}")


def find_model(uri: str, name: str) -> RegisteredModel | None:
    """Ask the registry for a model with its aliases; None if it has none of that name.

    Raises:
        RegistryUnavailable: the registry does not answer.
    """
    with _reader(uri) as reader:
        return reader.registered_model(name)


def find_other_models(uri: str) -> list[RegisteredModel]:
    """Ask the registry for the models of image data sets other than digits, by name.

    Raises:
        RegistryUnavailable: the registry does not answer.
    """
    with _reader(uri) as reader:
        models = reader.registered_models()
    found = [model for model in models if model.tags.get(DATA_SET)]
    return [model for model in found if len(model.name) <= LONGEST_NAME][:MOST_OTHER_MODELS]


def list_versions(uri: str, name: str) -> dict[str, str]:
    """Ask the registry for a model's versions, the lowest first: number and training run of each.

    Raises:
        RegistryUnavailable: the registry does not answer.
    """
    with _reader(uri) as reader:
        return {version.version: version.run_id for version in reversed(reader.versions(name))}


def no_version(uri: str, wanted: str) -> NoChampion:
    """The error for a version that the registry does not have."""
    return NoChampion(
        f"the registry at {without_credentials(uri)} has no {wanted}; train and promote a model "
        "with `ann run`."
    )


@contextmanager
def _reader(uri: str) -> Iterator[Reader]:
    """A reader of the registry, whose errors become ours."""
    path = uri.removeprefix("sqlite:///")
    if path != uri and not Path(path).exists():
        raise RegistryUnavailable(f"there is no registry at {uri} yet; `ann run` makes one.")
    try:
        yield open_reader(uri)
    except (StoreUnavailable, OSError) as error:
        raise RegistryUnavailable(
            f"the registry at {without_credentials(uri)} cannot be reached or read: "
            f"{without_credentials(str(error)).rstrip('.')}. Is its server running, and is "
            "MLFLOW_TRACKING_URI right?"
        ) from error


def download(uri: str, version: ModelVersion, alias: str, home: Path) -> LoadedModel:
    """Download a version's files, unless a copy is here already; verify them.

    Raises:
        UnverifiedModel: the version's files are not what was registered.
        RegistryUnavailable: the files cannot be downloaded.
    """
    copy = _download(uri, version, copies.folder_of(home, version.name, version.version))
    os.utime(copy)
    return loaded_model.load(home, version.name, copy.name, alias)


def _download(uri: str, version: ModelVersion, copy: Path) -> Path:
    """Download the version's files into its folder, unless a copy is there already."""
    tags = version.tags
    if not {"onnx_sha256", "data"} <= tags.keys():
        raise UnverifiedModel(
            f"{version.name} version {version.version} has no tag onnx_sha256 or data: it was not "
            "registered by this project's pipeline, so it cannot be verified; promote one that was."
        )
    manifest = {
        "name": version.name,
        "version": version.version,
        "data": tags["data"],
        "run_id": version.run_id,
        "onnx_sha256": tags["onnx_sha256"],
    }
    if _is_whole(copy, manifest):
        return copy
    with _reader(uri) as reader:
        copy.mkdir(parents=True, exist_ok=True)
        root = reader.download_uri(version.name, version.version)
        with tempfile.TemporaryDirectory(dir=copy.parent) as unfinished:
            (copy / HIDDEN_LAYER_FILE).unlink(missing_ok=True)  # of another registry's version
            for file in (copies.MODEL_FILE, copies.PROBE_FILE, HIDDEN_LAYER_FILE):
                part = Path(unfinished, file)
                try:
                    artifacts.download(reader, uri, root, file, part)
                except FileNotFoundError:
                    if file == HIDDEN_LAYER_FILE:  # not every version has one
                        continue
                    raise MissingFile(
                        f"{file} of {version.name} version {version.version} is missing in the "
                        "artifact store. Roll back to another version with `ann models rollback`, "
                        "or restore the file."
                    ) from None
                os.replace(part, copy / file)
        run = reader.run(version.run_id) if version.run_id else None
        manifest["experiment_id"] = run.info.experiment_id if run else ""
        copies.write_atomically(copy / copies.MANIFEST_FILE, json.dumps(manifest, indent=1))
    return copy


def _is_whole(copy: Path, manifest: dict[str, str]) -> bool:
    try:
        kept = json.loads((copy / copies.MANIFEST_FILE).read_bytes())
        if not isinstance(kept, dict):
            return False
        same = kept == manifest | {"experiment_id": kept.get("experiment_id")}
        return same and _sha256(copy / copies.MODEL_FILE) == manifest["onnx_sha256"]
    except (OSError, ValueError):
        return False


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
