"""MLflow's own pages on the store of the settings."""

from __future__ import annotations

import os
import sys

from pipelines.errors import WrongUse
from pipelines.local import ports
from pipelines.settings import Settings

APP = "mlflow.server.fastapi_app:app"


def command(port: int) -> list[str]:
    """The MLflow server of this machine alone, with `environment`.

    Started as `mlflow server` starts it, without the 190 MB of that command, which only waits.
    """
    quiet = ["--log-level", "critical"]  # Ctrl-C would end in a traceback
    address = ["--host", ports.HOST, "--port", str(port)]
    return [sys.executable, "-m", "uvicorn", *quiet, *address, APP]


def environment(settings: Settings) -> dict[str, str]:
    """What `mlflow server --backend-store-uri … --artifacts-destination …` hands to its server."""
    return {
        "_MLFLOW_SERVER_FILE_STORE": settings.tracking_uri,
        "_MLFLOW_SERVER_REGISTRY_STORE": settings.tracking_uri,
        "_MLFLOW_SERVER_ARTIFACT_ROOT": "mlflow-artifacts:/",
        "_MLFLOW_SERVER_ARTIFACT_DESTINATION": str(settings.artifacts / "uploads"),  # of others
        "_MLFLOW_SERVER_SERVE_ARTIFACTS": "true",
        "_MLFLOW_IN_JOB_EXECUTOR": "false",
        # No job runner: fewer processes, and no door for CVE-2026-0545.
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PYTHONWARNINGS": "ignore",
    }


def serve(settings: Settings, port: int) -> None:
    """Become an MLflow server on this machine, until Ctrl-C.

    Raises:
        WrongUse: runs are tracked on a server already, or the port is taken.
    """
    if not settings.tracking_uri.startswith("sqlite"):
        raise WrongUse(f"the runs are on {settings.tracking_uri}; open that in a browser.")
    ports.check_free(port, "MLflow's UI", "ann ui --port")
    environ = os.environ | environment(settings)
    environ.pop("MLFLOW_TRACKING_URI", None)
    print(f"MLflow's UI: http://127.0.0.1:{port} (Ctrl-C ends it)", file=sys.stderr, flush=True)
    os.execve(sys.executable, command(port), environ)
