"""The digit service against MLflow's model server, a bare handler, and what else is installed.

All serve the same network. They are started together and asked in turns, each turn in another
order, so that whatever else the machine does falls on all of them. MLflow's server is measured
twice: as people usually have it, with a Keras model, and with this project's version, which answers
with ONNX Runtime on one thread.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import load
from benchmarks.errors import CannotMeasure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from serving.model.loaded_model import LoadedModel
    from serving.settings import Settings

RIVALS = Path(__file__).parent / "rivals"
START_SECONDS = 120
ANN = str(Path(sys.executable).with_name("ann"))
V2 = "/v2/models/mnist-digits/infer"


@dataclass(frozen=True)
class Rival:
    """One server: how it is started, and the requests that it is sent, by the body's name."""

    name: str
    command: Sequence[str]
    port: int
    requests: dict[str, bytes]
    environment: dict[str, str] = field(default_factory=dict)
    folder: Path | None = None


@dataclass(frozen=True)
class Result:
    """One server under one load: medians over the turns."""

    server: str
    body: str
    connections: int
    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int


@dataclass(frozen=True)
class Footprint:
    """What a server costs before it is asked.

    Attributes:
        ready_seconds: from the start of its process to its first answer.
        resident_mb: of its largest process.
    """

    ready_seconds: float
    resident_mb: float


def compare(
    connections: Sequence[int],
    seconds: float,
    turns: int,
    report: Callable[[str], None] = lambda line: None,
) -> tuple[list[Result], dict[str, Footprint]]:
    """Measure every server that is installed, with the champion of this machine's registry.

    Args:
        connections: how many at once, one load after the other.
        seconds: of each load.
        turns: how often each server has its turn.
        report: called with each load's line.

    Raises:
        ServingError: there is no champion.
        CannotMeasure: a server did not start.
    """
    loads: dict[tuple[str, str, int], list[load.Load]] = {}
    with tempfile.TemporaryDirectory() as folder:
        rivals = _rivals(Path(folder), report)
        with started(rivals, report) as footprints:
            for turn in range(turns):
                for count in connections:
                    for rival in rivals[turn % len(rivals) :] + rivals[: turn % len(rivals)]:
                        for body, message in rival.requests.items():
                            done = load.put(rival.port, message, count, seconds)
                            loads.setdefault((rival.name, body, count), []).append(done)
                            report(
                                f"{rival.name}, {body}, {count} connections: "
                                f"{done.requests_per_second:.0f}/s"
                            )
    return [_median(key, found) for key, found in loads.items()], footprints


def document(results: list[Result], footprints: dict[str, Footprint]) -> dict[str, Any]:
    """The result for programs; the two numbers at the top are the digit service's."""
    return {
        "results": [asdict(result) for result in results],
        **asdict(footprints["ann serve"]),
        "servers": {name: asdict(footprint) for name, footprint in footprints.items()},
    }


def plot(results: list[Result]) -> Figure:
    """Requests a second of each server and body, at the largest number of connections."""
    from matplotlib.figure import Figure

    most = max(result.connections for result in results)
    shown = [result for result in results if result.connections == most]
    shown.sort(key=lambda result: result.requests_per_second)
    figure = Figure(figsize=(8, 0.45 * len(shown) + 1.5), layout="constrained")
    axes = figure.subplots()
    labels = [f"{result.server}: {result.body}" for result in shown]
    bars = axes.barh(labels, [result.requests_per_second for result in shown])
    axes.bar_label(bars, fmt=" {:,.0f}")
    axes.set(xscale="log", xlabel=f"requests a second, {most} connections, one worker")
    axes.margins(x=0.15)
    return figure


def _median(key: tuple[str, str, int], found: list[load.Load]) -> Result:
    return Result(
        *key,
        requests_per_second=float(np.median([one.requests_per_second for one in found])),
        p50_ms=float(np.median([one.percentile_ms(50) for one in found])),
        p99_ms=float(np.median([one.percentile_ms(99) for one in found])),
        errors=sum(one.errors for one in found),
    )


# --- the servers ----------------------------------------------------------------------------------


def _rivals(folder: Path, report: Callable[[str], None]) -> list[Rival]:
    from serving import settings
    from serving.model.download import fetch

    ours = settings.load()
    champion = fetch(ours.tracking_uri, "mnist-digits", "champion", ours.home)
    model = ours.home / "served" / champion.name / champion.version / "model.onnx"
    with np.load(model.with_name("probe.npz"), allow_pickle=False) as probe:
        image = probe["image"]
    pixels = json.dumps({"image": [round(float(p), 4) for p in image.ravel()]}).encode()
    tensor = {"name": "images", "datatype": "FP32", "shape": [1, 28, 28]}
    v2_json = json.dumps({"inputs": [tensor | {"data": image.ravel().tolist()}]}).encode()
    as_json = "application/json"
    rivals = [
        Rival(
            "ann serve",
            [ANN, "serve", "--port"],
            free_port(),
            {
                "JSON": load.request("/predict", pixels, as_json),
                "binary tensor": _binary(image, tensor),
                "PNG": load.request("/predict", _png(image), "image/png"),
            },
        ),
        Rival(
            "bare handler",
            [sys.executable, str(RIVALS / "bare.py"), str(model)],
            free_port(),
            {"JSON": load.request("/predict", pixels, as_json)},
        ),
        _mlflow("ONNX", f"models:/{champion.name}/{champion.version}", ours.tracking_uri, image),
        _mlflow("Keras", str(_keras_model(folder, champion, ours)), ours.tracking_uri, image),
    ]
    if _is_there("mlserver", report):
        rivals.append(_mlserver(folder, model, v2_json))
    if _is_there("bentoml", report):
        rivals.append(
            Rival(
                "BentoML",
                ["bentoml", "serve", "bentoml_service:Digits", "--port"],
                free_port(),
                {"JSON": load.request("/predict", pixels, as_json)},
                {"DIGITS_ONNX": str(model), "BENTOML_DO_NOT_TRACK": "True"},
                RIVALS,
            )
        )
    return rivals


def _is_there(command: str, report: Callable[[str], None]) -> bool:
    found = shutil.which(command) is not None
    if not found:
        report(f"{command} is not on the PATH, and so not measured; see --help")
    return found


def _mlflow(form: str, model: str, uri: str, image: np.ndarray) -> Rival:
    serve = [sys.executable, "-m", "mlflow", "models", "serve", "--env-manager", "local"]
    body = json.dumps({"inputs": [image.tolist()]}).encode()
    return Rival(
        f"mlflow models serve, {form}",
        [*serve, "--workers", "1", "--model-uri", model, "--port"],
        free_port(),
        {"JSON": load.request("/invocations", body, "application/json")},
        {"MLFLOW_TRACKING_URI": uri},
    )


def _keras_model(folder: Path, champion: LoadedModel, ours: Settings) -> Path:
    """The champion's network as `mlflow.keras` saves a model."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import mlflow.keras
    from mlflow.models import infer_signature

    from pipelines.registry.client import Registry

    registry = Registry(ours.tracking_uri, ours.home)
    model = registry.artifacts.keras_model(registry.version(champion.name, champion.version))
    images = np.zeros((1, 28, 28), np.float32)
    path = folder / "keras"
    mlflow.keras.save_model(
        model,
        str(path),
        signature=infer_signature(images, champion.predict(images)),
        pip_requirements=["mlflow", "keras", "tensorflow"],  # given, as they take long to infer
    )
    return path


def _mlserver(folder: Path, model: Path, body: bytes) -> Rival:
    port = free_port()
    server = {
        "http_port": port,
        "grpc_port": free_port(),
        "metrics_port": free_port(),
        "parallel_workers": 0,
        "debug": False,
    }
    entry = {
        "name": "mnist-digits",
        "implementation": "mlserver_runtime.Digits",
        "parameters": {"uri": str(model)},
    }
    (folder / "settings.json").write_text(json.dumps(server))
    (folder / "model-settings.json").write_text(json.dumps(entry))
    shutil.copy(RIVALS / "mlserver_runtime.py", folder)
    return Rival(
        "MLServer",
        ["mlserver", "start", str(folder)],
        port,
        {"JSON": load.request(V2, body, "application/json")},
        {"PYTHONPATH": str(folder)},
        folder,
    )


def _binary(image: np.ndarray, tensor: dict[str, Any]) -> bytes:
    """The Open Inference Protocol's binary tensor extension."""
    pixels = image.astype("<f4").tobytes()
    described = tensor | {"parameters": {"binary_data_size": len(pixels)}}
    outputs = [{"name": "probabilities", "parameters": {"binary_data": True}}]
    head = json.dumps({"inputs": [described], "outputs": outputs}).encode()
    headers = {"Inference_Header_Content_Length": str(len(head))}
    return load.request(V2, head + pixels, "application/octet-stream", **headers)


def _png(image: np.ndarray) -> bytes:
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray((image * 255).astype(np.uint8)).save(file, "PNG")
    return file.getvalue()


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def started(rivals: list[Rival], report: Callable[[str], None]) -> Iterator[dict[str, Footprint]]:
    """Start the servers one after the other, so that none slows another's start."""
    processes: list[subprocess.Popen[bytes]] = []
    footprints = {}
    # MLflow's server starts another command of this environment.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    try:
        for rival in rivals:
            started = time.perf_counter()
            command = list(rival.command)
            if command[-1] == "--port" or command[-1].endswith(".onnx"):
                command.append(str(rival.port))
            process = subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=os.environ | {"PATH": path} | rival.environment,
                cwd=rival.folder,
                start_new_session=True,
            )
            processes.append(process)
            _wait_for_an_answer(rival, process)
            ready = time.perf_counter() - started
            footprints[rival.name] = Footprint(ready, _resident_mb(process.pid))
            report(f"{rival.name} answers after {ready:.1f} s")
        yield footprints
    finally:
        for process in processes:
            _end(process)


def _wait_for_an_answer(rival: Rival, process: subprocess.Popen[bytes]) -> None:
    message = next(iter(rival.requests.values()))
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if load.put(rival.port, message, 1, 0).latencies:
                return
        except OSError:
            time.sleep(0.02)
    what = f"did not answer within {START_SECONDS} s"
    if process.poll() is not None:
        what = f"ended with {process.returncode} before it answered"
    raise CannotMeasure(
        f"{rival.name} {what}; see why by its command: {' '.join(rival.command)} {rival.port}"
    )


def _resident_mb(pid: int) -> float:
    import psutil

    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    return max(member.memory_info().rss for member in family) / 1024**2


def _end(process: subprocess.Popen[bytes]) -> None:
    import psutil

    try:
        family = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        family = []
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            pass
