"""The environment variables that a job's workers get, and only while they work on it."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from pipelines import settings as environment
from pipelines.flows import reproducibility
from pipelines.settings import Settings

FOLDERS = ("ANN_HOME", "ANN_MNIST_PATH")  # another machine may have its own
SENT = (  # nothing else of this process's environment is: it may be secret
    *FOLDERS,
    "ANN_OFFLINE",
    "ANN_MLFLOW_UI",
    "KERAS_HOME",
    "MLFLOW_TRACKING_URI",
    "MLFLOW_TRACKING_USERNAME",  # workers log their runs themselves
    "MLFLOW_TRACKING_PASSWORD",
    "MLFLOW_TRACKING_TOKEN",
    "MLFLOW_TRACKING_INSECURE_TLS",
    "MLFLOW_TRACKING_SERVER_CERT_PATH",
    "MLFLOW_TRACKING_CLIENT_CERT_PATH",
    "MLFLOW_HTTP_REQUEST_TIMEOUT",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES",
)


@dataclass(frozen=True)
class WorkerEnvironment:
    """What a worker must know of the process whose job it works on.

    Attributes:
        host: that process's machine.
        variables: environment variables.
    """

    host: str
    variables: Mapping[str, str]

    @classmethod
    def of_this_process(cls, settings: Settings) -> WorkerEnvironment:
        """The variables in SENT, the state folder, and the number of threads."""
        found = {name: os.environ[name] for name in SENT if name in os.environ}
        threads = reproducibility.threads()  # they decide how sums are rounded
        return cls(socket.gethostname(), found | threads | {"ANN_HOME": str(settings.home)})

    @contextmanager
    def applied(self) -> Iterator[Settings]:
        """Have these variables, and what `settings.export` adds, in a worker's environment.

        A worker on another machine keeps its own state folder and MNIST, if it was given any.
        """
        before = dict(os.environ)
        own = {} if self.host == socket.gethostname() else _own_folders()
        os.environ.update({**self.variables, **own})
        try:
            settings = environment.load()
            environment.export(settings)
            logging.getLogger("mlflow").setLevel(os.environ["MLFLOW_LOGGING_LEVEL"])
            yield settings
        finally:
            for name in os.environ.keys() - before.keys():
                del os.environ[name]
            os.environ.update(before)


def _own_folders() -> dict[str, str]:
    return {name: os.environ[name] for name in FOLDERS if name in os.environ}
