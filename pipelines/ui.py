"""MLflow's own pages on the store of the settings."""

from __future__ import annotations

import os
import socket
import sys

from pipelines.errors import WrongUse
from pipelines.settings import Settings


def serve(settings: Settings, port: int) -> None:
    """Become an MLflow server on this machine, until Ctrl-C.

    Raises:
        WrongUse: runs are tracked on a server already, or the port is taken.
    """
    if not settings.tracking_uri.startswith("sqlite"):
        raise WrongUse(f"the runs are on {settings.tracking_uri}; open that in a browser.")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise WrongUse(
                f"port {port} is taken by another program; choose one: `ann ui --port {port + 1}`."
            ) from None
    environment = os.environ | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "PYTHONWARNINGS": "ignore",
    }
    environment.pop("MLFLOW_TRACKING_URI", None)
    server = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    store = ["--backend-store-uri", settings.tracking_uri, "--workers", "1"]
    quiet = ["--uvicorn-opts", "--log-level critical"]  # Ctrl-C would end in a traceback
    print(f"MLflow's UI: http://127.0.0.1:{port} (Ctrl-C ends it)", file=sys.stderr, flush=True)
    os.execve(sys.executable, [*server, *store, *quiet], environment)
