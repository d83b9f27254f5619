"""Ten thousand wrong requests: each is refused or answered, none is an error of the service."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import httpx
import numpy as np
import psutil
import pytest
from PIL import Image

from tests.support.running import Service
from tests.support.small_service import a_one

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
CASES = 700  # of each operation, at most
PICTURES = 6_000
LARGEST_MB = 400


def counted(service: Service) -> Counter[int]:
    """How many requests ended with each status so far, as the service's own metrics say."""
    text = httpx.get(f"{service.url}metrics").text
    found = re.findall(r'^ann_requests_total\{.*status="(\d+)"\} ([\d.]+)', text, re.M)
    statuses: Counter[int] = Counter()
    for status, count in found:
        statuses[int(status)] += int(float(count))
    return statuses


def workers(service: Service) -> list[psutil.Process]:
    assert service.process is not None
    return psutil.Process(service.process.pid).children(recursive=True)


def test_ten_thousand_wrong_requests_are_no_server_error_and_no_weight(running: Service):
    before = [worker.pid for worker in workers(running)]
    at_start = counted(running)  # while it got ready, it said so with 503
    options = ["--phases=examples,fuzzing", f"--max-examples={CASES}", "--workers=2", "--seed=1"]
    done = subprocess.run(
        [
            SCHEMATHESIS,
            "run",
            f"{running.url}openapi.json",
            "--checks=not_a_server_error",
            *options,
        ],
        capture_output=True,
        text=True,
        timeout=500,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    made = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert made and made[1] == made[2], done.stdout[-3000:]
    send_damaged_pictures(running)
    assert [worker.pid for worker in workers(running)] == before, "a worker died"
    statuses = counted(running) - at_start
    assert sum(statuses.values()) >= int(made[1]) + PICTURES >= 10_000, (statuses, made[0])
    assert not [status for status in statuses if status >= 500], statuses
    assert {200, 400, 422} <= statuses.keys(), "the fuzz met one kind of answer alone"
    for worker in workers(running):
        assert worker.memory_info().rss / 1024**2 < LARGEST_MB


def send_damaged_pictures(service: Service) -> None:
    """Files of each format with bytes changed, cut off, and put in."""
    rng = np.random.default_rng(0)
    whole = Image.fromarray(np.uint8(255 * a_one())).resize((56, 56))
    files = []
    for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF"):
        file = io.BytesIO()
        whole.save(file, kind)
        files.append(file.getvalue())
    with httpx.Client(base_url=service.url) as client:
        for number in range(PICTURES):
            content = bytearray(files[number % len(files)])
            for place in rng.integers(0, len(content), rng.integers(1, 20)):
                content[place] = rng.integers(256)
            if number % 3 == 0:
                del content[rng.integers(1, len(content)) :]
            answer = client.post("predict", content=bytes(content))
            assert answer.status_code < 500, answer.text
