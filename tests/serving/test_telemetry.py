"""Nothing that the project starts reports to anybody: no foreign name is looked up."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.running import SERVE, Service, free_port
from tests.support.small_service import put_copy, softmax_model
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

USE_A_MODEL = """
import sys, time, {package}
import numpy, onnxruntime
session = onnxruntime.InferenceSession({model!r}, providers=["CPUExecutionProvider"])
session.run(None, {{"images": numpy.zeros((1, 28, 28), numpy.float32)}})
time.sleep(2)
"""


@pytest.mark.parametrize("package", ["ann_models", "serving", "pipelines.settings, ann_models"])
def test_onnx_runtime_writes_no_device_id_and_queues_no_events(tmp_path, package):
    environ = {k: v for k, v in os.environ.items() if k != "ORT_DISABLE_TELEMETRY"}
    code = USE_A_MODEL.format(package=package, model=softmax_model(1))
    subprocess.run([sys.executable, "-c", code], env=environ | {"HOME": str(tmp_path)}, check=True)
    assert not list(tmp_path.rglob("*onnxruntime*"))


@pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")
def test_the_service_looks_up_no_name_and_connects_to_nobody(tmp_path):
    put_copy(tmp_path, "3", seed=1)
    service = Service(
        tmp_path, HOME=str(tmp_path), MLFLOW_TRACKING_URI=f"http://127.0.0.1:{free_port()}"
    )
    service.environ.pop("ORT_DISABLE_TELEMETRY", None)
    trace = tmp_path / "trace"
    command = [
        "strace",
        "-f",
        "-qq",
        "--seccomp-bpf",
        "-e",
        "trace=connect,sendto,sendmsg",
        "-o",
        str(trace),
    ]
    with (tmp_path / "log").open("wb") as log:
        service.process = subprocess.Popen(
            [*command, *SERVE, "--port", str(service.port)],
            env=service.environ,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for(lambda: "cannot be reached" in str(service.ready()))
        assert service.ask("POST", "/predict", '{"image": %s}' % ([0.5] * 784))[0] == 200
    finally:
        for pid in service.children():  # strace itself would leave them running
            os.kill(pid, signal.SIGTERM)
        service.process.wait(60)
    addresses = set(re.findall(r'sin6?_addr="?[^"]*"([^"]+)"', Path(trace).read_text()))
    ports = set(re.findall(r"sin6?_port=htons\((\d+)\)", Path(trace).read_text()))
    assert addresses <= {"127.0.0.1", "::1"}
    assert "53" not in ports
