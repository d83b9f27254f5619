"""MLflow's own pages on the store of the settings."""

from __future__ import annotations

import os
import sys

from pipelines.errors import WrongUse
from pipelines.local import ports
from pipelines.settings import Settings

# No job runner: fewer processes, and no door for CVE-2026-0545.
ENVIRONMENT = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "PYTHONWARNINGS": "ignore"}


def command(settings: Settings, port: int) -> list[str]:
    """The MLflow server of this machine alone on the store of the settings."""
    server = [sys.executable, "-m", "mlflow", "server", "--host", ports.HOST, "--port", str(port)]
    store = ["--backend-store-uri", settings.tracking_uri, "--workers", "1"]
    uploads = ["--artifacts-destination", str(settings.artifacts / "uploads")]  # other clients'
    quiet = ["--uvicorn-opts", "--log-level critical"]  # Ctrl-C would end in a traceback
    return [*server, *store, *uploads, *quiet]


def serve(settings: Settings, port: int) -> None:
    """Become an MLflow server on this machine, until Ctrl-C.

    Raises:
        WrongUse: runs are tracked on a server already, or the port is taken.
    """
    if not settings.tracking_uri.startswith("sqlite"):
        raise WrongUse(f"the runs are on {settings.tracking_uri}; open that in a browser.")
    ports.check_free(port, "MLflow's UI", "ann ui --port")
    environment = os.environ | ENVIRONMENT
    environment.pop("MLFLOW_TRACKING_URI", None)
    print(f"MLflow's UI: http://127.0.0.1:{port} (Ctrl-C ends it)", file=sys.stderr, flush=True)
    os.execve(sys.executable, command(settings, port), environment)
