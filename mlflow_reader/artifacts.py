"""Files of a registered version: from this machine's disk, or from an MLflow server."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote, urlsplit
from urllib.request import url2pathname

from mlflow_reader.entities import StoreUnavailable
from mlflow_reader.http_server import HttpReader
from mlflow_reader.reader import Reader

PROXIED = "mlflow-artifacts:/"  # kept by the tracking server itself, unless a host follows


def download(reader: Reader, uri: str, root: str, file: str, target: Path) -> None:
    """Copy one file.

    Args:
        reader: of the store.
        uri: the store's MLflow tracking URI.
        root: where the files are, as `Reader.download_uri` says.
        file: its name there.
        target: where it goes.

    Raises:
        FileNotFoundError: there is no such file.
        StoreUnavailable: the files cannot be read.
    """
    parts = urlsplit(root)
    if parts.scheme in ("", "file") and not parts.netloc:
        path = url2pathname(parts.path) if parts.scheme else root
        shutil.copyfile(Path(path, file), target)
    elif isinstance(reader, HttpReader) and root.startswith(PROXIED) and not parts.netloc:
        path = f"{unquote(parts.path)}/{file}".strip("/")
        target.write_bytes(reader.artifact(quote(path)))
    else:
        _by_mlflow(uri, root, file, target)


def _by_mlflow(uri: str, root: str, file: str, target: Path) -> None:
    from mlflow.artifacts import download_artifacts, list_artifacts

    try:
        listed = {
            PurePosixPath(entry.path).name for entry in list_artifacts(root, tracking_uri=uri)
        }
        if file not in listed:
            raise FileNotFoundError(f"{root}/{file}")
        with tempfile.TemporaryDirectory() as folder:
            found = download_artifacts(f"{root}/{file}", dst_path=folder, tracking_uri=uri)
            shutil.copyfile(found, target)
    except FileNotFoundError:
        raise
    except Exception as error:  # each kind of artifact store has a library with errors of its own
        raise StoreUnavailable(f"{type(error).__name__}: {error}") from error
