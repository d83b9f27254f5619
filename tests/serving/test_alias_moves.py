"""A minute of full load while the alias moves every second: what was answered, and when."""

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import load
from pipelines.registry.client import Registry
from tests.support.promoted import network, register
from tests.support.running import NAME, ONE, Service
from tests.support.small_service import a_one
from tests.support.waiting import wait_for

pytestmark = pytest.mark.slow

VERSIONS, MOVES, CONNECTIONS = 4, 60, 32
LAG = 0.9  # seconds from a move to the first answer, less what the service waited for a processor
STALL = 30.0  # seconds after which a move counts as not followed at all


def waited(pids: list[int]) -> dict[str, float]:
    """Seconds that each thread of these processes could run and no processor was free."""
    files = [path for pid in pids for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return {str(path): int(path.read_text().split()[1]) / 1e9 for path in files}


class Minute:
    """Each answer under load: when it was asked for, when it came, and what it said.

    A move waits until the one before is followed, for a second at least and `STALL` at most.

    Attributes:
        load: rates, latencies and errors.
        sent, received: seconds, (answers,).
        said: index into `contents` of each answer, (answers,).
        contents: the distinct answers, request ids aside: version in the header, and body.
        moves: when the call that moved the alias began and when it ended, (moves, 2).
        versions: where each move went, (moves,).
        waits: how long the service's processes waited for a processor until then, (moves,).
    """

    def __init__(self, service: Service, registry: Registry) -> None:
        self._kinds: dict[tuple[bytes, bytes], int] = {}
        self._answers: list[tuple[float, float, int]] = []
        self._newest = ""
        message = load.request("/predict", ONE.encode(), "application/json")
        pids, over = [service.pid, *service.workers()], threading.Event()
        limit = MOVES * STALL

        def put() -> None:
            began = time.perf_counter()
            self.load = load.put(service.port, message, CONNECTIONS, limit, self._note, over.is_set)
            self.load.seconds = time.perf_counter() - began

        loading = threading.Thread(target=put)
        moves, waits = [], []
        loading.start()
        try:
            for move in range(MOVES):
                number = str(1 + move % VERSIONS)
                began = time.perf_counter()
                registry.promote(registry.version(NAME, number), "for the test")
                ended, before = time.perf_counter(), waited(pids)
                wait_for(lambda number=number: self._newest == number, STALL)
                after = waited(pids)
                waits.append(sum(after[task] - before.get(task, 0) for task in after))
                moves.append((began, ended, number))
                time.sleep(max(0, began + 1 - time.perf_counter()))
        finally:
            over.set()
            loading.join()
        self.sent, self.received, self.said = map(np.array, zip(*self._answers, strict=True))
        self.contents = list(self._kinds)
        began, ended, versions = zip(*moves, strict=True)
        self.moves, self.versions = np.array([began, ended]).T, np.array(versions)
        self.moves[0, 0] = -np.inf  # its version was champion before the first request
        self.waits = np.array(waits)

    def _note(self, sent: float, received: float, answer: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        version = head.partition(b"x-model-version: ")[2].partition(b"\r\n")[0]
        self._newest = version.decode()
        content = version, body.rpartition(b',"request_id"')[0]
        self._answers.append((sent, received, self._kinds.setdefault(content, len(self._kinds))))

    def _version(self) -> np.ndarray:
        """The version that gave each answer, (answers,)."""
        return np.array([header.decode() for header, _ in self.contents])[self.said]

    def followed(self) -> np.ndarray:
        """When the first answer came of the version that each move made champion, (moves,)."""
        version = self._version()
        return np.array(
            [
                self.received[(version == number) & (self.received >= began)].min()
                for number, (began, _) in zip(self.versions, self.moves, strict=True)
            ]
        )

    def move_before(self) -> np.ndarray:
        """The move that made each answer's version champion, (answers,); −1: it was not.

        A version may answer what was sent before the first answer of its successor.
        """
        version, left = self._version(), np.append(self.followed()[1:], np.inf)
        found = np.full(len(version), -1)
        for move, number in enumerate(self.versions):
            in_time = (self.received >= self.moves[move, 0]) & (self.sent <= left[move])
            found[(version == number) & in_time] = move
        return found


@pytest.fixture(scope="module")
def minute(tmp_path_factory) -> Iterator[Minute]:
    home = tmp_path_factory.mktemp("home")
    registry = register(home, VERSIONS)
    registry.promote(registry.version(NAME, "1"), "for the test")
    service = Service(home, ANN_POLL_SECONDS="0.1").launch()
    try:
        wait_for(service.confirmed)
        yield Minute(service, registry)
    finally:
        service.stop()


def test_no_request_fails(minute):
    assert minute.load.errors == 0
    assert len(minute.load.latencies) > 1000 * MOVES


def test_header_body_and_probabilities_are_of_one_version(minute):
    expected = {
        str(seed): np.asarray(network(seed)(a_one()[None]))[0] for seed in range(1, VERSIONS + 1)
    }
    assert len(minute.contents) == VERSIONS
    for header, body in minute.contents:
        content = json.loads(body + b"}")
        assert content["version"] == header.decode()
        np.testing.assert_allclose(
            content["probabilities"], expected[content["version"]], atol=1e-5
        )


def test_each_answers_version_was_champion_in_that_moment(minute):
    assert np.count_nonzero(minute.move_before() < 0) == 0


def test_no_version_answers_again_after_its_successor(minute):
    move, order = minute.move_before(), np.argsort(minute.received)
    newest = np.maximum.accumulate(move[order])
    known = np.searchsorted(minute.received[order], minute.sent)  # answers that came before
    assert (move[known > 0] >= newest[known[known > 0] - 1]).all()


def test_every_move_is_followed_at_once(minute):
    lags = (minute.followed() - minute.moves[:, 1])[1:]
    own = lags - minute.waits[1:]
    print(
        f"{len(minute.sent):,} answers to {CONNECTIONS} connections, {MOVES} moves, "
        f"{minute.load.errors} errors; {minute.load.requests_per_second:,.0f}/s, "
        f"p50 {minute.load.percentile_ms(50):.1f} ms, p99 {minute.load.percentile_ms(99):.1f} ms, "
        f"longest {1000 * max(minute.load.latencies):.0f} ms; from a move to the first answer "
        f"{1000 * np.median(lags):.0f} ms, at most {1000 * max(lags):.0f} ms; "
        f"less the wait for a processor at most {1000 * max(own):.0f} ms"
    )
    assert max(own) < LAG
