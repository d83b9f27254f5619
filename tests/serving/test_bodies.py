"""Bodies on their way in: how large, how many bytes of all together, how long, and how packed."""

import asyncio
import gzip
import json
import re
from collections.abc import Iterable

import pytest

from serving import bodies, metrics
from serving.bodies import SMALL_BYTES, Bodies, SenderGone
from serving.errors import (
    Busy,
    InvalidRequest,
    ServingError,
    TooLarge,
    TooSlow,
    WrongContentEncoding,
)
from serving.http import Request
from tests.support.a_request import a_request
from tests.support.small_service import Service, a_one, put_copy

ONE = {"image": a_one().tolist()}


def test_a_body_that_says_it_is_too_large_is_not_read(service: Service):
    headers = {"content-length": "100000000", "content-type": "application/json"}
    answer = service.post("/predict", content=b"{}", headers=headers)
    assert answer.status_code == 413
    assert "send at most 10,000,000" in answer.json()["error"]


@pytest.mark.parametrize("length", ["%d", "%015d"])
def test_zeros_before_a_length_make_no_body_large(service: Service, length):
    content = json.dumps(ONE).encode()
    headers = {"content-length": length % len(content), "content-type": "application/json"}
    assert service.post("/predict", content=content, headers=headers).status_code == 200


def test_a_body_without_a_length_is_read_up_to_the_limit(service: Service):
    sent = []

    async def endless():
        while True:
            sent.append(1)
            yield b"0" * 1_000_000

    assert service.post("/invocations", content=endless()).status_code == 413
    assert len(sent) <= 12


def packed(service: Service, content: bytes, encoding: str):
    headers = {"content-type": "application/json", "content-encoding": encoding}
    return service.post("/predict", content=content, headers=headers)


@pytest.mark.parametrize("encoding", ["gzip", "x-gzip", "GZIP", "identity", ""])
def test_a_gzipped_body_is_read_as_if_it_were_not(service: Service, encoding):
    body = json.dumps(ONE).encode()
    content = gzip.compress(body) if "gzip" in encoding.lower() else body
    assert packed(service, content, encoding).json()["digit"] in range(10)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip"])
def test_other_encodings_are_415_and_say_what_is_read(service: Service, encoding):
    answer = packed(service, b"{}", encoding)
    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "gzip, identity")


@pytest.mark.parametrize("path", ["/predict", "/feedback", "/invocations"])
def test_of_a_wrong_media_type_no_encoding_is_advised(service: Service, path):
    answer = service.post(path, content=b"seven", headers={"Content-Type": "text/plain"})
    assert answer.status_code == 415
    assert "accept-encoding" not in answer.headers


@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(b"{}")[:-3], b""],
    ids=["no gzip", "truncated", "empty"],  # compressed bytes hold the time of compression
)
def test_a_damaged_gzip_is_400(service: Service, content):
    answer = packed(service, content, "gzip")
    assert (answer.status_code, answer.json().keys()) == (400, {"error", "request_id"})


def test_a_gzip_may_have_several_members_but_not_thousands(service: Service):
    body = json.dumps(ONE).encode()
    several = b"".join(gzip.compress(body[at : at + 1000]) for at in range(0, len(body), 1000))
    assert packed(service, several, "gzip").status_code == 200
    answer = packed(service, gzip.compress(b"") * 2_000 + gzip.compress(body), "gzip")
    assert (answer.status_code, "members" in answer.json()["error"]) == (400, True)


def test_a_gzip_that_unpacks_to_far_more_is_413_before_it_is_unpacked(service: Service):
    answer = packed(service, gzip.compress(bytes(50_000_000)), "gzip")
    assert answer.status_code == 413


def test_the_sum_of_large_bodies_is_bounded_and_small_ones_pass(tmp_path, monkeypatch):
    monkeypatch.setattr(bodies, "TOTAL_BYTES", 200_000)
    put_copy(tmp_path, "3", seed=1)
    service = Service(tmp_path)
    held_back = asyncio.Event()

    async def nearly_all(size: int):
        for _ in range(size // 50_000):
            yield b" " * 50_000
        await held_back.wait()

    async def attack_and_ask():
        ask = service._client.post
        held = asyncio.create_task(ask("/predict", content=nearly_all(150_000)))
        while service.app._bodies._bytes < 150_000:
            await asyncio.sleep(0.01)
        refused = await ask("/predict", content=nearly_all(150_000))
        small = await ask("/predict", json=ONE)
        held_back.set()
        await held
        again = await ask("/invocations", json={"instances": [ONE["image"]] * 50})
        return refused, small, again

    refused, small, again = service.run(attack_and_ask())
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    assert "large bodies are under way" in refused.json()["error"]
    assert (small.status_code, again.status_code) == (200, 200)
    assert service.app._bodies._bytes == 0
    service.close()


def test_a_body_that_does_not_come_is_given_up(service: Service, monkeypatch):
    monkeypatch.setattr(bodies, "BODY_SECONDS", -1)

    async def endless():
        yield b"["
        await asyncio.sleep(60)

    async def ask_and_tick():
        question = asyncio.create_task(service._client.post("/predict", content=endless()))
        while not question.done():
            await asyncio.sleep(0.01)
            service.app.tick()
        return question.result()

    answer = service.run(ask_and_tick())
    assert (answer.status_code, "not complete" in answer.json()["error"]) == (408, True)
    assert service.post("/predict", json=ONE).status_code == 200


# The reader itself


def says(error: type[ServingError], text: str):
    return pytest.raises(error, match=re.escape(text))


def in_parts(parts: Iterable[bytes]) -> bodies.Receive:
    """What hands out a body, part by part."""
    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    messages[-1]["more_body"] = False

    async def receive() -> dict:
        return messages.pop(0)

    return receive


def read(reader: Bodies, *parts: bytes, **headers: str) -> tuple[Request, int]:
    request = a_request(**headers)
    return request, asyncio.run(reader.read(request, in_parts(parts)))


@pytest.mark.parametrize("parts", [[b"abc"], [b"a", b"bc"], [b"a", b"", b"b", b"c"]])
def test_the_parts_of_a_body_are_put_together_in_their_order(parts):
    request, counted = read(Bodies(), *parts)
    assert (request.body, counted) == (b"abc", 0)


def test_a_message_without_a_body_is_an_empty_one():
    async def receive() -> dict:
        return {"type": "http.request"}

    request = a_request()
    assert asyncio.run(Bodies().read(request, receive)) == 0
    assert request.body == b""


def test_bodies_in_parts_are_counted_if_they_are_not_small():
    reader = Bodies()
    assert read(reader, bytes(SMALL_BYTES - 1), b"x")[1] == reader._bytes == 0
    _, counted = read(reader, bytes(SMALL_BYTES), b"x")
    assert counted == reader._bytes == SMALL_BYTES + 1
    assert read(reader, bytes(10 * SMALL_BYTES))[1] == 0  # in one piece, it is here already
    reader.release(counted)
    assert reader._bytes == 0


def test_bodies_that_are_too_much_together_are_refused_and_counted_no_more(monkeypatch):
    monkeypatch.setattr(bodies, "TOTAL_BYTES", 4 * SMALL_BYTES)
    reader = Bodies()
    half = bytes(SMALL_BYTES)
    kept = [read(reader, half, half)[1] for _ in range(2)]  # up to the limit
    with says(Busy, "Too many large bodies are under way; come again in a second."):
        read(reader, half, b"x")
    assert reader._bytes == sum(kept) == 4 * SMALL_BYTES
    assert read(reader, b"small", b"x")[1] == 0
    reader.release(kept[0])
    assert read(reader, half, b"x")[1] == SMALL_BYTES + 1


def test_a_body_may_have_the_most_bytes_and_no_more(monkeypatch):
    monkeypatch.setattr(bodies, "MAX_BYTES", 3)
    assert read(Bodies(), b"abc")[0].body == read(Bodies(), b"ab", b"c")[0].body == b"abc"
    for parts in ([b"abcd"], [b"ab", b"cd"]):
        with says(TooLarge, "The body has more than 3 bytes; send at most 3."):
            read(Bodies(), *parts)


@pytest.mark.parametrize("length", ["0", "3", "000000000003", "0" * 5_000 + "3"])
def test_an_announced_length_up_to_the_limit_is_read(monkeypatch, length):
    monkeypatch.setattr(bodies, "MAX_BYTES", 3)
    assert read(Bodies(), b"abc", content_length=length)[0].body == b"abc"


@pytest.mark.parametrize("length", ["4", "1000000000003", "9" * 5_000])
def test_an_announced_length_over_the_limit_is_named_in_part(monkeypatch, length):
    monkeypatch.setattr(bodies, "MAX_BYTES", 3)
    with says(TooLarge, f"The body has {length[:20]} bytes; send at most 3."):
        read(Bodies(), b"abc", content_length=length)


def test_who_goes_before_the_body_is_there_leaves_nothing_counted():
    messages = [{"type": "http.request", "body": bytes(2 * SMALL_BYTES), "more_body": True}]
    messages += [{"type": "http.disconnect"}]

    async def receive() -> dict:
        return messages.pop(0)

    reader = Bodies()
    with pytest.raises(SenderGone):
        asyncio.run(reader.read(a_request(), receive))
    assert (reader._bytes, reader._reading) == (0, {})


def waiting_for_more(work) -> None:
    """Some work with a reader and a task of it whose second part does not come."""

    async def run() -> None:
        reader = Bodies()
        parts = [{"type": "http.request", "body": bytes(2 * SMALL_BYTES), "more_body": True}]

        async def receive() -> dict:
            return parts.pop() if parts else await asyncio.Event().wait()

        task = asyncio.create_task(reader.read(a_request(), receive))
        while not reader._bytes:
            await asyncio.sleep(0)
        await work(reader, task)
        assert (reader._bytes, reader._reading) == (0, {})

    asyncio.run(run())


def test_a_body_is_waited_for_until_its_time_is_over(monkeypatch):
    async def work(reader: Bodies, task: asyncio.Task) -> None:
        reader.tick()
        assert metrics.body_bytes._value.get() == 2 * SMALL_BYTES
        await asyncio.sleep(0)
        assert not task.done()
        monkeypatch.setattr(bodies, "BODY_SECONDS", -1)
        reader.tick()
        with says(TooSlow, "The body was not complete within -1 s."):
            await task

    waiting_for_more(work)


def test_a_request_that_others_cancel_is_not_said_to_be_slow():
    async def work(reader: Bodies, task: asyncio.Task) -> None:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    waiting_for_more(work)


@pytest.mark.parametrize("encoding", ["br", "deflate", "gzip, gzip", "x" * 30])
def test_another_encoding_is_named_in_part(encoding):
    with says(WrongContentEncoding, f"is {encoding[:20]!r}; expected gzip or none."):
        read(Bodies(), b"{}", content_encoding=encoding)


def unpacked(content: bytes) -> bytes:
    return read(Bodies(), content, content_encoding=" GZIP ")[0].body


def test_what_a_gzip_holds_may_have_the_most_bytes_and_no_more(monkeypatch):
    monkeypatch.setattr(bodies, "MAX_BYTES", 1000)
    for sizes in ([1000], [500, 500], [999, 1]):
        assert unpacked(b"".join(gzip.compress(bytes(size)) for size in sizes)) == bytes(1000)
    for sizes in ([1001], [500, 501], [1000, 1], [100_000]):
        with says(TooLarge, "has more than 1,000 unpacked bytes; send at most 1,000."):
            unpacked(b"".join(gzip.compress(bytes(size)) for size in sizes))


def test_a_gzip_may_have_a_hundred_members():
    member = gzip.compress(b"x")
    assert unpacked(member * 100) == b"x" * 100
    with says(InvalidRequest, "The gzip has more than 100 members; send one."):
        unpacked(member * 101)


@pytest.mark.parametrize(
    ("content", "why"),
    [(b"no gzip", ""), (gzip.compress(b"{}")[:-1], "it ends too early")],
    ids=["no gzip", "cut off"],
)
def test_a_damaged_gzip_says_why(content, why):
    with says(InvalidRequest, f"The body is no gzip: {why}"):
        unpacked(content)


def test_a_gzip_counts_as_what_it_holds():
    reader = Bodies()
    small = gzip.compress(bytes(SMALL_BYTES))
    assert read(reader, small, content_encoding="gzip")[1] == reader._bytes == 0
    large = gzip.compress(bytes(2 * SMALL_BYTES))
    assert read(reader, large, content_encoding="gzip")[1] == reader._bytes == 2 * SMALL_BYTES
    with pytest.raises(InvalidRequest):
        read(reader, bytes(SMALL_BYTES), b"no gzip", content_encoding="gzip")
    assert reader._bytes == 2 * SMALL_BYTES
