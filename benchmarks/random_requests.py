"""Requests of random parts, and damaged ones: what a fuzzer sends the digit service."""

from __future__ import annotations

import gzip
import json
import random

PATHS = [
    b"/predict",
    b"/predict?explain=1&image=1",
    b"/feedback",
    b"/v2/models/mnist-digits/infer",
    b"/v2/models/mnist-digits/versions/1/infer",
    b"/v2/repository/index",
    b"/v1/models/mnist-digits:predict",
    b"/v1/models/mnist-digits/labels/champion:explain",
    b"/invocations",
    b"/webhooks/registry",
    b"/health/ready",
    b"/v2/models/stats",
    b"/docs",
    b"/page/page.js",
    b"/",
]
METHODS = [b"POST"] * 8 + [
    b"GET",
    b"HEAD",
    b"PUT",
    b"OPTIONS",
    b"DELETE",
    b"TRACE",
    b"post",
    b"\xff",
]
KINDS = [
    b"application/json",
    b"image/png",
    b"text/csv",
    b"application/octet-stream",
    b"multipart/form-data; boundary=x",
    b"multipart/form-data",
    b"application/json; charset=\xff",
    b"",
]
HEADERS = [
    b"Content-Encoding",
    b"Inference-Header-Content-Length",
    b"X-Request-Id",
    b"X-Forwarded-For",
    b"X-Forwarded-Host",
    b"X-Forwarded-Prefix",
    b"Origin",
    b"Sec-Fetch-Site",
    b"Authorization",
    b"X-API-Key",
    b"If-None-Match",
    b"Expect",
    b"Range",
    b"Cookie",
    b"Connection",
    b"Upgrade",
    b"Accept-Encoding",
    b"X-MLflow-Signature",
    b"Transfer-Encoding",
    b"Content-Length",
    b"Host",
]
VALUES = [
    b"",
    b"0",
    b"-1",
    b"1e9",
    b"18446744073709551616",
    b"gzip",
    b"identity",
    b"chunked",
    b"100-continue",
    b"close",
    b"websocket",
    b"null",
    b"cross-site",
    b"https://a.example",
    b"bytes=0-",
    b"127.0.0.1",
    b'W/"x", *',
    b"\xff\xfe",
    b"\x00",
    b"a\tb",
    b"\xc3\xa9" * 50,
    b"x" * 9_000,
]
PIXELS = json.dumps([0.5] * 784).encode()
TENSOR = {"name": "images", "shape": [1, 784], "datatype": "FP32", "data": [0.5] * 784}
BODIES = [
    PIXELS,
    b'{"image": %s}' % PIXELS,
    b'{"instances": [%s]}' % PIXELS,
    b'{"inputs": [%s]}' % json.dumps(TENSOR).encode(),
    b'{"dataframe_split": {"columns": ["images"], "data": [[%s]]}}' % PIXELS,
    b'{"digit": 3, "image": %s}' % PIXELS,
    b"images\r\n" + PIXELS.replace(b",", b";"),
    b"\x89PNG\r\n\x1a\n" + bytes(60),
    b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nx\r\n--x--\r\n',
    gzip.compress(PIXELS),
    b"",
]
PARTS: list[object] = [None, True, -1, 0.5, 1e300, 2**70, float("nan"), "", "FP32", "aGVsbG8="]
PARTS += ["data:image/png;base64,iVBORw0KGgo=", {"b64": "aGVsbG8="}, {"b64": None}, {}, [], [[]]]
PARTS += [["aGVsbG8=", [None]], [0.5] * 784, [[0.5] * 28] * 28, {"images": [0.5] * 784}]


def random_request(rng: random.Random) -> bytes:
    """A request of random parts that may fit; then, often, damaged."""
    body = rng.choice(BODIES)
    if body[:1] in (b"{", b"[") and rng.random() < 0.4:
        body = json.dumps(_other_values(rng, json.loads(body))).encode()
    elif rng.random() < 0.3:
        body = _damaged(rng, body)
    lines = [
        b"%s %s HTTP/1.1" % (rng.choice(METHODS), _path(rng)),
        b"Host: digits",
        b"Content-Type: " + rng.choice(KINDS),
    ]
    if rng.random() < 0.1:
        lines.append(b"Transfer-Encoding: chunked")
        body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    else:
        lines.append(b"Content-Length: %d" % len(body))
    for _ in range(rng.choice([0, 0, 1, 2, 5, 120])):
        lines.append(b"%s: %s" % (rng.choice(HEADERS), rng.choice(VALUES)))
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    if rng.random() < 0.4:
        head = _damaged(rng, head)
    return head + body


def _path(rng: random.Random) -> bytes:
    path = rng.choice(PATHS)
    if rng.random() < 0.2:
        path = path.replace(b"mnist-digits", rng.choice([b"%00", b"%2e%2e", b"\xff", b"a" * 300]))
    return path + rng.choice(
        [b"", b"", b"", b"?%ff=%", b"/../..", b"//", b"%0d%0a", b"?" + b"a=1&" * 900]
    )


def _other_values(rng: random.Random, value: object) -> object:
    """The JSON value with some of its parts replaced by others of any type."""
    if rng.random() < 0.1:
        return rng.choice(PARTS)
    if isinstance(value, dict):
        return {name: _other_values(rng, part) for name, part in value.items()}
    if isinstance(value, list):
        few = value if rng.random() < 0.5 else value[: rng.randrange(4)]
        place = rng.randrange(len(few) + 1)
        return [*few[:place], _other_values(rng, rng.choice(PARTS)), *few[place + 1 :]]
    return value


def _damaged(rng: random.Random, content: bytes) -> bytes:
    """The content with some bytes changed, taken out, put in or doubled."""
    damaged = bytearray(content)
    for _ in range(rng.randint(1, 6)):
        place = rng.randrange(len(damaged) + 1)
        kind = rng.randrange(4)
        if kind == 0:
            damaged[place : place + 1] = bytes([rng.randrange(256)])
        elif kind == 1:
            del damaged[place : place + rng.randint(1, 20)]
        elif kind == 2:
            damaged[place:place] = rng.choice(
                [b"\r\n", b"\n", b"\0", b": ", b"\xff\xff", b"9" * 30]
            )
        else:
            damaged[place:place] = damaged[place : place + 50]
    return bytes(damaged)
