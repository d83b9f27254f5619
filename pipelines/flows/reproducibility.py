"""What a network's weights depend on besides its entry, data and seeds.

Equal versions, threads and processor give equal weights, to the last bit; others round sums in
another order.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from pathlib import Path

from pipelines.tracking import tags

THREADS = ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS")
PACKAGES = ("ann-pipelines", "keras", "numpy")
_CPUINFO = Path("/proc/cpuinfo")


def threads() -> dict[str, str]:
    """TensorFlow's numbers of threads, by variable; where they are not set, one a core."""
    return {name: os.environ.get(name) or str(_cores()) for name in THREADS}


def versions() -> str:
    """What must be the same on every worker of a job."""
    python = "Python {}.{}".format(*sys.version_info)
    return ", ".join([python, *(f"{p} {importlib.metadata.version(p)}" for p in PACKAGES)])


def conditions() -> dict[str, str]:
    """For the MLflow run that trains: the conditions under which its weights' hash holds."""
    import keras
    import tensorflow as tf

    return {
        tags.TENSORFLOW_VERSION: tf.__version__,
        tags.KERAS_VERSION: keras.__version__,
        tags.PROCESSOR: processor(),
        tags.THREADS: threads()[THREADS[0]],
    }


def processor() -> str:
    """This machine's processor model."""
    try:
        lines = _CPUINFO.read_text().splitlines()
        model = next(line for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
    return model.partition(":")[2].strip()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
