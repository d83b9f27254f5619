"""A Prefect server that ends with the command that started it, in whatever way that ends.

Prefect would start one itself, but in the terminal's process group: Ctrl-C ends it before the flow
could report to it, and `kill -9` of the command leaves it behind.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
from collections.abc import MutableMapping
from pathlib import Path

from pipelines.local import parent_death
from pipelines.locks import exclusive_lock
from pipelines.settings import Settings


def start(settings: Settings, environ: MutableMapping[str, str] = os.environ) -> None:
    """Start the server and set PREFECT_API_URL, before Prefect is imported.

    It listens at once and gets ready while the caller goes on; early requests wait.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener, settings.log.open("a") as log:
        environ["PREFECT_API_URL"] = f"http://127.0.0.1:{listener.getsockname()[1]}/api"
        parent_death.start_child(
            [sys.executable, "-m", __name__, str(listener.fileno())],
            stdout=log,
            stderr=log,
            pass_fds=[listener.fileno()],
        )


def _serve(listener: socket.socket) -> None:
    import uvicorn
    from prefect.server.api.server import create_app

    class OneStartsAtATime(uvicorn.Server):
        """Two that made the tables of a new database at once would both end."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            with exclusive_lock(Path(os.environ["PREFECT_HOME"], "start.lock")):
                await super().startup(sockets)

    app = create_app(ephemeral=True, final=True)
    server = OneStartsAtATime(uvicorn.Config(app, log_level="error"))

    def end_with_the_command() -> None:
        parent_death.wait_for_parents_death()
        server.should_exit = True

    threading.Thread(target=end_with_the_command, daemon=True).start()
    server.run(sockets=[listener])


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
