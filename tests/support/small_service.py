"""The service in this process, with small ONNX models in its state folder and no registry."""

import asyncio
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import onnx
import onnxruntime
from PIL import Image

from serving.access_log import AccessLog
from serving.app import App
from serving.endpoints import Endpoints
from serving.errors import ServingError
from serving.feedback.store import Feedback, Prediction
from serving.model.pool import Models
from serving.model.status import Listing, Status
from serving.records import Records
from serving.routes import Routes
from serving.settings import Settings, load
from serving.site import Site

NAME = "mnist-digits"


def softmax_model(seed: int, labels: Sequence[str] = ()) -> bytes:
    """images (n, 28, 28) → probabilities, of digits or of named classes."""
    classes = len(labels) or 10
    weights = np.random.default_rng(seed).normal(0, 0.3, (784, classes)).astype(np.float32)
    images = onnx.helper.make_tensor_value_info("images", onnx.TensorProto.FLOAT, ["N", 28, 28])
    answer = onnx.helper.make_tensor_value_info(
        "probabilities", onnx.TensorProto.FLOAT, ["N", classes]
    )
    nodes = [
        onnx.helper.make_node("Flatten", ["images"], ["flat"]),
        onnx.helper.make_node("MatMul", ["flat", "weights"], ["logits"]),
        onnx.helper.make_node("Softmax", ["logits"], ["probabilities"]),
    ]
    graph = onnx.helper.make_graph(
        nodes, "small", [images], [answer], [onnx.numpy_helper.from_array(weights, "weights")]
    )
    opset = [onnx.helper.make_opsetid("", 13)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=8)
    if labels:
        onnx.helper.set_model_props(model, {"classes": json.dumps(list(labels))})
    return model.SerializeToString()


def answers_of(seed: int, images: np.ndarray, labels: Sequence[str] = ()) -> np.ndarray:
    session = onnxruntime.InferenceSession(softmax_model(seed, labels))
    return session.run(["probabilities"], {"images": images})[0]


def put_copy(
    home: Path,
    version: str,
    seed: int,
    name: str = NAME,
    last: bool = True,
    labels: Sequence[str] = (),
    run_id: str = "a-run",
) -> Path:
    """A verified version on disk, as the registry's follower leaves it."""
    copy = home / "served" / name / version
    copy.mkdir(parents=True, exist_ok=True)
    content = softmax_model(seed, labels)
    (copy / "model.onnx").write_bytes(content)
    image = a_one()
    np.savez(
        copy / "probe.npz", image=image, probabilities=answers_of(seed, image[None], labels)[0]
    )
    manifest = {
        "name": name,
        "version": version,
        "data": "mnist",
        "run_id": run_id,
        "experiment_id": "3",
        "onnx_sha256": hashlib.sha256(content).hexdigest(),
    }
    (copy / "version.json").write_text(json.dumps(manifest))
    if last:
        (copy.parent / "last_good_champion").write_text(version)
    return copy


def a_one() -> np.ndarray:
    """A digit one: (28, 28)."""
    image = np.zeros((28, 28), np.float32)
    image[4:24, 13:16] = 1
    return image


def png_of(image: np.ndarray, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    Image.fromarray((255 * image).astype(np.uint8)).resize((280, 280)).save(stream, kind)
    return stream.getvalue()


class OtherProcesses:
    """In place of the registry and of other workers: what it is asked, and what it answers.

    Attributes:
        outcomes: the error of each version that cannot be downloaded; others can.
        answers: those of other workers.
    """

    def __init__(self) -> None:
        self.polls = 0
        self.downloads: list[tuple[str, str]] = []
        self.outcomes: dict[str, ServingError] = {}
        self.answers: list[Prediction] = []

    def poll_now(self) -> None:
        self.polls += 1

    async def download(self, name: str, version: str) -> None:
        self.downloads.append((name, version))
        await asyncio.sleep(0.01)
        if version in self.outcomes:
            raise self.outcomes[version]

    async def recall(self, answer_id: str) -> list[Prediction]:
        return [answer for answer in self.answers if answer.request_id == answer_id]


def status(version: str | None, **more: Any) -> Status:
    """What the registry says that serves, of versions 1 to 4."""
    listing = Listing(("1", "2", "3", "4"), {"champion": version or "3", "previous": "2"})
    fields = {"registry_error": None, "listings": {NAME: listing}} | more
    return Status(NAME if version else None, version, **fields)


class Service:
    """The application, and a client that speaks to it without a network."""

    def __init__(self, home: Path, **environment: str) -> None:
        settings: Settings = load({"ANN_HOME": str(home), **environment})
        self.lines = io.BytesIO()
        self.others = OtherProcesses()
        self.models = Models(settings, self.others)
        self.models.start()
        self.feedback = Feedback(settings.feedback_url)
        self.log = AccessLog(self.lines)
        self.records = Records(self.log, self.feedback)
        endpoints = Endpoints(settings, self.models, self.records, self.others)
        self.routes = Routes(endpoints, Site())
        self.app = App(self.routes, self.records, settings)
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=True)
        self._client = httpx.AsyncClient(transport=transport, base_url="http://service")
        self._runner = asyncio.Runner()

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def get(self, path: str, **more: Any) -> httpx.Response:
        return self.run(self._client.get(path, **more))

    def post(self, path: str, **more: Any) -> httpx.Response:
        return self.run(self._client.post(path, **more))

    def request(self, method: str, path: str, **more: Any) -> httpx.Response:
        return self.run(self._client.request(method, path, **more))

    def close(self) -> None:
        self._runner.close()
        self.records.close()
