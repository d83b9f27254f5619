"""One process that answers requests.

Started by `supervision` with two inherited sockets: the listening one, and a line to the process
that follows the registry. It ends when told to, or when that line ends.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import time
from typing import Any

import uvicorn
import uvloop
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from serving import settings as environment
from serving.access_log import AccessLog
from serving.app import App
from serving.endpoints import Endpoints
from serving.feedback.store import Feedback
from serving.model.pool import Models
from serving.process.link import Link
from serving.records import Records
from serving.routes import Routes
from serving.settings import Settings
from serving.site import Site

REQUEST_SECONDS = 30  # from the first byte of a request, or the connection, to its last
DRAIN_SECONDS = 20


class Connection(HttpToolsProtocol):
    """A connection that is ended when its sender is endlessly slow."""

    waiting_since = 0.0  # since when a request is awaited or incomplete; 0: none is

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first request."""
        super().connection_made(transport)
        self.waiting_since = time.monotonic()

    def on_message_begin(self) -> None:
        """Begin to wait for the rest of a request."""
        super().on_message_begin()
        self.waiting_since = time.monotonic()

    def on_message_complete(self) -> None:
        """Wait no more."""
        super().on_message_complete()
        self.waiting_since = 0.0

    def end_if_slow(self, now: float) -> None:
        """Close the connection if its request took too long to come."""
        if self.waiting_since and now - self.waiting_since > REQUEST_SECONDS:
            self.transport.close()


class Worker:
    """The parts of one process, put together."""

    def __init__(self, settings: Settings, listener: socket.socket, line: socket.socket) -> None:
        """Load the last good model, so that the first request finds it."""
        self._listener = listener
        self.models = Models(settings)
        self._records = Records(AccessLog(), Feedback(settings.feedback_url))
        self._link = Link(line, self._receive)
        self._status_known = asyncio.Event()
        self.models.registry = self._link
        endpoints = Endpoints(settings, self.models, self._records, self._look_now)
        self._app = App(Routes(endpoints, Site()), self._records, settings.api_key)
        config = uvicorn.Config(
            self._app,
            http=Connection,
            ws="none",
            lifespan="off",
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        self._server = uvicorn.Server(config)

    async def run(self) -> None:
        """Answer until told to stop; then finish what is under way."""
        self.models.start()
        following = asyncio.create_task(self._follow())
        await self._status_known.wait()
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)  # requests leave no cycles
        watching = asyncio.create_task(self._watch())
        try:
            await self._server.serve([self._listener])
        finally:
            following.cancel()
            watching.cancel()
            self._records.close()

    async def _follow(self) -> None:
        await self._link.run()
        self._server.should_exit = True  # nobody supervises this process any more
        self._status_known.set()

    async def _receive(self, message: dict[str, Any]) -> None:
        await self.models.follow(message["status"])
        self._status_known.set()

    def _look_now(self) -> None:
        self._link.send({"look": True})

    async def _watch(self) -> None:
        while not self._server.started:
            await asyncio.sleep(0.01)
        self._link.send({"ready": True})
        while True:
            await asyncio.sleep(1)
            self._app.tick()
            now = time.monotonic()
            for connection in list(self._server.server_state.connections):
                if isinstance(connection, Connection):
                    connection.end_if_slow(now)


def main(listener: int, line: int) -> None:
    """Run a worker on two inherited sockets."""
    worker = Worker(environment.load(), socket.socket(fileno=listener), socket.socket(fileno=line))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(worker.run())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
