"""What commands do before their own work: settings, servers, and the heavy imports."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from pipelines.cli.terminal import notify

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

    from pipelines.settings import Settings


def load_settings() -> Settings:
    """The settings, checked and exported to the libraries; a moved state folder is repaired.

    MLflow and Prefect are imported afterwards: they read the environment when they are.

    Raises:
        WrongUse: a variable's value is impossible, or the state folder cannot be written.
        WrongSetting: the Python package of the tracking database is missing.
        TrackingUnavailable: the embedded store cannot be opened by this user.
    """
    from pipelines import settings
    from pipelines.maintenance import relocation
    from serving.settings import check_driver

    loaded = settings.load()
    check_driver(loaded.tracking_uri, "MLFLOW_TRACKING_URI")
    settings.export(loaded)
    moved_from = relocation.repair(loaded)
    if moved_from:
        notify(f"the state folder was moved from {moved_from}; its artifact paths are repaired.")
    return loaded


def load_settings_with_runs() -> Settings:
    """As `load_settings`, for commands that need what a run left: nothing is made without one.

    Raises:
        WrongUse: no run was tracked in the state folder, or there is no such SQLite file.
        StoreUnavailable: the database holds no MLflow store.
    """
    from pipelines.errors import WrongUse
    from pipelines.settings import read
    from pipelines.tracking.reader import reader_of

    if (settings := read()).is_new:
        raise WrongUse(
            f"no run is in the state folder {settings.home} yet; `ann run` makes one, or set "
            "ANN_HOME to the folder that has them."
        )
    settings = load_settings()
    if reader_of(settings.tracking_uri) is None:
        raise WrongUse(
            f"MLFLOW_TRACKING_URI is {settings.tracking_uri}, and there is no such file; correct "
            "it, or let `ann run` make the store."
        )
    return settings


def load_settings_for_reading() -> Settings:
    """As `load_settings`, for commands that list runs and versions: a server is not waited for.

    Runs whose process was killed are ended; MLflow is imported only if there are any.

    Raises:
        WrongUse: a variable's value is impossible, or the state folder cannot be written.
        StoreUnavailable: the store cannot be read.
    """
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    settings = load_settings()
    from pipelines.tracking import tags
    from pipelines.tracking.reader import RunReader

    if running := RunReader(settings).runs_with({tags.PROCESS: None}, "RUNNING"):
        from pipelines.process_identity import has_ended

        if any(has_ended(run.data.tags[tags.PROCESS]) for run in running):
            from pipelines.tracking.client import Tracking

            Tracking(settings).end_orphaned_runs()
    return settings


def prepare_flows(settings: Settings, trains_here: bool = True) -> None:
    """Have a Prefect server, MLflow's store and TensorFlow, and flows that show their progress.

    Args:
        settings: where they are.
        trains_here: whether this process needs TensorFlow; workers import their own.

    Raises:
        TrackingUnavailable: MLflow's server or store cannot be reached.
    """
    from ann_models import collector
    from pipelines.flows import progress
    from pipelines.local import status

    terminal = progress.Terminal()
    terminal.stage("starting MLflow, Prefect and TensorFlow")
    status.reach_prefect(settings)
    logging.raiseExceptions = False  # an undelivered line of Prefect's log is not reported
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    with collector.paused():
        from pipelines.tracking.client import Tracking

        Tracking(settings).open()  # raises if the server is unavailable
        with progress.native_errors_to(settings.log):
            if trains_here:
                import ann_models.training  # noqa: F401

            from pipelines.flows import ad_hoc, lecture  # noqa: F401
            from pipelines.scheduling import orphaned_runs
            from pipelines.scheduling.deployments import connected

    with connected() as prefect:
        for name in orphaned_runs.crash_ad_hoc(prefect):
            terminal.notice(f"the flow run {name!r} had lost its process; it is marked as crashed")
    click.get_current_context().with_resource(ad_hoc.process_tag())
    click.get_current_context().with_resource(progress.reporting_to(terminal))


@contextmanager
def prefect(needs_up: bool = False) -> Iterator[SyncPrefectClient]:
    """A client of the Prefect server that keeps the schedules.

    Raises:
        WrongUse: it needs `ann up`, which is not running; or Prefect refuses what was asked.
    """
    from pipelines.errors import WrongUse
    from pipelines.local import status

    loaded = load_settings()
    if needs_up and not loaded.prefect_api_url and not status.prefect_of_running_stack(loaded):
        raise WrongUse("no worker is running that could start it; start `ann up` first.")
    if not status.reach_prefect(loaded):
        notify("`ann up` is not running; a temporary Prefect server reads its database.")
    from pipelines.flows import progress

    with progress.native_errors_to(loaded.log):  # Prefect shows a wrong setting, which is raised
        from pipelines.scheduling import deployments

    with deployments.connected() as client:
        yield client
