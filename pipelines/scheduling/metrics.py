"""What Prometheus scrapes of the worker: flow runs by state, late runs, the last drift verdict.

Prefect's server counts requests, not flow runs, so the worker asks its API. Asked at each scrape;
a server that does not answer leaves `ann_worker_servers_up` at 0 and the other metrics absent.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlflow import MlflowClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
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

from pipelines.errors import WrongUse
from pipelines.flows.drift import DRIFT, EXPERIMENT
from pipelines.scheduling.deployments import connected, deployments
from pipelines.scheduling.schedules import runs

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from pipelines.settings import Settings

WINDOW = timedelta(days=1)  # flow runs that began in it are counted
PORT_VARIABLE = "ANN_METRICS_PORT"


class WorkerMetrics(Collector):
    """Asks Prefect and MLflow when Prometheus scrapes."""

    def __init__(self, settings: Settings) -> None:
        """Take where the servers are."""
        self._settings = settings

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked at registration."""
        return []

    def collect(self) -> Iterable[Metric]:
        """One gauge family a question."""
        up = GaugeMetricFamily(
            "ann_worker_servers_up", "1 while the server answers the worker.", labels=["server"]
        )
        for server, ask in (("prefect", self._prefect), ("mlflow", self._mlflow)):
            try:
                found = list(ask())
            except Exception:  # any client error means the same: no answer
                up.add_metric([server], 0)
            else:
                up.add_metric([server], 1)
                yield from found
        yield up

    def _prefect(self) -> Iterable[Metric]:
        with connected() as client:
            yield _by_state(client)
            yield _late(client)
            yield _last_completed(client)

    def _mlflow(self) -> Iterable[Metric]:
        client = MlflowClient(self._settings.tracking_uri, self._settings.tracking_uri)
        drift = GaugeMetricFamily(
            "ann_drift_detected", "1 if the newest drift watch found drift.", labels=["model"]
        )
        checked = GaugeMetricFamily(
            "ann_drift_checked_timestamp_seconds", "When the drift watch last ended (Unix time)."
        )
        experiment = client.get_experiment_by_name(EXPERIMENT)
        newest = (
            client.search_runs(
                [experiment.experiment_id], "attributes.status = 'FINISHED'", max_results=1
            )
            if experiment
            else []
        )
        for run in newest:
            verdict = run.data.tags.get("verdict")
            drift.add_metric([run.data.tags.get("model", "")], float(verdict == DRIFT))
            checked.add_metric([], run.info.end_time / 1000)
        yield drift
        yield checked


def serve(settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
    """Serve the metrics from a thread of this process, if ANN_METRICS_PORT names a port.

    Raises:
        WrongUse: it is not a port, or is in use.
    """
    port = environ.get(PORT_VARIABLE)
    if not port:
        return
    REGISTRY.register(WorkerMetrics(settings))
    try:
        start_http_server(int(port))
    except (ValueError, OverflowError, OSError) as error:
        raise WrongUse(
            f"{PORT_VARIABLE} is {port!r}, where no metrics can be served ({error}); set it to a "
            "free port such as 9464, or unset it."
        ) from error


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
