"""The process that asks the registry: every question in a thread, none keeps another waiting."""

import asyncio
import os
import socket
import subprocess
import sys
import threading

import pytest

from mlflow_reader.entities import StoreUnavailable
from serving.errors import NoChampion, ServingError
from serving.process import registry
from serving.process.link import Link
from serving.process.messages import Done, Download, Envelope, Message, Poll, Polled, Ready


@pytest.fixture(autouse=True)
def own_environment(tmp_path, monkeypatch) -> None:
    """What the process sets for itself ends with the test."""
    monkeypatch.setenv("ANN_HOME", str(tmp_path))
    for name in ("MLFLOW_TRACKING_URI", *registry.WAITING):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)


def test_what_work_in_a_thread_gives_or_raises_is_its_outcome():
    def fail() -> None:
        raise ValueError("broken")

    assert asyncio.run(registry._in_thread(lambda: threading.current_thread().name)) == "registry"
    with pytest.raises(ValueError, match="broken"):
        asyncio.run(registry._in_thread(fail))


def test_work_that_hangs_keeps_no_other_waiting_and_is_no_reason_to_stay():
    released = threading.Event()

    async def ask() -> list[bool]:
        hanging = [asyncio.create_task(registry._in_thread(released.wait)) for _ in range(50)]
        assert await registry._in_thread(lambda: threading.current_thread().daemon)
        assert not any(task.done() for task in hanging)
        hanging[0].cancel()
        released.set()
        return await asyncio.gather(*hanging[1:])

    assert asyncio.run(ask()) == [True] * 49


def test_a_registry_that_cannot_be_prepared_is_reported_by_the_first_poll(monkeypatch):
    asked = []

    def fail(uri: str) -> None:
        asked.append(uri)
        raise StoreUnavailable("away")

    monkeypatch.setattr(registry, "prepare", fail)
    registry._prepare("sqlite:///nowhere.db")
    assert asked == ["sqlite:///nowhere.db"]


def conversation(*questions: Message) -> list[Message | ServingError]:
    """What the process says first, and what it answers to each question; then its line ends."""

    async def run() -> list[Message | ServingError]:
        ours, theirs = socket.socketpair()
        said: asyncio.Queue[Message | ServingError] = asyncio.Queue()
        link = Link(ours, said.put)
        running = asyncio.create_task(link.run())
        serving = asyncio.create_task(registry._serve(theirs))
        found = [await said.get()]
        for question in questions:
            try:
                found.append(await link.ask(question, 60))
            except ServingError as error:
                found.append(error)
        ours.shutdown(socket.SHUT_RDWR)
        await asyncio.wait_for(asyncio.gather(serving, running), 60)
        return found

    return asyncio.run(run())


def test_it_says_that_it_is_ready_and_answers_until_its_line_ends(monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "7")
    first, polled, refused = conversation(Poll(), Download("mnist-digits", "1"))
    assert first == Ready()
    assert isinstance(polled, Polled)
    assert "there is no registry at" in polled.status.registry_error
    assert "there is no registry at" in str(refused)
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "0"
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "7"


def test_a_download_is_of_the_version_that_was_asked_for(monkeypatch):
    asked = []

    def download(self: object, name: str, version: str) -> None:
        asked.append((name, version))
        if version == "9":
            raise NoChampion("there is none")

    monkeypatch.setattr(registry.Follower, "download", download)
    _, done, refused = conversation(Download("letters", "2"), Download("letters", "9"))
    assert (done, str(refused)) == (Done(), "there is none")
    assert asked == [("letters", "2"), ("letters", "9")]


def test_the_process_ends_well_with_its_line_though_the_registry_hangs(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{silent.getsockname()[1]}")
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "600")
        ours, theirs = socket.socketpair()
        with ours, theirs:
            command = [sys.executable, "-m", "serving.process.registry", str(theirs.fileno())]
            with subprocess.Popen(command, pass_fds=[theirs.fileno()]) as process:
                theirs.close()
                ours.settimeout(60)
                assert Envelope.from_line(ours.recv(1000)).message == Ready()
                ours.sendall(Envelope(Poll(), 1).to_line())
                silent.settimeout(60)
                silent.accept()  # it is asked
                ours.close()
                assert process.wait(60) == 0
