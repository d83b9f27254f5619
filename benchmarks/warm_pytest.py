"""Run pytest again and again without importing TensorFlow, MLflow and Prefect each time.

A script, not a module of the project: it imports third-party packages only. It reads one JSON
object a line, `{"tests": ["tests/test_a.py"], "seconds": 60}`, forks, runs pytest in the child, and
answers with `{"passed": true, "output": "…"}`. The project itself is imported in the child, so that
each run sees the files as they are at that time.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Sequence

WARM = (  # what costs seconds to import; none of these starts threads at import that a fork loses
    "pytest",
    "hypothesis",
    "keras",
    "tensorflow",
    "mlflow.keras",
    "mlflow.onnx",
    "onnxruntime",
    "matplotlib.pyplot",
    "sklearn.datasets",
    "scipy.stats",
    "optuna",
    "prefect.testing.utilities",
)
POLL_SECONDS = 0.02


def run(tests: Sequence[str], seconds: float) -> tuple[bool, str]:
    """Whether the tests pass within a time, and what pytest printed."""
    with tempfile.TemporaryFile() as output:
        child = os.fork()
        if child == 0:
            _run_pytest(tests, output.fileno())
        passed = _wait(child, seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what the tests started and left running
        output.seek(0)
        return passed, output.read().decode(errors="replace")


def _run_pytest(tests: Sequence[str], output: int) -> None:
    """In the child: never returns."""
    import pytest

    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    code = 1
    try:
        code = int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests]))
    finally:
        os._exit(code)


def _wait(child: int, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status) == 0
        time.sleep(POLL_SECONDS)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def main() -> None:
    """Answer the requests on standard input until it ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what an import or a test prints is no answer
    for name in WARM:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    for line in sys.stdin:
        request = json.loads(line)
        passed, output = run(request["tests"], request["seconds"])
        print(json.dumps({"passed": passed, "output": output}), file=answers, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
