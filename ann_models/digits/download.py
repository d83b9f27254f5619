"""Downloads of data sets through Keras, into the folder where Keras keeps them."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from ann_models.errors import DataUnavailable

KERAS_WITHOUT_HOME = "/tmp/.keras"  # where Keras keeps data sets if there is no home folder
TIMEOUT_SECONDS = 10.0


def keras_data_sets() -> Path:
    """The folder where Keras keeps the data sets that it downloads."""
    home = os.path.expanduser(os.environ.get("KERAS_HOME") or "~/.keras")
    return Path(KERAS_WITHOUT_HOME if home.startswith("~") else home) / "datasets"


@contextlib.contextmanager
def downloaded(url: str, target: Path) -> Iterator[Path]:
    """A download beside `target`, put in its place if the block raises nothing.

    Where the folder cannot be written the file lasts as long as the block.

    Raises:
        DataUnavailable: the download failed.
    """
    import keras

    folder = target.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = tempfile.TemporaryDirectory(prefix=f".{target.stem}-", dir=folder)
    except OSError:
        unfinished = tempfile.TemporaryDirectory(prefix=f"{target.stem}-")
    with unfinished as name:
        try:
            with _timeout(TIMEOUT_SECONDS), contextlib.redirect_stdout(sys.stderr):
                # stdout is for results
                path = Path(
                    keras.utils.get_file(target.name, origin=url, cache_dir=name, cache_subdir="")
                )
        except Exception as error:  # Keras raises a bare Exception for network faults
            raise DataUnavailable(f"the download failed ({error})") from error
        yield path
        with contextlib.suppress(OSError):
            path.replace(target)


@contextlib.contextmanager
def _timeout(seconds: float) -> Iterator[None]:
    """Limit each wait of new sockets; Keras's download takes no time-out of its own."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
