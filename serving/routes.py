"""The one table of routes: the application, the metrics' names and the documents come from it."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from posixpath import commonpath

from serving import examples
from serving.endpoints import Endpoints
from serving.errors import MethodNotAllowed, NotFound
from serving.examples import Body
from serving.http import Request, Response
from serving.openapi import document
from serving.protocols import mlflow_scoring, native, open_inference, tensorflow_serving
from serving.route import Protocol, Route
from serving.site import Site

OWN = Protocol(
    "The service's own",
    "Pictures or numbers in, digits out.",
    native.failure,
    (*Protocol.statuses, 409, 422),
)
V2 = Protocol(
    "Open Inference Protocol, version 2",
    "Of KServe, Triton and MLServer; with binary tensors.",
    open_inference.failure,
)
V1 = Protocol(
    "TensorFlow Serving's REST API",
    "KServe's version 1, too.",
    tensorflow_serving.failure,
)
MLFLOW = Protocol("MLflow's scoring server", "As `mlflow models serve`.", mlflow_scoring.failure)
OPERATION = Protocol("Operation", "Health, metrics, and MLflow's webhook.", native.failure)

V1_MODEL = "/v1/models/{name}"
V1_MODELS = (V1_MODEL, f"{V1_MODEL}/versions/{{version}}", f"{V1_MODEL}/labels/{{label}}")
V2_MODEL = "/v2/models/{name}"
V2_MODELS = (V2_MODEL, f"{V2_MODEL}/versions/{{version}}")


def table(do: Endpoints, site: Site) -> Iterable[Route]:
    """Every route, in the documents' order."""
    yield Route(
        "predict",
        "POST",
        "/predict",
        do.predict,
        OWN,
        "Read digits",
        examples.PREDICT,
        {
            "image": "Return the 28×28 that the network saw; for at most 32 images at once.",
            "explain": "Return which pixels spoke for and against.",
            "model": "The name of a model, in place of the digits'.",
            "live": "The drawing is not finished: keep nothing of it.",
        },
        examples.PREDICTED,
        examples.PREDICTION,
    )
    yield Route(
        "feedback",
        "POST",
        "/feedback",
        do.feedback,
        OWN,
        "Say which digit was right",
        examples.FEEDBACK,
        answer={"feedback": "stored"},
        schema={"properties": {"feedback": {"enum": ["stored", "changed", "known"]}}},
        status=201,
    )
    yield Route("v2", "GET", "/v2", do.v2_server, V2, "The server", answer=examples.SERVER)
    yield Route(
        "v2 live",
        "GET",
        "/v2/health/live",
        do.live,
        V2,
        "The process answers",
        answer={"live": True},
        open=True,
    )
    yield Route(
        "v2 ready",
        "GET",
        "/v2/health/ready",
        do.ready,
        V2,
        "A model answers",
        answer=examples.READY,
        open=True,
    )
    yield Route(
        "v2 index",
        "POST",
        "/v2/repository/index",
        do.v2_index,
        V2,
        "The models and their versions",
        examples.INDEX,
        answer=examples.INDEXED,
    )
    for action in ("load", "unload"):
        yield Route(
            "v2 control",
            "POST",
            f"/v2/repository/models/{{name}}/{action}",
            do.v2_control,
            V2,
            "Refused: the registry's alias decides what serves",
            answer={"error": open_inference.NO_CONTROL},
            status=400,
        )
    yield Route("v2 stats", "GET", "/v2/models/stats", do.v2_stats, V2, "What all models answered")
    for path in V2_MODELS:
        yield Route(
            "v2 infer",
            "POST",
            f"{path}/infer",
            do.v2_infer,
            V2,
            "Infer, in JSON or with binary tensors",
            examples.INFER,
            answer=examples.INFERRED,
        )
        yield Route("v2 model", "GET", path, do.v2_model, V2, "The model", answer=examples.METADATA)
        yield Route(
            "v2 model ready",
            "GET",
            f"{path}/ready",
            do.v2_model_ready,
            V2,
            "Whether it answers",
            answer={"name": examples.MODEL, "ready": True},
        )
        yield Route("v2 config", "GET", f"{path}/config", do.v2_config, V2, "Its configuration")
        yield Route("v2 stats", "GET", f"{path}/stats", do.v2_stats, V2, "What it answered")
    yield Route(
        "v1 models",
        "GET",
        "/v1/models",
        do.v1_models,
        V1,
        "The names of the models",
        answer={"models": [examples.MODEL]},
    )
    for path in V1_MODELS:
        yield Route(
            "v1 predict",
            "POST",
            f"{path}:predict",
            do.v1_predict,
            V1,
            "Predict",
            examples.INSTANCES,
            answer=examples.PREDICTIONS,
        )
        yield Route(
            "v1 explain",
            "POST",
            f"{path}:explain",
            do.v1_explain,
            V1,
            "Which pixels spoke for and against",
            examples.INSTANCES,
        )
        yield Route("v1 status", "GET", path, do.v1_status, V1, "Its state", answer=examples.STATE)
        yield Route("v1 metadata", "GET", f"{path}/metadata", do.v1_metadata, V1, "Its signature")
    yield Route(
        "invocations",
        "POST",
        "/invocations",
        do.invocations,
        MLFLOW,
        "Score instances, inputs, dataframe_split, dataframe_records or CSV",
        examples.INVOCATIONS,
        answer=examples.SCORED,
    )
    for path in ("/ping", "/health"):
        yield Route("ping", "GET", path, do.ping, MLFLOW, "A model answers", open=True)
    yield Route("version", "GET", "/version", do.version, MLFLOW, "Of this service", open=True)
    yield Route(
        "live",
        "GET",
        "/health/live",
        do.live,
        OPERATION,
        "The process answers",
        answer={"live": True},
        open=True,
    )
    yield Route(
        "ready",
        "GET",
        "/health/ready",
        do.ready,
        OPERATION,
        "Which version answers, and when the registry confirmed it",
        answer=examples.READY,
        open=True,
    )
    yield Route("metrics", "GET", "/metrics", do.metrics, OPERATION, "Metrics for Prometheus")
    yield Route(
        "webhook",
        "POST",
        "/webhooks/registry",
        do.webhook,
        OPERATION,
        "MLflow's signed message that an alias has moved",
        {"application/json": Body(examples.OBJECT)},
        answer={"polling": True},
        status=202,
        open=True,
    )
    for path in ("/", "/page/{file}"):
        yield Route("page", "GET", path, site.file, OWN, open=True)
    yield Route("docs", "GET", "/docs", site.docs, OWN, open=True)
    yield Route("openapi", "GET", "/openapi.json", site.openapi, OWN, open=True)


class Routes:
    """Finds the route of a request."""

    def __init__(self, do: Endpoints, site: Site) -> None:
        """Build the table, and describe it on the site."""
        self.table = tuple(table(do, site))
        site.document = document(self.table)
        site.path_values = do.path_values
        self.find = lru_cache(1000)(self._find)

    def _find(self, method: str, path: str) -> tuple[Route, dict[str, str | None]]:
        """The route of a request, and what its pattern found in the path."""
        wanted = "GET" if method == "HEAD" else method
        path = "/v2" if path == "/v2/" else path
        others: list[Route] = []
        for route in self.table:
            if match := route.pattern.fullmatch(path):
                if route.method == wanted:
                    return route, match.groupdict()
                others.append(route)
        return self._nowhere(path, others), {}

    def _nowhere(self, path: str, others: list[Route]) -> Route:
        """The route of what has none: its errors have the form of the nearest protocol.

        Args:
            path: that was asked for.
            others: the routes of this path, of other methods.
        """
        methods = [name for route in others for name in _METHODS.get(route.method, [route.method])]

        async def refuse(request: Request) -> Response:
            if methods:
                allowed = ", ".join(dict.fromkeys(methods))
                raise MethodNotAllowed(
                    f"{request.method} is not possible here; use {allowed}.", allowed
                )
            raise NotFound("There is nothing at this path; /docs lists what there is.")

        nearest = max(others or self.table, key=lambda route: _nearness(route, path))
        return Route("none", "", "", refuse, nearest.protocol, open=True)


_METHODS = {"GET": ["GET", "HEAD"]}


def _nearness(route: Route, path: str) -> tuple[int, bool]:
    """How long the folder is in which both lie, and whether the route lies below it."""
    shared = commonpath((route.path, f"/{path}")).rstrip("/")
    return len(shared), route.path.startswith(f"{shared}/")
