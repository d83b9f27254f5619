"""The digit service among hostile clients: random requests, floods of headers, withheld bodies.

Each is done to a service of its own; what is measured is what others notice.
"""

from __future__ import annotations

import asyncio
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import asdict, dataclass
from multiprocessing import get_context

import numpy as np
import psutil

from benchmarks import load
from benchmarks.random_requests import random_request
from benchmarks.serving import ANN, Rival, free_port, started

REFUSED_BY_RULE = (501, 505)  # a transfer coding, an HTTP version: no error of the service
ANSWER_SECONDS = 0.5  # a request that is incomplete is not waited for any longer
SENDERS = 32  # at once
FLOODERS = 20
FLOOD_SECONDS = 5.0
LINE_BYTES = 47_000_000
WITHHOLDERS = 60
BODY_BYTES = 9_900_000
GET_LIVE = b"GET /health/live HTTP/1.1\r\nHost: digits\r\n\r\n"


@dataclass(frozen=True)
class Fuzzed:
    """What came of random requests.

    Attributes:
        requests: how many were sent.
        statuses: how often each status was answered; 0 is none: the request was incomplete, or the
            connection was ended.
        server_errors: 5xx, but for what HTTP itself answers so (501, 505).
        workers_lost: worker processes that ended.
    """

    requests: int
    statuses: dict[int, int]
    server_errors: int
    workers_lost: int


@dataclass(frozen=True)
class Delays:
    """How long others waited for /health/live, in milliseconds, with and without an attack."""

    requests: int
    p50_ms: float
    p99_ms: float
    worst_ms: float
    quiet_p99_ms: float
    failed: int


@dataclass(frozen=True)
class Withheld:
    """What came of bodies whose last byte was held back.

    Attributes:
        statuses: of those requests, once their last byte was sent; 0 is none.
        others: how many other requests were answered meanwhile.
        others_failed: how many were not.
        workers_lost: worker processes that ended.
        resident_mb: of the largest worker.
    """

    statuses: dict[int, int]
    others: int
    others_failed: int
    workers_lost: int
    resident_mb: float


def attack(
    requests: int, seed: int, report: Callable[[str], None]
) -> tuple[Fuzzed, Delays, Withheld]:
    """Start the service with the champion of this machine's registry, and do all three to it.

    Raises:
        CannotMeasure: the service did not start.
    """
    port = free_port()
    others = load.request("/predict", b"[%s]" % b",".join([b"0.5"] * 784), "application/json")
    rival = Rival("ann serve", [ANN, "serve", "--port"], port, {"JSON": others})
    with started([rival], report):
        pid = next(p.pid for p in psutil.Process().children() if "serve" in p.cmdline())
        report(f"{requests:,} random requests …")
        fuzzed = fuzz(port, pid, requests, seed)
        report("a flood of headers …")
        delays = flood(port)
        report(f"{WITHHOLDERS} bodies without their last byte …")
        return fuzzed, delays, withhold(port, pid, others)


def fuzz(port: int, pid: int, requests: int, seed: int) -> Fuzzed:
    """Send random requests to the service of a process: whole ones, and damaged ones."""
    rng = random.Random(seed)
    before = _workers(pid)
    statuses: Counter[int] = Counter()

    async def send(numbers: range) -> None:
        for _ in numbers:
            statuses[await _status(port, random_request(rng), ANSWER_SECONDS)] += 1

    shares = [range(sender, requests, SENDERS) for sender in range(SENDERS)]
    asyncio.run(_all(send(share) for share in shares))
    errors = sum(n for s, n in statuses.items() if s >= 500 and s not in REFUSED_BY_RULE)
    return Fuzzed(requests, dict(sorted(statuses.items())), errors, len(before - _workers(pid)))


def flood(port: int) -> Delays:
    """Send endless headers on some connections, and ask for /health/live on others meanwhile."""
    quiet, failed = asyncio.run(_delays(port, FLOOD_SECONDS / 2))
    flooding = get_context("spawn").Process(target=_endless_lines, args=(port,), daemon=True)
    flooding.start()
    try:
        time.sleep(1)  # it starts
        attacked, more_failed = asyncio.run(_delays(port, FLOOD_SECONDS))
    finally:
        flooding.kill()
    p50, p99 = np.percentile(attacked, [50, 99])
    quiet_p99 = float(np.percentile(quiet, 99))
    return Delays(len(attacked), p50, p99, max(attacked), quiet_p99, failed + more_failed)


def withhold(port: int, pid: int, others: bytes) -> Withheld:
    """Send large bodies but for their last byte; and `others`, a whole request, meanwhile."""
    return asyncio.run(_withhold(port, pid, others))


def lines(fuzzed: Fuzzed, delays: Delays, withheld: Withheld) -> list[str]:
    """The result for people."""
    return [
        f"{fuzzed.requests:,} random requests: {_shown(fuzzed.statuses)}; {fuzzed.server_errors} "
        f"errors of the service, {fuzzed.workers_lost} workers lost",
        f"a flood of headers: {delays.requests:,} × /health/live, p50 {delays.p50_ms:.1f} ms, "
        f"p99 {delays.p99_ms:.1f} ms, worst {delays.worst_ms:.1f} ms, {delays.failed} failed "
        f"(without it p99 {delays.quiet_p99_ms:.1f} ms)",
        f"{WITHHOLDERS} withheld bodies: {_shown(withheld.statuses)}; {withheld.others:,} others "
        f"answered, {withheld.others_failed} not, {withheld.workers_lost} workers lost, "
        f"{withheld.resident_mb:.0f} MB",
    ]


def _shown(statuses: dict[int, int]) -> str:
    return ", ".join(f"{status or 'none'} × {count:,}" for status, count in statuses.items())


def document(fuzzed: Fuzzed, delays: Delays, withheld: Withheld) -> dict[str, object]:
    """The result for programs."""
    return {
        "fuzz": asdict(fuzzed),
        "header_flood": asdict(delays),
        "withheld_bodies": asdict(withheld),
    }


async def _all(work: Iterable[Coroutine[None, None, None]]) -> None:
    await asyncio.gather(*work)


async def _delays(port: int, seconds: float) -> tuple[list[float], int]:
    """Milliseconds of requests on connections of their own, and how many failed."""
    found, failed = [], 0
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline:
        started = time.perf_counter()
        if await _status(port, GET_LIVE, 30) == 200:
            found.append(1000 * (time.perf_counter() - started))
        else:
            failed += 1
        await asyncio.sleep(0.005)
    return found, failed


def _endless_lines(port: int) -> None:
    """Header lines of 47 MB, on many connections, until this process is ended."""

    def send() -> None:
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port)) as sender:
                    sender.sendall(b"GET /health/live HTTP/1.1\r\nHost: digits\r\nX-Long: ")
                    for _ in range(LINE_BYTES // 100_000):
                        sender.sendall(b"x" * 100_000)
            except OSError:  # it was refused
                pass

    for _ in range(FLOODERS):
        threading.Thread(target=send).start()


async def _withhold(port: int, pid: int, others: bytes) -> Withheld:
    before = _workers(pid)
    release = asyncio.Event()
    senders = [asyncio.create_task(_withheld(port, release)) for _ in range(WITHHOLDERS)]
    answered: Counter[int] = Counter()
    deadline = time.perf_counter() + FLOOD_SECONDS
    while time.perf_counter() < deadline:
        answered[await _status(port, others, 30)] += 1
    resident = max(psutil.Process(worker).memory_info().rss for worker in _workers(pid)) / 1024**2
    release.set()
    statuses = Counter(await asyncio.gather(*senders))
    good = answered.pop(200, 0)
    lost = len(before - _workers(pid))
    return Withheld(dict(sorted(statuses.items())), good, answered.total(), lost, resident)


async def _withheld(port: int, release: asyncio.Event) -> int:
    """The status of a large body whose last byte is sent when the others have had their time."""
    head = b"POST /predict HTTP/1.1\r\nHost: digits\r\nContent-Type: application/json\r\n"
    head += b"Content-Length: %d\r\n\r\n" % BODY_BYTES
    body = b'{"image": [%s]}' % b",".join([b"0.5"] * 784)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.create_task(_answer(reader))
    try:
        writer.write(head + body + b" " * (BODY_BYTES - len(body) - 1))
        await writer.drain()
        released = asyncio.create_task(release.wait())
        await asyncio.wait([answer, released], timeout=60, return_when=asyncio.FIRST_COMPLETED)
        if not answer.done():
            writer.write(b" ")
    except OSError:  # it was refused before it was sent
        pass
    try:
        return await asyncio.wait_for(answer, 60)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return 0
    finally:
        writer.close()


async def _status(port: int, request: bytes, seconds: float) -> int:
    """The status of a request on a connection of its own; 0 if there is none in time."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        await writer.drain()
        return await asyncio.wait_for(_answer(reader), seconds)
    except (OSError, TimeoutError, asyncio.IncompleteReadError):
        return 0
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> int:
    """The status of a whole answer."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    await reader.readexactly(int(length or 0))
    return int(head.split(b" ", 2)[1])


def _workers(pid: int) -> set[int]:
    """The processes of a service that answer requests."""
    family = psutil.Process(pid).children(recursive=True)
    return {one.pid for one in family if "serving.process.worker" in one.cmdline()}
