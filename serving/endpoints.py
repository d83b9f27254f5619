"""What each route does: from a request to its response."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version as installed_version
from typing import TypeVar

from serving import metrics, webhook
from serving.errors import Busy, InvalidDigits
from serving.http import JSON, Request, Response, json_response
from serving.images import is_tiny
from serving.model.loaded_model import LoadedModel
from serving.model.pool import Models
from serving.model.runner import ModelRunner, Probabilities
from serving.protocols import mlflow_scoring, native, open_inference, tensorflow_serving
from serving.protocols.digits import Images
from serving.records import Records
from serving.settings import Settings

QUICK_BYTES = 30_000  # bodies up to this are read in the event loop
LIMIT_SECONDS = 30
MAX_EXPLAINED = 8  # images at once

T = TypeVar("T")

_threads = ThreadPoolExecutor(2, "reading")


class Endpoints:
    """The endpoints, and what they share."""

    def __init__(
        self,
        settings: Settings,
        models: Models,
        records: Records,
        look_now: Callable[[], None],
    ) -> None:
        """Take what answers; `look_now` has the registry looked at."""
        self._settings = settings
        self._models = models
        self._records = records
        self._look_now = look_now

    # The service's own

    async def predict(self, request: Request) -> Response:
        """POST /predict: pictures or numbers in, digits out."""
        runner = self._models.champion()
        if len(request.body) <= QUICK_BYTES and (
            request.media_type == JSON or is_tiny(request.body)
        ):
            images = native.parse(request)
        else:
            images = await _in_thread(native.parse, request)
        probabilities = await self._infer(request, runner, images)
        explanations = None
        if request.asks("explain"):
            explanations = await _explained(runner.model, images)
        return native.answer(request, runner, images, probabilities, explanations)

    async def feedback(self, request: Request) -> Response:
        """POST /feedback: the right digit of a prediction or an image."""
        self._records.flush()  # it may be the last answer that is corrected
        outcome = await _in_thread(
            lambda: self._records.feedback.correct(native.correction(request))
        )
        metrics.corrections.labels(outcome).inc()
        return json_response({"feedback": outcome}, 201 if outcome == "stored" else 200)

    async def live(self, request: Request) -> Response:
        """GET /health/live: the process answers."""
        return json_response({"live": True})

    async def ready(self, request: Request) -> Response:
        """GET /health/ready: which version serves, and how sure that is."""
        current, status = self._models.current, self._models.status
        state = {
            "ready": current is not None,
            **(current.identity if current else {}),
            "registry_error": status.get("registry_error"),
            "refused": status.get("refused"),
        }
        return json_response(state, 200 if current else 503)

    async def metrics(self, request: Request) -> Response:
        """GET /metrics, for Prometheus."""
        self._records.flush()
        return metrics.exposition()

    async def webhook(self, request: Request) -> Response:
        """POST /webhooks/registry: MLflow says that an alias has moved."""
        webhook.verify(request, self._settings.webhook_secret)
        self._look_now()
        return json_response({"looking": True}, 202)

    # Open Inference Protocol

    async def v2_infer(self, request: Request) -> Response:
        """POST /v2/models/{name}[/versions/{version}]/infer."""
        runner = await self._named(request)
        inference = await _read(open_inference.parse, request)
        probabilities = await self._infer(request, runner, inference.images)
        return open_inference.answer(runner, inference, probabilities)

    async def v2_server(self, request: Request) -> Response:
        """GET /v2."""
        return open_inference.server_metadata(installed_version("ann-pipelines"))

    async def v2_model(self, request: Request) -> Response:
        """GET /v2/models/{name}[/versions/{version}]."""
        return open_inference.model_metadata(await self._named(request))

    async def v2_model_ready(self, request: Request) -> Response:
        """GET /v2/models/{name}[/versions/{version}]/ready."""
        model = (await self._named(request)).model
        return json_response({"name": model.name, "ready": True})

    # TensorFlow Serving

    async def v1_predict(self, request: Request) -> Response:
        """POST /v1/models/{name}[/versions/{version}|/labels/{label}]:predict."""
        runner = await self._named(request)
        images, rows = await _read(tensorflow_serving.parse, request)
        return tensorflow_serving.answer(await self._infer(request, runner, images), rows)

    async def v1_explain(self, request: Request) -> Response:
        """POST …:explain, KServe's addition: the pixels that spoke for and against."""
        runner = await self._named(request)
        images, _ = await _read(tensorflow_serving.parse, request)
        probabilities = await self._infer(request, runner, images)
        explanations = await _explained(runner.model, images)
        return json_response({"predictions": probabilities, "explanations": explanations})

    async def v1_status(self, request: Request) -> Response:
        """GET /v1/models/{name}[/versions/{version}|/labels/{label}]."""
        return tensorflow_serving.status(await self._named(request))

    async def v1_metadata(self, request: Request) -> Response:
        """GET …/metadata."""
        return tensorflow_serving.metadata(await self._named(request))

    # MLflow's scoring server

    async def invocations(self, request: Request) -> Response:
        """POST /invocations."""
        runner = self._models.champion()
        images, table = await _read(mlflow_scoring.parse, request)
        return mlflow_scoring.answer(await self._infer(request, runner, images), table)

    async def ping(self, request: Request) -> Response:
        """GET /ping and /health: whether there is a model."""
        self._models.champion()
        return Response(b"\n")

    async def version(self, request: Request) -> Response:
        """GET /version: of this service, as MLflow's server says its own."""
        return Response(installed_version("ann-pipelines").encode(), media_type="text/plain")

    # What they share

    async def _named(self, request: Request) -> ModelRunner:
        parameters = request.parameters
        runner = await self._models.find(
            parameters["name"] or "", parameters.get("version"), parameters.get("label")
        )
        request.runner = runner
        return runner

    async def _infer(self, request: Request, runner: ModelRunner, images: Images) -> Probabilities:
        """The probabilities (n, 10); counted, and a single one kept for corrections."""
        request.runner = runner
        request.images = len(images)
        probabilities = runner.inline(images)
        if probabilities is None:
            probabilities = await _timely(runner.batched(images))
        if len(images) == 1:
            row = probabilities[0]
            digit = int(row.argmax())
            request.answered = images[0], digit, float(row[digit])
        else:
            answers = probabilities.argmax(1).tolist(), probabilities.max(1).tolist()
            metrics.answered(runner, len(images), zip(*answers, strict=True))
        return probabilities


async def _read(parse: Callable[[Request], T], request: Request) -> T:
    if len(request.body) <= QUICK_BYTES:
        return parse(request)
    return await _in_thread(parse, request)


async def _explained(model: LoadedModel, images: Images) -> list[dict[str, object]]:
    if len(images) > MAX_EXPLAINED:
        raise InvalidDigits(
            f"{len(images)} images are to be explained; send at most {MAX_EXPLAINED} at once."
        )
    from serving.model.explanation import explain

    return await _in_thread(lambda: [explain(model, image) for image in images])


async def _in_thread(function: Callable[..., T], *arguments: object) -> T:
    loop = asyncio.get_running_loop()
    return await _timely(loop.run_in_executor(_threads, function, *arguments))


async def _timely(work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await work
    except TimeoutError:
        raise Busy(f"The answer took longer than {LIMIT_SECONDS} s; send less at once.") from None
