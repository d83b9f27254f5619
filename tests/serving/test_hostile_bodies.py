"""Mutations of good bodies: any of them may be refused, none may be an error of the service."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.small_service import NAME, Service, a_one, png_of

ONE = a_one()
KIND = {"content-type": "application/json"}
TENSOR = {"name": "images", "shape": [1, 28, 28], "datatype": "FP32"}
HEADER = json.dumps({"inputs": [TENSOR | {"parameters": {"binary_data_size": 3136}}]}).encode()
CSV = ",".join(f"pixel{i}" for i in range(784)) + "\n" + ",".join(["0"] * 784)


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


GOOD = [
    ("/predict", KIND, as_json({"image": ONE.tolist()})),
    ("/predict", {"content-type": "image/png"}, png_of(ONE)),
    ("/predict", {"content-type": "image/jpeg"}, png_of(ONE, "JPEG")),
    (
        "/predict",
        {"content-type": "multipart/form-data; boundary=x"},
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="1.png"\r\n\r\n'
        + png_of(ONE)
        + b"\r\n--x--\r\n",
    ),
    ("/feedback", KIND, as_json({"image": ONE.tolist(), "digit": 1})),
    ("/invocations", KIND, as_json({"instances": [ONE.tolist()]})),
    ("/invocations", KIND, as_json({"dataframe_split": {"data": [ONE.ravel().tolist()]}})),
    ("/invocations", {"content-type": "text/csv"}, CSV.encode()),
    (f"/v1/models/{NAME}:predict", KIND, as_json({"instances": [ONE.tolist()]})),
    (f"/v2/models/{NAME}/infer", KIND, as_json({"inputs": [TENSOR | {"data": ONE.tolist()}]})),
    (
        f"/v2/models/{NAME}/infer",
        {"inference-header-content-length": str(len(HEADER))},
        HEADER + ONE.tobytes(),
    ),
]


def is_no_error_of_the_service(service: Service, path: str, headers: dict, body: bytes) -> None:
    answer = service.post(path, content=body, headers=headers)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.json().keys() & {"error", "message"}


@pytest.mark.parametrize(("path", "headers", "body"), GOOD)
def test_the_bodies_are_good_to_begin_with(service: Service, path, headers, body):
    assert service.post(path, content=body, headers=headers).status_code in (200, 201)


@pytest.mark.parametrize(("path", "headers", "body"), GOOD)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_mutated_body_is_answered_or_refused(service: Service, path, headers, body, data):
    mutated = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(mutated)))
        match data.draw(st.sampled_from(["replace", "insert", "cut", "truncate", "repeat"])):
            case "replace":
                mutated[at : at + 4] = data.draw(st.binary(min_size=1, max_size=4))
            case "insert":
                mutated[at:at] = data.draw(st.binary(min_size=1, max_size=20))
            case "cut":
                del mutated[at : at + data.draw(st.integers(1, 50))]
            case "truncate":
                del mutated[at:]
            case "repeat":
                mutated[at:at] = mutated[at : at + 100] * 3
    is_no_error_of_the_service(service, path, headers, bytes(mutated))


FIELDS = ["image", "images", "instances", "inputs", "outputs", "name", "shape", "datatype", "data"]
FIELDS += ["parameters", "id", "digit", "request_id", "dataframe_split", "dataframe_records"]
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=5,
        )
    ),
    max_leaves=20,
)
PATHS = sorted({path for path, headers, _ in GOOD if headers == KIND})


@pytest.mark.parametrize("path", PATHS)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(tree=TREES)
def test_any_json_is_answered_or_refused(service: Service, path, tree):
    is_no_error_of_the_service(service, path, KIND, as_json(tree))


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
def test_one_byte_order_mark_is_read_and_two_thousand_are_refused(service: Service, path, mark):
    answer = service.post(path, content=mark * 2_000 + b"[]", headers=KIND)
    assert answer.status_code == 400


@pytest.mark.parametrize("other", [None, True, 1, 1.5, [], [None], {}, {"b64": None}, {"b64": []}])
def test_what_is_no_picture_among_pictures_is_refused(service: Service, other):
    mixed = ["aGVsbG8=", other]
    tensor = {"name": "images", "shape": [2], "datatype": "BYTES", "data": mixed}
    for path, body in [
        ("/predict", {"image": mixed}),
        ("/predict", {"images": mixed}),
        ("/predict", mixed),
        ("/feedback", {"image": mixed, "digit": 1}),
        ("/invocations", {"instances": mixed}),
        ("/invocations", {"inputs": mixed}),
        (f"/v1/models/{NAME}:predict", {"instances": mixed}),
        (f"/v1/models/{NAME}:predict", {"inputs": mixed}),
        (f"/v2/models/{NAME}/infer", {"inputs": [tensor]}),
    ]:
        answer = service.post(path, content=as_json(body), headers=KIND)
        assert 400 <= answer.status_code < 500, (path, answer.text)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(name=st.text(min_size=1, max_size=20), version=st.text(min_size=1, max_size=20))
def test_any_name_and_version_is_answered_or_refused(service: Service, name, version):
    from urllib.parse import quote

    place = f"{quote(name, safe='')}/versions/{quote(version, safe='')}"
    for path in (f"/v1/models/{place}", f"/v2/models/{place}/ready"):
        assert service.get(path).status_code < 500


def test_a_picture_that_unpacks_to_far_more_is_refused_at_once(service: Service):
    import struct
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    size = struct.pack(">IIBBBBB", 6_000, 6_000, 8, 0, 0, 0, 0)
    packed = zlib.compress(bytes(10_000_000))
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", packed)
    answer = service.post("/predict", content=bomb, headers={"content-type": "image/png"})
    assert (answer.status_code, "6000 × 6000" in answer.json()["error"]) == (422, True)


def peak_mb(act: Callable[[], None]) -> float:
    """By how much the process grew at most while it acted."""
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest so far
    before = resident_mb("VmRSS")
    act()
    return resident_mb("VmHWM") - before


def resident_mb(field: str) -> float:
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"{field}:\s+(\d+) kB", status)[1]) / 1024


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="asks Linux for the peak")
@pytest.mark.parametrize(
    ("part", "status"),
    [
        ("[],", 413),
        ("[0],", 413),
        ("[[[0]]],", 413),
        ("{},", 413),
        ('{"a":0},', 413),
        ('"",', 413),
        ("0,", 413),
        ("0.1,", 413),
        ('"longer",', 413),
    ],
)
def test_ten_million_bytes_of_json_take_no_more_memory_than_honest_images(
    service: Service, part, status
):
    body = b'{"image":[%s 0]}' % (part.encode() * (9_999_900 // len(part)))
    answers = []

    def send() -> None:
        answers.append(service.post("/predict", content=body, headers=KIND))

    assert peak_mb(send) < 150
    assert answers[0].status_code == status


def test_as_many_images_as_are_taken_are_not_too_many_lists_or_values(service: Service):
    row = b"[%s]" % b",".join([b"0"] * 28)
    image = b"[%s]" % b",".join([row] * 28)
    for count, status in ((2000, 200), (2001, 413)):
        body = b'{"instances":[%s]}' % b",".join([image] * count)
        answer = service.post("/invocations", content=body, headers=KIND)
        assert answer.status_code == status
    assert "2,001 images" in answer.text
