"""What the supervisor passes on from the registry's process, and when it replaces that process."""

import asyncio
import signal
import socket

import pytest

from serving.errors import RegistryUnavailable
from serving.process import supervisor
from serving.process.link import Link
from serving.process.messages import Done, Followed, Message, Poll, Polled, Recall, Recalled
from serving.process.supervisor import Supervisor
from serving.settings import load
from tests.support.small_service import status


class Registry:
    """In place of the line to the registry's process, and of the process: what it answers to all.

    Attributes:
        answer: None: it does not answer.
        killed: whether the process was.
    """

    returncode = None

    def __init__(self, answer: Message | None = None) -> None:
        self.answer = answer
        self.killed = False

    async def ask(self, message: Message, seconds: float) -> Message:
        if self.answer is None:
            raise TimeoutError
        return self.answer

    def kill(self) -> None:
        self.killed = True


def started(supervised: Supervisor, answer: Message | None = None) -> Registry:
    """Let the registry's process be there."""
    registry = Registry(answer)
    supervised._registry = supervised._registry_process = registry
    supervised._registry_started.set()
    return registry


class Worker:
    """In place of the line to a worker: what it was sent, and what it recalls."""

    def __init__(self, recalls: Message | Exception | None = None) -> None:
        self.sent: list[Message] = []
        self.recalls = recalls

    def send(self, message: Message) -> None:
        self.sent.append(message)

    async def ask(self, message: Message, seconds: float) -> Message | None:
        if isinstance(self.recalls, Exception):
            raise self.recalls
        return self.recalls


def test_what_a_poll_finds_is_sent_to_every_worker_with_the_age_of_its_confirmation(supervised):
    supervised._links = workers = {Worker(), Worker()}
    started(supervised, Polled(status("3")))
    asyncio.run(supervised._poll())
    for worker in workers:
        (followed,) = worker.sent
        assert followed.status == status("3")
        assert 0 <= followed.age_seconds < 60


def test_a_poll_that_the_registry_did_not_answer_confirms_nothing(supervised):
    supervised._links = {worker := Worker()}
    started(supervised, Polled(status("3", registry_error="silent")))
    asyncio.run(supervised._poll())
    assert worker.sent == [Followed(status("3", registry_error="silent"), None)]


@pytest.mark.parametrize(("seconds_ago", "said"), [(5, False), (15, True)])
def test_an_unavailable_registry_is_reported_after_ten_seconds(supervised, seconds_ago, said):
    supervised._links = {worker := Worker()}
    started(supervised)
    supervised._answered -= seconds_ago
    asyncio.run(supervised._poll())
    errors = [sent.status.registry_error for sent in worker.sent]
    assert errors == ["the registry gave no whole answer within 10 s."] * said


def test_a_question_to_a_registry_process_that_is_not_there_yet_is_refused(supervised):
    with pytest.raises(RegistryUnavailable, match="starts; ask again"):
        asyncio.run(supervised._ask_registry(Poll(), 0.01))


def test_a_registry_process_that_left_ten_questions_unanswered_is_replaced(supervised, capfd):
    registry = started(supervised)
    for asked in range(10):
        assert not registry.killed, asked
        with pytest.raises(RegistryUnavailable, match="no whole answer"):
            asyncio.run(supervised._ask_registry(Poll(), 1))
    assert registry.killed
    assert "10 of its questions had no answer in time" in capfd.readouterr().err


def test_an_answer_in_between_keeps_the_registry_process(supervised):
    registry = started(supervised)
    for answer in (*[None] * 9, Polled(status("3")), *[None] * 9):
        registry.answer = answer
        asyncio.run(supervised._poll())
    assert not registry.killed
    asyncio.run(supervised._poll())  # the tenth since
    assert registry.killed


def test_a_registry_process_that_is_never_ready_is_replaced(supervised, monkeypatch, capfd):
    processes = []

    async def start(module: str, handle: object) -> tuple[asyncio.subprocess.Process, Link]:
        processes.append(await asyncio.create_subprocess_exec("sleep", "1000"))
        return processes[0], Link(socket.socketpair()[0], None)

    monkeypatch.setattr(supervisor, "_start", start)
    monkeypatch.setattr(supervisor, "START_SECONDS", 0.05)
    asyncio.run(asyncio.wait_for(supervised._run_registry(), 30))
    assert processes[0].returncode == -signal.SIGKILL
    error = capfd.readouterr().err
    assert "it was not ready within 0.05 s" in error
    assert "ended; another takes its place" in error


def test_an_sqlite_registry_whose_file_is_replaced_is_another_one(tmp_path):
    database = tmp_path / "mlflow.db"
    supervised = Supervisor(load({"ANN_HOME": str(tmp_path)}), socket.socket(), 1)
    assert supervised._file_of_registry() is None
    database.write_bytes(b"one")
    first = supervised._file_of_registry()
    assert first is not None and first == supervised._file_of_registry()
    (tmp_path / "backup.db").write_bytes(b"two")
    (tmp_path / "backup.db").rename(database)
    assert supervised._file_of_registry() not in (None, first)


def test_a_registry_behind_a_server_has_no_file(tmp_path):
    environment = {"ANN_HOME": str(tmp_path), "MLFLOW_TRACKING_URI": "http://127.0.0.1:1"}
    assert Supervisor(load(environment), socket.socket(), 1)._file_of_registry() is None


def test_the_registry_process_of_a_replaced_file_is_replaced(supervised, monkeypatch, capfd):
    registry = started(supervised, Polled(status("3")))

    async def follow() -> None:
        following = asyncio.create_task(supervised._follow())
        await asyncio.sleep(0.1)
        following.cancel()

    files = iter([(1, 1), (1, 1), (1, 2)])
    monkeypatch.setattr(supervised, "_file_of_registry", lambda: next(files))
    for replaced in (False, False, True):
        asyncio.run(follow())
        assert registry.killed is replaced
    assert "its file was replaced" in capfd.readouterr().err


def test_a_registry_process_that_has_ended_or_is_not_there_is_not_killed(supervised):
    supervised._replace_registry("its file was replaced")
    ended = started(supervised)
    ended.returncode = 0
    supervised._replace_registry("its file was replaced")
    assert not ended.killed and not supervised._registry_started.is_set()


class Silent(Registry):
    """A registry's process whose answer does not come."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = 0

    async def ask(self, message: Message, seconds: float) -> Message:
        self.asked += 1
        return await asyncio.Event().wait()


async def followed(supervised: Supervisor, seconds: float, webhooks: int = 0) -> None:
    """Follow the registry for so long, and have it polled by webhooks."""
    following = asyncio.create_task(supervised._follow())
    for _ in range(webhooks):
        await asyncio.sleep(seconds / (webhooks + 1))
        supervised._poll_now.set()
    await asyncio.sleep(seconds / (webhooks + 1))
    following.cancel()


@pytest.mark.parametrize(("seconds_ago", "said"), [(5, False), (15, True)])
def test_a_slow_poll_is_followed_by_another_and_reported_after_ten_seconds(
    supervised, monkeypatch, seconds_ago, said
):
    monkeypatch.setattr(supervisor, "HEDGE_SECONDS", 0.01)
    supervised._links = {worker := Worker()}
    supervised._registry = registry = Silent()
    supervised._registry_started.set()
    supervised._answered -= seconds_ago
    asyncio.run(followed(supervised, 0.1))
    errors = {sent.status.registry_error for sent in worker.sent}
    assert errors == ({"the registry gave no whole answer within 10 s."} if said else set())
    assert registry.asked > 1


def test_a_webhook_has_the_registry_polled_at_once(supervised):
    supervised._links = {worker := Worker()}
    started(supervised, Polled(status("3")))
    asyncio.run(followed(supervised, 0.15, webhooks=2))  # a pause between polls takes seconds
    assert len(worker.sent) == 3


def test_an_answer_is_recalled_from_the_other_workers_that_answer(supervised):
    asker = Worker(Recalled(({"digit": 1},)))
    others = [Worker(Recalled(({"digit": 2},))), Worker(Recalled(({"digit": 3},)))]
    silent = [Worker(TimeoutError()), Worker(RegistryUnavailable("it ended")), Worker(Done())]
    supervised._links = {asker, *others, *silent}
    found = asyncio.run(supervised._recall(Recall("an id"), asker))
    assert sorted(row["digit"] for row in found.predictions) == [2, 3]
