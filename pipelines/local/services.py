"""The services of one machine: the address of each, and how its health is checked."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from pipelines.local import probes
from pipelines.local.ports import HOST
from pipelines.local.supervisor import Health
from pipelines.scheduling.work_pool import POOL
from pipelines.settings import Settings
from serving.credentials import bare_address

MLFLOW, PREFECT, WORKER, DIGITS = "MLflow", "Prefect", "schedules", "digits"


@dataclass(frozen=True)
class Ports:
    """Where the services listen on this machine."""

    mlflow: int = 5000
    prefect: int = 4200
    digits: int = 8000


@dataclass(frozen=True)
class Endpoint:
    """A service's address, and how its health is checked.

    Attributes:
        name: shown to people.
        address: what a person opens.
        probe: checks its health, given the time of its start.
        managed: whether `ann up` starts it; else it is a server that the environment names.
    """

    name: str
    address: str
    probe: Callable[[float], Health]
    managed: bool


def endpoints(settings: Settings, ports: Ports) -> list[Endpoint]:
    """The services, in the order of their start."""
    served = settings.tracking_uri.startswith("http")
    mlflow = settings.tracking_uri.rstrip("/") if served else f"http://{HOST}:{ports.mlflow}"
    prefect = settings.prefect_api_url or f"http://{HOST}:{ports.prefect}/api"
    prefect = prefect.rstrip("/")
    page = bare_address(prefect.removesuffix("/api"))
    digits = f"http://{HOST}:{ports.digits}"
    return [
        Endpoint(MLFLOW, bare_address(mlflow), probes.mlflow(mlflow), not served),
        Endpoint(PREFECT, page, probes.prefect(prefect), not settings.prefect_api_url),
        Endpoint(
            WORKER, f"{page}/deployments", probes.worker(prefect, POOL, socket.gethostname()), True
        ),
        Endpoint(DIGITS, digits, probes.digits(digits), True),
    ]
