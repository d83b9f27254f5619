"""Imports TensorFlow without the informational lines that it prints at any log level.

TensorFlow 2.21 prints them to file descriptor 2 before its log level is read; in a notebook they
appear in red. `ann_models.training` imports this module first.
"""

from __future__ import annotations

import os
import sys
import tempfile

INFORMATION = (b"I0000 ", b"WARNING: All log messages before absl::InitializeLog()")


def _import_tensorflow() -> None:
    """Import it with its standard error filtered; warnings and errors are printed afterwards."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read once, when TensorFlow is loaded
    standard_error = os.dup(2)
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
        try:
            import tensorflow  # noqa: F401
        finally:
            os.dup2(standard_error, 2)
            os.close(standard_error)
            log.seek(0)
            for line in log:
                if not line.startswith(INFORMATION):
                    os.write(2, line)


if "tensorflow" not in sys.modules:
    _import_tensorflow()
