"""Imports TensorFlow without its informational lines, and without what nobody here needs of it.

TensorFlow 2.21 prints the lines to file descriptor 2 before its log level is read; in a notebook
they appear in red. `ann_models.training` imports this module first.

Keras 3.15 imports matplotlib's pyplot and scikit-learn if they are installed, for its plots and
its scikit-learn wrappers: a third of the import's time, and 80 MB. Where a program has imported
neither before, Keras goes without: `keras.wrappers` and `keras.visualization` then raise an
`ImportError` when they are used. To use them, import `keras` first.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ann_models import collector

INFORMATION = (b"I0000 ", b"WARNING: All log messages before absl::InitializeLog()")
OPTIONAL = ("matplotlib", "sklearn")  # Keras works without them


def _import_tensorflow() -> None:
    """Import it with its standard error filtered; warnings and errors are printed afterwards."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read once, when TensorFlow is loaded
    standard_error = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            with collector.paused(), _without(OPTIONAL):
                import tensorflow  # noqa: F401
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
            log.seek(0)
            for line in log:
                if not line.startswith(INFORMATION):
                    os.write(2, line)


@contextmanager
def _without(packages: tuple[str, ...]) -> Iterator[None]:
    """Importing one of these packages fails in here, unless it was imported before."""
    modules: dict[str, Any] = sys.modules
    absent = [name for name in packages if name not in modules]
    modules |= dict.fromkeys(absent)  # None: Python's own mark of a module not to be found
    try:
        yield
    finally:
        for name in absent:
            del modules[name]


if "tensorflow" not in sys.modules:
    _import_tensorflow()
