"""One worker: what it answers its supervisor, and what it asks of the other processes."""

import asyncio
import http.client
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from serving.errors import NoChampion, RegistryUnavailable
from serving.feedback.store import Prediction
from serving.http import Request
from serving.process import worker as module
from serving.process.connection import Connection
from serving.process.link import Link
from serving.process.messages import (
    Done,
    Download,
    Envelope,
    Followed,
    Message,
    Ping,
    PollNow,
    Ready,
    Recall,
    Recalled,
)
from serving.process.worker import Worker
from serving.settings import load
from tests.support.small_service import NAME, a_one, put_copy, status

ANSWER = Prediction("an-answer", 1.5, NAME, "3", 1, 0.75, a_one())


@pytest.fixture
def supervised(tmp_path):
    """Does some work with a worker whose supervisor handles messages as it is told."""
    put_copy(tmp_path, "3", seed=1)
    settings = load({"ANN_HOME": str(tmp_path)})

    def run(work: Callable[[Worker, Link], Awaitable[Any]], handle: Any = None) -> Any:
        async def together() -> Any:
            ours, theirs = socket.socketpair()

            async def ignore(message: Message) -> Message | None:
                return None

            with socket.socket() as listener:
                worker, link = Worker(settings, listener, theirs), Link(ours, handle or ignore)
                worker.models.start()
                lines = [asyncio.create_task(each.run()) for each in (worker._link, link)]
                try:
                    return await work(worker, link)
                finally:
                    for line in lines:
                        line.cancel()
                    worker._records.close()

        return asyncio.run(together())

    return run


def test_it_answers_its_supervisors_questions(supervised):
    async def work(worker: Worker, link: Link) -> None:
        assert await link.ask(Ping(), 10) == Done()
        assert (await link.ask(Recall("an-answer"), 10)).predictions == []
        worker._feedback.remember(ANSWER)
        assert (await link.ask(Recall("an-answer"), 10)).predictions == [ANSWER.to_fields()]

    supervised(work)


def test_the_answer_that_was_given_last_is_recalled_too(supervised):
    async def work(worker: Worker, link: Link) -> Message:
        request = Request("POST", "/predict", b"", {}, {}, "x", "an-answer")
        request.runner, request.images = worker.models.champion(), 1
        request.answered = [("an-answer", a_one(), 1, 0.75)]
        worker._records.add(request, "predict", 200, "", 0.1)
        return await link.ask(Recall("an-answer"), 10)

    (row,) = supervised(work).predictions
    assert (row["request_id"], row["version"], row["digit"]) == ("an-answer", "3", 1)


def test_an_idle_connection_outlasts_a_proxys_which_may_send_a_request_at_any_moment(supervised):
    async def work(worker: Worker, link: Link) -> float:
        return worker._server.config.timeout_keep_alive

    assert supervised(work) > 60  # nginx and AWS


def test_with_the_first_status_it_knows_what_serves(supervised):
    async def work(worker: Worker, link: Link) -> None:
        assert not worker._status_known.is_set()
        link.send(Followed(status("3", registry_error="silent"), 2.5))
        await asyncio.wait_for(worker._status_known.wait(), 10)
        assert worker.models.status.registry_error == "silent"
        assert worker.models.registry_age() == pytest.approx(2.5, abs=2)

    supervised(work)


def test_it_asks_for_polls_downloads_and_other_workers_answers(supervised):
    asked = []

    async def handle(message: Message) -> Message | None:
        asked.append(message)
        return Recalled((ANSWER.to_fields(),)) if isinstance(message, Recall) else Done()

    async def work(worker: Worker, link: Link) -> list[Prediction]:
        worker.poll_now()
        await worker.download(NAME, "2")
        return await worker.recall("an-answer")

    (recalled,) = supervised(work, handle)
    assert recalled == Prediction.from_fields(ANSWER.to_fields())
    assert asked == [PollNow(), Download(NAME, "2"), Recall("an-answer")]


def test_a_download_that_fails_says_why_and_a_recall_that_fails_finds_nothing(supervised):
    async def handle(message: Message) -> Message | None:
        raise NoChampion("there is none")

    async def work(worker: Worker, link: Link) -> list[Prediction]:
        with pytest.raises(NoChampion, match="there is none"):
            await worker.download(NAME, "9")
        return await worker.recall("an-answer")

    assert supervised(work, handle) == []


def test_what_is_not_answered_in_time_is_given_up(supervised, monkeypatch):
    monkeypatch.setattr(module, "DOWNLOAD_SECONDS", 0.01)
    monkeypatch.setattr(module, "RECALL_SECONDS", 0.01)

    async def work(worker: Worker, link: Link) -> list[Prediction]:
        with pytest.raises(RegistryUnavailable, match=r"^no answer within 0\.01 s\.$"):
            await worker.download(NAME, "2")
        return await worker.recall("an-answer")

    assert supervised(work) == []


def test_an_answer_of_another_kind_recalls_nothing(supervised):
    async def handle(message: Message) -> Message:
        return Done()

    assert supervised(lambda worker, link: worker.recall("an-answer"), handle) == []


@pytest.mark.parametrize("fails", [False, True])
def test_when_its_line_ends_it_stops_whatever_ended_it(supervised, monkeypatch, capfd, fails):
    async def run(self: Link) -> None:
        if fails:
            raise RuntimeError("at http://admin:s3cret@host")

    async def work(worker: Worker, link: Link) -> None:
        monkeypatch.setattr(Link, "run", run)
        assert not worker._server.should_exit
        await worker._follow()
        assert worker._server.should_exit
        assert worker._status_known.is_set()

    supervised(work)
    error = capfd.readouterr().err
    assert ("RuntimeError: at http://host" in error) is fails
    assert "s3cret" not in error


def test_it_is_ready_once_its_server_has_started(supervised):
    said: asyncio.Queue[Message] = asyncio.Queue()

    async def work(worker: Worker, link: Link) -> None:
        watching = asyncio.create_task(worker._watch())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(said.get(), 0.2)
        worker._server.started = True
        assert await asyncio.wait_for(said.get(), 10) == Ready()
        watching.cancel()

    supervised(work, said.put)


def test_slow_senders_are_ended_though_a_look_at_the_clock_failed(supervised, monkeypatch, capfd):
    ended = asyncio.Event()

    class Slow(Connection):
        def __init__(self) -> None:
            self.looked_at = 0

        def end_if_slow(self, now: float) -> None:
            self.looked_at += 1
            if self.looked_at == 1:
                raise RuntimeError("at http://admin:s3cret@host")
            ended.set()

    async def work(worker: Worker, link: Link) -> None:
        worker._server.started = True
        worker._server.server_state.connections.add(Slow())
        watching = asyncio.create_task(worker._watch())
        await asyncio.wait_for(ended.wait(), 10)
        watching.cancel()

    supervised(work)
    error = capfd.readouterr().err
    assert "RuntimeError: at http://host" in error
    assert "s3cret" not in error


def test_the_process_answers_on_the_sockets_it_inherited_until_sigterm(tmp_path):
    put_copy(tmp_path, "3", seed=1)
    ours, theirs = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as listener, ours, theirs:
        sockets = [listener.fileno(), theirs.fileno()]
        command = [sys.executable, "-m", "serving.process.worker", *map(str, sockets)]
        environment = os.environ | {"ANN_HOME": str(tmp_path)}
        with subprocess.Popen(command, pass_fds=sockets, env=environment) as process:
            ours.settimeout(60)
            ours.sendall(Envelope(Followed(status("3"), 0.0)).to_line())
            assert Envelope.from_line(ours.recv(1000)).message == Ready()
            connection = http.client.HTTPConnection(*listener.getsockname(), timeout=60)
            connection.request("GET", "/health/ready")
            answer = connection.getresponse()
            assert answer.status == 200 and b'"version":"3"' in answer.read()
            assert answer.getheader("server") is None  # the program is nobody's business
            connection.close()
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
