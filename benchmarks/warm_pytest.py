"""Run pytest again and again, and import TensorFlow, MLflow and Prefect but once.

A script, not a module of the project: it imports third-party packages only. It reads one JSON
object a line, a `Request`, forks, runs pytest in the child, and answers with an `Answer`. The
project itself is imported in the child, so that each run sees the files as they are at that time.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Generator
from dataclasses import asdict, dataclass, field
from types import FrameType
from typing import Any

import pytest

WARM = (  # costs seconds to import: is imported here once a test has; starts no threads
    "keras",
    "tensorflow",
    "mlflow",
    "mlflow.keras",
    "mlflow.onnx",
    "onnxruntime",
    "matplotlib.pyplot",
    "sklearn.datasets",
    "scipy.stats",
    "optuna",
    "prefect",
    "prefect.testing.utilities",
    "hypothesis",
    "schemathesis.pytest.plugin",
)
POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Request:
    """Tests to run.

    Attributes:
        tests: paths of their files.
        seconds: after which they are killed.
        only: ids of the tests among them that are run; none: all.
        trace: path of a file whose lines are traced; "": none.
    """

    tests: list[str]
    seconds: float
    only: list[str] = field(default_factory=list)
    trace: str = ""


@dataclass(frozen=True)
class Answer:
    """What they did.

    Attributes:
        passed: whether all passed within the time.
        output: what pytest printed.
        lines: of the traced file, the ids of the tests that executed each line; "" stands for
            every test, of a line that was executed at import or by a fixture that they share.
    """

    passed: bool
    output: str
    lines: dict[str, list[str]]


class Plugin:
    """Chooses tests, and traces which of them execute which lines."""

    def __init__(self, request: Request) -> None:
        """Run what a request names."""
        self._only = set(request.only)
        self._file = request.trace
        self._test = ""
        self.lines: defaultdict[int, set[str]] = defaultdict(set)

    def start(self) -> None:
        """Trace from now on, in every thread."""
        if self._file:
            threading.settrace(self._trace)
            sys.settrace(self._trace)

    def _trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if frame.f_code.co_filename != self._file:
            return None
        if event in ("call", "line"):
            self.lines[frame.f_lineno].add(self._test)
        return self._trace

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what was not asked for."""
        if self._only:
            items[:] = [item for item in items if item.nodeid in self._only]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, object, object]:
        """Note which test runs."""
        self._test = item.nodeid
        try:
            return (yield)
        finally:
            self._test = ""

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(
        self, fixturedef: pytest.FixtureDef[object]
    ) -> Generator[None, object, object]:
        """Let what a shared fixture executes count for every test."""
        test = self._test
        if fixturedef.scope != "function":
            self._test = ""
        try:
            return (yield)
        finally:
            self._test = test


def run(request: Request) -> Answer:
    """Run tests in a process forked from this one."""
    with tempfile.TemporaryFile() as output, tempfile.NamedTemporaryFile() as report:
        child = os.fork()
        if child == 0:
            _run_pytest(request, output.fileno(), report.name)
        passed = _wait(child, request.seconds)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # what the tests started and left running
        output.seek(0)
        found = json.loads(report.read() or "{}")
        for name in found.get("imported", ()):
            importlib.import_module(name)  # the next children have it already
        return Answer(passed, output.read().decode(errors="replace"), found.get("lines", {}))


def _run_pytest(request: Request, output: int, report: str) -> None:
    """In the child: never returns."""
    os.setsid()
    os.dup2(output, 1)
    os.dup2(output, 2)
    code = 1
    try:
        plugin = Plugin(request)
        plugin.start()
        options = ["-x", "-q", "-p", "no:cacheprovider", *request.tests]
        code = int(pytest.main(options, plugins=[plugin]))
        sys.settrace(None)
        lines = {number: sorted(tests) for number, tests in plugin.lines.items()}
        with open(report, "w") as file:
            json.dump({"lines": lines, "imported": [n for n in WARM if n in sys.modules]}, file)
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
    for line in sys.stdin:
        print(json.dumps(asdict(run(Request(**json.loads(line))))), file=answers, flush=True)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    main()
