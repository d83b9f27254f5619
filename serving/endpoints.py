"""What each route does: from a request to its response."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from importlib.metadata import version as installed_version
from typing import Any, Protocol, TypeVar

from serving import metrics, webhook
from serving.errors import Busy, InvalidDigits, InvalidRequest
from serving.feedback.correction import check_classes
from serving.feedback.store import REMEMBERED, Prediction, the_one
from serving.http import Request, Response, json_response
from serving.images import is_tiny, to_digit, to_picture
from serving.model import uncertainty
from serving.model.loaded_model import Answers, LoadedModel
from serving.model.pool import Models
from serving.model.runner import ModelRunner
from serving.protocols import mlflow_scoring, native, open_inference, tensorflow_serving
from serving.protocols.digits import Images, Pictures, decoded
from serving.records import Records
from serving.redaction import public
from serving.settings import NAMES, Settings

QUICK_BYTES = 30_000  # bodies up to this are read in the event loop
QUICK_IMAGES = 32  # whose answers are judged there
LIMIT_SECONDS = 30
MAX_EXPLAINED = 8  # images at once
MAX_RETURNED = 32  # images at once; writing 2,000 keeps all others waiting, in any thread
DIGITS = 10  # classes of the digit models

T = TypeVar("T")

_reading = ThreadPoolExecutor(2, "reading")
_correcting = ThreadPoolExecutor(1, "correcting")  # a store that hangs keeps no picture waiting


class OtherProcesses(Protocol):
    """What endpoints ask of the service's other processes."""

    def poll_now(self) -> None:
        """Have the registry polled without waiting."""

    async def recall(self, answer_id: str) -> list[Prediction]:
        """The answers of that id which other workers gave."""


class Endpoints:
    """The endpoints, and what they share."""

    def __init__(
        self, settings: Settings, models: Models, records: Records, others: OtherProcesses
    ) -> None:
        """Take what answers, what keeps records, and a way to the other processes."""
        self._settings = settings
        self._models = models
        self._records = records
        self._others = others

    # The service's own

    async def predict(self, request: Request) -> Response:
        """POST /predict: pictures or numbers in, digits out."""
        name = None
        if request.query_string:
            native.check_query(request)
            name = request.query.get("model")
        runner = await self._models.find(name) if name else self._models.champion()
        images = await _decoded(await _read(native.parse, request), runner)
        if len(images) > MAX_RETURNED and request.asks("image"):
            raise InvalidDigits(
                f"{len(images)} images are to be returned; send at most {MAX_RETURNED} at once."
            )
        explanations = None
        if request.asks("explain"):  # before anything is counted: too many are refused
            explanations = await _explained(runner.model, images)
        answers = await self._infer(request, runner, images)
        if 1 < len(images) <= REMEMBERED:
            ids = native.answer_ids(request, len(images))
            probabilities = answers.probabilities
            digits, sure = probabilities.argmax(1).tolist(), probabilities.max(1).tolist()
            request.answered = list(zip(ids, images, digits, sure, strict=True))
        if len(images) == 1 and not runner.model.labels:  # the usual case, kept short
            reasons = [_reason(runner, images[0], answers)]
        else:
            reasons = await _reasons(runner, images, answers)
        return native.answer(request, runner, images, answers.probabilities, reasons, explanations)

    async def feedback(self, request: Request) -> Response:
        """POST /feedback: the right digit of a prediction or an image."""
        fields = await _in_thread(native.correction, request)
        known = await self._known(fields["request_id"])
        if not known:
            await self._check_named(fields)
        model = await self._other_model(known[0].model if known else fields["model"])
        if fields["image"] is not None:
            decode = to_picture if model else to_digit
            fields["image"] = (await _in_thread(decoded, fields["image"], decode))[0]
        answer = the_one(known, fields["image"], fields["request_id"])
        if answer and answer.model != known[0].model:  # an id of its sender, of several models
            model = await self._other_model(answer.model)
        check_classes(fields, model.classes if model else DIGITS)
        correct = self._records.feedback.correct
        outcome = await _in_thread(correct, fields, answer, executor=_correcting)
        metrics.corrections.labels(outcome).inc()
        return json_response({"feedback": outcome}, 201 if outcome == "stored" else 200)

    async def live(self, request: Request) -> Response:
        """GET /health/live: the process answers."""
        return json_response({"live": True})

    async def ready(self, request: Request) -> Response:
        """GET /health/ready: which version serves, and how sure that is."""
        models = self._models
        current, status, age = models.current, models.status, models.registry_age()
        said = "unavailable"
        if current is not None:
            said = "degraded" if models.is_degraded() else "ok"
        refused = status.refused
        state = {
            "ready": current is not None,
            "status": said,
            **(current.identity if current else {}),
            "registry_error": self._public(status.registry_error),
            "registry_age_seconds": None if age is None else round(age, 1),
            "refused": refused
            and {
                "name": refused.name,
                "version": refused.version,
                "reason": self._public(refused.reason),
            },
        }
        return json_response(state, 200 if current else 503)

    def _public(self, text: str | None) -> str | None:
        return None if text is None else public(text, self._settings)

    async def metrics(self, request: Request) -> Response:
        """GET /metrics, for Prometheus."""
        self._records.flush()
        self._models.tick()
        return metrics.exposition()

    async def webhook(self, request: Request) -> Response:
        """POST /webhooks/registry: MLflow says that an alias has moved."""
        webhook.verify(request, self._settings.webhook_secret)
        self._others.poll_now()
        return json_response({"polling": True}, 202)

    # Open Inference Protocol

    async def v2_infer(self, request: Request) -> Response:
        """POST /v2/models/{name}[/versions/{version}]/infer."""
        runner = await self._named(request)
        inference = await _read(open_inference.parse, request)
        images = await _decoded(inference.images, runner)
        answers = await self._infer(request, runner, images)
        wanted = open_inference.REASONS in inference.outputs
        reasons = await _reasons(runner, images, answers) if wanted else []
        return open_inference.answer(runner, inference, answers.probabilities, reasons)

    async def v2_server(self, request: Request) -> Response:
        """GET /v2."""
        return open_inference.server_metadata(installed_version("ann-pipelines"))

    async def v2_index(self, request: Request) -> Response:
        """POST /v2/repository/index."""
        loaded = self._models.loaded()
        models = self._models
        found = [(name, version) for name in models.names() for version in models.versions(name)]
        return open_inference.repository_index([(*key, key in loaded) for key in found])

    async def v2_control(self, request: Request) -> Response:
        """POST /v2/repository/models/{name}/load and …/unload."""
        raise InvalidRequest(open_inference.NO_CONTROL)

    async def v2_model(self, request: Request) -> Response:
        """GET /v2/models/{name}[/versions/{version}]."""
        runner = await self._named(request)
        name, version = runner.key
        versions = self._models.versions(name)
        if version not in versions:
            versions = [*versions, version]
        return open_inference.model_metadata(name, versions, runner.model.classes)

    async def v2_model_ready(self, request: Request) -> Response:
        """GET /v2/models/{name}[/versions/{version}]/ready."""
        name, _ = (await self._named(request)).key
        return json_response({"name": name, "ready": True})

    async def v2_config(self, request: Request) -> Response:
        """GET /v2/models/{name}[/versions/{version}]/config."""
        model = (await self._named(request)).model
        return open_inference.model_config(model.name, model.classes, model.labels)

    async def v2_stats(self, request: Request) -> Response:
        """GET /v2/models[/{name}[/versions/{version}]]/stats."""
        self._records.flush()
        keys = sorted(self._models.loaded())
        if "name" in request.parameters:
            keys = [(await self._named(request)).key]
        return open_inference.statistics([metrics.totals(*key) for key in keys])

    # TensorFlow Serving

    async def v1_predict(self, request: Request) -> Response:
        """POST /v1/models/{name}[/versions/{version}|/labels/{label}]:predict."""
        runner = await self._named(request)
        found, rows = await _read(tensorflow_serving.parse, request)
        images = await _decoded(found, runner)
        answers = await self._infer(request, runner, images)
        return tensorflow_serving.answer(answers.probabilities, rows)

    async def v1_explain(self, request: Request) -> Response:
        """POST …:explain, KServe's addition: the pixels that spoke for and against."""
        runner = await self._named(request)
        found, _ = await _read(tensorflow_serving.parse, request)
        images = await _decoded(found, runner)
        explanations = await _explained(runner.model, images)
        answers = await self._infer(request, runner, images)
        return json_response(
            {
                "predictions": answers.probabilities,
                "explanations": explanations,
                "reasons": await _reasons(runner, images, answers),
            }
        )

    async def v1_models(self, request: Request) -> Response:
        """GET /v1/models."""
        found = [name for name in self._models.names() if self._models.versions(name)]
        return json_response({"models": found})

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
        found, table = await _read(mlflow_scoring.parse, request)
        images = await _decoded(found, runner)
        answers = await self._infer(request, runner, images)
        return mlflow_scoring.answer(answers.probabilities, table)

    async def ping(self, request: Request) -> Response:
        """GET /ping and /health: whether there is a model."""
        self._models.champion()
        return Response(b"\n")

    async def version(self, request: Request) -> Response:
        """GET /version: of this service, as MLflow's server says its own."""
        return Response(installed_version("ann-pipelines").encode(), media_type="text/plain")

    def path_values(self) -> dict[str, str]:
        """The path parameters of the model that answers now, for the documents' examples."""
        current = self._models.current
        if current is None:
            return {}
        return {"name": str(current.identity["model"]), "version": str(current.identity["version"])}

    # What they share

    async def _named(self, request: Request) -> ModelRunner:
        parameters = request.parameters
        runner = await self._models.find(
            parameters["name"] or "", parameters.get("version"), parameters.get("label")
        )
        request.runner = runner
        return runner

    async def _known(self, answer_id: str | None) -> list[Prediction]:
        """The answers of that id: remembered here or by another worker, or stored."""
        if answer_id is None:
            return []
        self._records.flush()  # it may be the last answer that is corrected
        feedback = self._records.feedback
        found = feedback.recent(answer_id) or await self._others.recall(answer_id)
        return found or await _in_thread(feedback.stored, answer_id, executor=_correcting)

    async def _check_named(self, fields: dict[str, Any]) -> None:
        """Refuse a correction of a model or version that is not here."""
        name, version = fields["model"], fields["version"]
        if name:
            self._models.check_name(name)
        if version:
            await self._models.check_version(name or self._models.champion().model.name, version)

    async def _other_model(self, name: str | None) -> LoadedModel | None:
        """The named model of other pictures; None for digits, and if there is none of that name."""
        if not name or name in NAMES or name not in self._models.names():
            return None
        return (await self._models.find(name)).model

    async def _infer(self, request: Request, runner: ModelRunner, images: Images) -> Answers:
        """The answers; counted, and a single one kept for corrections."""
        request.runner = runner
        request.images = len(images)
        started = time.perf_counter()
        answers = runner.inline(images)
        if answers is None:
            answers = await _timely(runner.batched(images))
        probabilities = answers.probabilities
        request.inference_seconds = time.perf_counter() - started
        if len(images) == 1:
            row = probabilities[0]
            digit = int(row.argmax())
            request.answered = [(request.answer_id, images[0], digit, float(row[digit]))]
        else:
            named = probabilities.argmax(1).tolist(), probabilities.max(1).tolist()
            metrics.answered(runner, zip(*named, strict=True))
        return answers


async def _read(parse: Callable[[Request], T], request: Request) -> T:
    if len(request.body) <= QUICK_BYTES:
        return parse(request)
    return await _in_thread(parse, request)


async def _decoded(images: Images | Pictures, runner: ModelRunner) -> Images:
    """The images, pictures decoded: in a thread, but for one that takes a moment."""
    if runner.model.labels and isinstance(images, list):
        return await _in_thread(decoded, images, to_picture)
    if isinstance(images, list) and not (len(images) == 1 and is_tiny(images[0])):
        return await _in_thread(decoded, images)
    return decoded(images)


def _reason(runner: ModelRunner, image: Images, answers: Answers) -> str | None:
    """Why the only answer is uncertain; counted."""
    row, score = answers.probabilities[0], float(answers.digit_scores[0])
    found = uncertainty.uncertainty(image, row, score, runner.model.least_confidence)
    if found is not None:
        metrics.uncertain.inc()
    return found


async def _reasons(runner: ModelRunner, images: Images, answers: Answers) -> list[str | None]:
    """Why each answer is uncertain, None where it is not; counted."""
    arguments = (images, *answers, runner.model.least_confidence, runner.model.labels)
    if len(images) > QUICK_IMAGES:
        found = await _in_thread(uncertainty.reasons, *arguments)
    else:
        found = uncertainty.reasons(*arguments)
    if any(found):
        metrics.uncertain.inc(len(found) - found.count(None))
    return found


async def _explained(model: LoadedModel, images: Images) -> list[dict[str, object]]:
    if len(images) > MAX_EXPLAINED:
        raise InvalidDigits(
            f"{len(images)} images are to be explained; send at most {MAX_EXPLAINED} at once."
        )
    from serving.model.explanation import explain

    return await _in_thread(lambda: [explain(model, image) for image in images])


async def _in_thread(
    function: Callable[..., T], *arguments: object, executor: Executor = _reading
) -> T:
    loop = asyncio.get_running_loop()
    return await _timely(loop.run_in_executor(executor, function, *arguments))


async def _timely(work: Awaitable[T]) -> T:
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            return await work
    except TimeoutError:
        raise Busy(f"The answer took longer than {LIMIT_SECONDS} s; send less at once.") from None
