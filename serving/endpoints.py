"""What each route does: from a call to its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version as installed_version
from typing import TypeVar

from serving import metrics, webhook
from serving.errors import Busy, InvalidDigits
from serving.http import JSON, Answer, Call, json_answer
from serving.images import is_tiny
from serving.model.loaded_model import Champion
from serving.model.pool import Models
from serving.model.runner import Probabilities, Served
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

    async def predict(self, call: Call) -> Answer:
        """POST /predict: pictures or numbers in, digits out."""
        served = self._models.champion()
        if len(call.body) <= QUICK_BYTES and (call.media_type == JSON or is_tiny(call.body)):
            images = native.parse(call)
        else:
            images = await _in_thread(native.parse, call)
        probabilities = await self._infer(call, served, images)
        explanations = None
        if call.asks("explain"):
            explanations = await _explained(served.champion, images)
        return native.answer(call, served, images, probabilities, explanations)

    async def feedback(self, call: Call) -> Answer:
        """POST /feedback: the right digit of a prediction or an image."""
        self._records.settle()  # it may be the last answer that is corrected
        outcome = await _in_thread(lambda: self._records.feedback.correct(native.correction(call)))
        metrics.corrections.labels(outcome).inc()
        return json_answer({"feedback": outcome}, 201 if outcome == "stored" else 200)

    async def live(self, call: Call) -> Answer:
        """GET /health/live: the process answers."""
        return json_answer({"live": True})

    async def ready(self, call: Call) -> Answer:
        """GET /health/ready: which version serves, and how sure that is."""
        current, standing = self._models.current, self._models.standing
        state = {
            "ready": current is not None,
            **(current.identity if current else {}),
            "registry_error": standing.get("registry_error"),
            "refused": standing.get("refused"),
        }
        return json_answer(state, 200 if current else 503)

    async def metrics(self, call: Call) -> Answer:
        """GET /metrics, for Prometheus."""
        self._records.settle()
        return metrics.exposition()

    async def webhook(self, call: Call) -> Answer:
        """POST /webhooks/registry: MLflow says that an alias has moved."""
        webhook.verify(call, self._settings.webhook_secret)
        self._look_now()
        return json_answer({"looking": True}, 202)

    # Open Inference Protocol

    async def v2_infer(self, call: Call) -> Answer:
        """POST /v2/models/{name}[/versions/{version}]/infer."""
        served = await self._named(call)
        inference = await _read(open_inference.parse, call)
        probabilities = await self._infer(call, served, inference.images)
        return open_inference.answer(served, inference, probabilities)

    async def v2_server(self, call: Call) -> Answer:
        """GET /v2."""
        return open_inference.server_metadata(installed_version("ann-pipelines"))

    async def v2_model(self, call: Call) -> Answer:
        """GET /v2/models/{name}[/versions/{version}]."""
        return open_inference.model_metadata(await self._named(call))

    async def v2_model_ready(self, call: Call) -> Answer:
        """GET /v2/models/{name}[/versions/{version}]/ready."""
        champion = (await self._named(call)).champion
        return json_answer({"name": champion.name, "ready": True})

    # TensorFlow Serving

    async def v1_predict(self, call: Call) -> Answer:
        """POST /v1/models/{name}[/versions/{version}|/labels/{label}]:predict."""
        served = await self._named(call)
        images, rows = await _read(tensorflow_serving.parse, call)
        return tensorflow_serving.answer(await self._infer(call, served, images), rows)

    async def v1_explain(self, call: Call) -> Answer:
        """POST …:explain, KServe's addition: the pixels that spoke for and against."""
        served = await self._named(call)
        images, _ = await _read(tensorflow_serving.parse, call)
        probabilities = await self._infer(call, served, images)
        explanations = await _explained(served.champion, images)
        return json_answer({"predictions": probabilities, "explanations": explanations})

    async def v1_status(self, call: Call) -> Answer:
        """GET /v1/models/{name}[/versions/{version}|/labels/{label}]."""
        return tensorflow_serving.status(await self._named(call))

    async def v1_metadata(self, call: Call) -> Answer:
        """GET …/metadata."""
        return tensorflow_serving.metadata(await self._named(call))

    # MLflow's scoring server

    async def invocations(self, call: Call) -> Answer:
        """POST /invocations."""
        served = self._models.champion()
        images, table = await _read(mlflow_scoring.parse, call)
        return mlflow_scoring.answer(await self._infer(call, served, images), table)

    async def ping(self, call: Call) -> Answer:
        """GET /ping and /health: whether there is a model."""
        self._models.champion()
        return Answer(b"\n")

    async def version(self, call: Call) -> Answer:
        """GET /version: of this service, as MLflow's server says its own."""
        return Answer(installed_version("ann-pipelines").encode(), media_type="text/plain")

    # What they share

    async def _named(self, call: Call) -> Served:
        parameters = call.parameters
        served = await self._models.find(
            parameters["name"] or "", parameters.get("version"), parameters.get("label")
        )
        call.served = served
        return served

    async def _infer(self, call: Call, served: Served, images: Images) -> Probabilities:
        """The probabilities (n, 10); counted, and a single one kept for corrections."""
        call.served = served
        call.images = len(images)
        probabilities = served.at_once(images)
        if probabilities is None:
            probabilities = await _timely(served.in_turn(images))
        if len(images) == 1:
            row = probabilities[0]
            digit = int(row.argmax())
            call.answered = images[0], digit, float(row[digit])
        else:
            answers = probabilities.argmax(1).tolist(), probabilities.max(1).tolist()
            metrics.answered(served, len(images), zip(*answers, strict=True))
        return probabilities


async def _read(parse: Callable[[Call], T], call: Call) -> T:
    if len(call.body) <= QUICK_BYTES:
        return parse(call)
    return await _in_thread(parse, call)


async def _explained(champion: Champion, images: Images) -> list[dict[str, object]]:
    if len(images) > MAX_EXPLAINED:
        raise InvalidDigits(
            f"{len(images)} images are to be explained; send at most {MAX_EXPLAINED} at once."
        )
    from serving.model.explanation import explain

    return await _in_thread(lambda: [explain(champion, image) for image in images])


async def _in_thread(function: Callable[..., T], *arguments: object) -> T:
    loop = asyncio.get_running_loop()
    return await _timely(loop.run_in_executor(_threads, function, *arguments))


async def _timely(work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await work
    except TimeoutError:
        raise Busy(f"The answer took longer than {LIMIT_SECONDS} s; send less at once.") from None
