"""One process that answers requests.

Started by `supervisor` with two inherited sockets: the listening one, and a line to the supervisor.
It ends on SIGTERM, or when that line ends.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
import time
import traceback

import uvicorn
import uvloop

from serving import settings as environment
from serving.access_log import AccessLog
from serving.app import App
from serving.credentials import without_credentials
from serving.endpoints import Endpoints
from serving.errors import RegistryUnavailable, ServingError
from serving.feedback.store import Feedback, Prediction
from serving.model.pool import Models
from serving.process.connection import Connection
from serving.process.link import Link
from serving.process.messages import (
    Done,
    Download,
    Followed,
    Message,
    Ping,
    PollNow,
    Ready,
    Recall,
    Recalled,
)
from serving.records import Records
from serving.routes import Routes
from serving.settings import Settings
from serving.site import Site

DRAIN_SECONDS = 20
# Proxies keep idle connections for 60 s (nginx, AWS): a request must not meet this end of one.
IDLE_SECONDS = 75
DOWNLOAD_SECONDS = 90  # more than the supervisor gives it
RECALL_SECONDS = 4


class Worker:
    """The parts of one process, put together."""

    def __init__(self, settings: Settings, listener: socket.socket, line: socket.socket) -> None:
        """Load the last known good model, so that the first request finds it."""
        self._listener = listener
        self._feedback = Feedback(settings.feedback_url)
        self._records = Records(AccessLog(), self._feedback)
        self._link = Link(line, self._handle)
        self._status_known = asyncio.Event()
        self.models = Models(settings, self)
        endpoints = Endpoints(settings, self.models, self._records, self)
        self._app = App(Routes(endpoints, Site()), self._records, settings)
        config = uvicorn.Config(
            self._app,
            http=Connection,
            ws="none",
            lifespan="off",
            log_level="error",
            access_log=False,
            server_header=False,
            proxy_headers=bool(settings.trusted_proxies),
            forwarded_allow_ips=settings.trusted_proxies,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=DRAIN_SECONDS,
        )
        self._server = uvicorn.Server(config)

    async def run(self) -> None:
        """Answer until SIGTERM; then finish what is under way."""
        self.models.start()
        following = asyncio.create_task(self._follow())
        await self._status_known.wait()
        gc.collect()
        gc.freeze()
        gc.set_threshold(10_000, 20, 20)  # requests leave no cycles
        watching = asyncio.create_task(self._watch())
        # uvicorn raises SIGTERM once more when it has ended: the last records would be lost
        signal.signal(signal.SIGTERM, lambda *_: None)
        try:
            await self._server.serve([self._listener])
        finally:
            following.cancel()
            watching.cancel()
            self._records.close()

    async def _follow(self) -> None:
        """Take messages until the line ends, whatever ends it; then nobody supervises any more."""
        try:
            await self._link.run()
        except Exception:
            _log_traceback()
        finally:
            self._server.should_exit = True
            self._status_known.set()

    async def _handle(self, message: Message) -> Message | None:
        match message:
            case Followed(status, age_seconds):
                await self.models.follow(status, age_seconds)
                self._status_known.set()
            case Ping():
                return Done()
            case Recall(answer_id):
                self._records.flush()
                rows = [prediction.to_fields() for prediction in self._feedback.recent(answer_id)]
                return Recalled(tuple(rows))
        return None

    # What endpoints and models ask of the other processes

    def poll_now(self) -> None:
        """Have the registry polled without waiting."""
        self._link.send(PollNow())

    async def download(self, name: str, version: str) -> None:
        """Have a version downloaded to this machine's disk.

        Raises:
            ServingError: it cannot be had.
        """
        try:
            await self._link.ask(Download(name, version), DOWNLOAD_SECONDS)
        except TimeoutError:
            raise RegistryUnavailable(f"no answer within {DOWNLOAD_SECONDS} s.") from None

    async def recall(self, answer_id: str) -> list[Prediction]:
        """The answers of that id which other workers gave."""
        try:
            reply = await self._link.ask(Recall(answer_id), RECALL_SECONDS)
        except (TimeoutError, ServingError):
            return []
        rows = reply.predictions if isinstance(reply, Recalled) else ()
        return [Prediction.from_fields(row) for row in rows]

    async def _watch(self) -> None:
        while not self._server.started:
            await asyncio.sleep(0.01)
        self._link.send(Ready())
        while True:
            await asyncio.sleep(1)
            try:
                self._tick()
            except Exception:  # a tick that failed must not be the last one
                _log_traceback()

    def _tick(self) -> None:
        now = time.monotonic()
        for connection in list(self._server.server_state.connections):
            if isinstance(connection, Connection):
                connection.end_if_slow(now)
        self.models.tick()
        self._app.tick()


def _log_traceback() -> None:
    print(without_credentials(traceback.format_exc()), file=sys.stderr, flush=True)


def main(listener: int, line: int) -> None:
    """Run a worker on two inherited sockets."""
    worker = Worker(environment.load(), socket.socket(fileno=listener), socket.socket(fileno=line))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(worker.run())


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
