"""What Prometheus scrapes of the worker: flow runs by state, late runs, the last drift verdict.

Prefect's server counts requests, not flow runs, so the worker asks its API. Asked at each scrape;
a server that does not answer leaves `ann_worker_servers_up` at 0 and the other metrics absent. A
client retries for a minute, and Prometheus gives a scrape up after ten seconds: so each server is
asked in a thread, which is waited for less long than that.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, wait
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlflow import MlflowClient
from prefect.client.schemas.filters import (
    FlowFilter,
    FlowFilterId,
    FlowRunFilter,
    FlowRunFilterEndTime,
    FlowRunFilterStartTime,
    FlowRunFilterState,
    FlowRunFilterStateName,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prometheus_client import start_http_server
from prometheus_client.core import REGISTRY, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mlflow_reader.entities import search_filter
from pipelines.errors import WrongUse
from pipelines.flows.drift import DRIFT, EXPERIMENT
from pipelines.registry.reader import CHAMPION, MODEL_NAMES, RegistryReader
from pipelines.scheduling.deployments import connected, deployments
from pipelines.scheduling.schedules import runs
from pipelines.settings import metrics_port
from pipelines.tracking import tags

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from mlflow_reader.entities import RegisteredModel
    from pipelines.settings import Settings

WINDOW = timedelta(days=1)  # flow runs that began in it are counted
SECONDS = 5.0  # for all servers together; Prometheus gives a scrape up after 10


class WorkerMetrics(Collector):
    """Asks Prefect and MLflow when Prometheus scrapes."""

    def __init__(self, settings: Settings) -> None:
        """Take where the servers are."""
        self._settings = settings
        self._asked: dict[str, Future[list[Metric]]] = {}

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked at registration."""
        return []

    def collect(self) -> Iterable[Metric]:
        """One gauge family a question."""
        up = GaugeMetricFamily(
            "ann_worker_servers_up", "1 while the server answers the worker.", labels=["server"]
        )
        asked = {
            "prefect": self._ask("prefect", self._prefect),
            "mlflow": self._ask("mlflow", self._mlflow),
        }
        wait(asked.values(), SECONDS)
        for server, answer in asked.items():
            answered = answer.done() and answer.exception() is None
            up.add_metric([server], float(answered))
            if answered:
                yield from answer.result()
        yield up

    def _ask(self, server: str, question: Callable[[], Iterable[Metric]]) -> Future[list[Metric]]:
        """A question under way is not asked again: a server that hangs holds one thread."""
        asked = self._asked.get(server)
        if asked is None or asked.done():
            asked = self._asked[server] = _in_thread(question)
        return asked

    def _prefect(self) -> Iterable[Metric]:
        with connected() as client:
            yield _by_state(client)
            yield _late(client)
            yield _last_completed(client)
            yield _last_failed(client)

    def _mlflow(self) -> Iterable[Metric]:
        uri = self._settings.tracking_uri
        client = MlflowClient(uri, uri)
        drift = GaugeMetricFamily(
            "ann_drift_detected",
            "1 if the model's newest drift watch found drift.",
            labels=["model"],
        )
        checked = GaugeMetricFamily(
            "ann_drift_checked_timestamp_seconds",
            "When the model's drift watch last ended (Unix time).",
            labels=["model"],
        )
        experiment = client.get_experiment_by_name(EXPERIMENT)
        ids = [experiment.experiment_id] if experiment else []
        for model in _watched(RegistryReader(uri).models()) if ids else ():
            ended = search_filter({tags.MODEL: model}, "FINISHED")
            for run in client.search_runs(ids, ended, max_results=1):
                drift.add_metric([model], float(run.data.tags.get(tags.VERDICT) == DRIFT))
                checked.add_metric([model], run.info.end_time / 1000)
        yield drift
        yield checked


def serve(settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
    """Serve the metrics from a thread of this process, if ANN_METRICS_PORT names a port.

    Raises:
        WrongUse: it is not a port, or is in use.
    """
    port = metrics_port(environ)
    if port is None:
        return
    REGISTRY.register(WorkerMetrics(settings))
    try:
        start_http_server(port)
    except OSError as error:
        raise WrongUse(
            f"ANN_METRICS_PORT is {port}, where no metrics can be served ({error}); set it to a "
            "free port such as 9464, or unset it."
        ) from error


def _in_thread(question: Callable[[], Iterable[Metric]]) -> Future[list[Metric]]:
    """What a daemon thread finds; an executor's would keep the worker from ending."""
    future: Future[list[Metric]] = Future()

    def answer() -> None:
        try:
            future.set_result(list(question()))
        except Exception as error:  # any client error means the same: no answer
            future.set_exception(error)

    context = copy_context()  # Prefect's settings
    threading.Thread(target=context.run, args=(answer,), name="metrics", daemon=True).start()
    return future


def _watched(models: Mapping[str, RegisteredModel]) -> list[str]:
    """Models with a champion: the digits' that serves, and those of one's own pictures."""
    served = [name for name, model in models.items() if CHAMPION in model.aliases]
    digits = [name for name in MODEL_NAMES.values() if name in served]
    return digits[:1] + [name for name in served if models[name].tags.get(tags.DATA_SET)]


def _by_state(client: SyncPrefectClient) -> Metric:
    family = GaugeMetricFamily(
        "ann_flow_runs", "Flow runs that began within a day, by state.", labels=["state"]
    )
    since: Any = datetime.now(UTC) - WINDOW  # Prefect parses it
    begun = FlowRunFilterStartTime(after_=since)
    for state in StateType:
        wanted = FlowRunFilter(
            start_time=begun,
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=[state])),
        )
        count = client.count_flow_runs(flow_run_filter=wanted)
        family.add_metric([state.value.lower()], count)
    return family


def _late(client: SyncPrefectClient) -> Metric:
    late = FlowRunFilterState(name=FlowRunFilterStateName(any_=["Late"]))
    count = client.count_flow_runs(flow_run_filter=FlowRunFilter(state=late))
    return GaugeMetricFamily("ann_flow_runs_late", "Runs that are due and have not begun.", count)


def _last_completed(client: SyncPrefectClient) -> Metric:
    family = GaugeMetricFamily(
        "ann_schedule_completed_timestamp_seconds",
        "When the schedule's last successful run ended (Unix time).",
        labels=["schedule"],
    )
    for deployment in deployments(client):
        last = runs(client, deployment.id, [StateType.COMPLETED], FlowRunSort.END_TIME_DESC)
        if last and last[0].end_time:
            family.add_metric([deployment.name], last[0].end_time.timestamp())
    return family


def _last_failed(client: SyncPrefectClient) -> Metric:
    family = GaugeMetricFamily(
        "ann_flow_run_failed_timestamp_seconds",
        "When a run of the flow last failed or crashed, if within a day (Unix time).",
        labels=["flow"],
    )
    since: Any = datetime.now(UTC) - WINDOW
    failed = FlowRunFilter(
        end_time=FlowRunFilterEndTime(after_=since),
        state=FlowRunFilterState(
            type=FlowRunFilterStateType(any_=[StateType.FAILED, StateType.CRASHED])
        ),
    )
    newest: dict[Any, float] = {}
    for run in client.read_flow_runs(flow_run_filter=failed, sort=FlowRunSort.END_TIME_DESC):
        if run.end_time:
            newest.setdefault(run.flow_id, run.end_time.timestamp())
    for flow in client.read_flows(flow_filter=FlowFilter(id=FlowFilterId(any_=list(newest)))):
        family.add_metric([flow.name], newest[flow.id])
    return family
