"""The parts of what runs on one machine: where each is found, and how its health is asked."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass

from pipelines.local import ports, probes
from pipelines.local.supervisor import Health
from pipelines.scheduling.work_pool import POOL
from pipelines.settings import Settings

MLFLOW, PREFECT, WORKER, DIGITS = "MLflow", "Prefect", "schedules", "digits"


@dataclass(frozen=True)
class Ports:
    """Where the services listen on this machine."""

    mlflow: int = 5000
    prefect: int = 4200
    digits: int = 8000


@dataclass(frozen=True)
class Place:
    """Where one part of the whole is found, and how its health is asked.

    Attributes:
        name: how people call it.
        address: what a person opens.
        probe: asks whether it is well, given the time of its start.
        ours: whether `ann up` starts it; else it is a server that the environment names.
    """

    name: str
    address: str
    probe: Callable[[float], Health]
    ours: bool


def places(settings: Settings, at: Ports) -> list[Place]:
    """The parts of the whole, in the order of their start."""
    served = settings.tracking_uri.startswith("http")
    mlflow = settings.tracking_uri.rstrip("/") if served else f"http://{ports.HOST}:{at.mlflow}"
    prefect = settings.prefect_api_url or f"http://{ports.HOST}:{at.prefect}/api"
    prefect = prefect.rstrip("/")
    page = prefect.removesuffix("/api")
    digits = f"http://{ports.HOST}:{at.digits}"
    return [
        Place(MLFLOW, mlflow, probes.mlflow(mlflow), not served),
        Place(PREFECT, page, probes.prefect(prefect), not settings.prefect_api_url),
        Place(
            WORKER, f"{page}/deployments", probes.worker(prefect, POOL, socket.gethostname()), True
        ),
        Place(DIGITS, digits, probes.digits(digits), True),
    ]
