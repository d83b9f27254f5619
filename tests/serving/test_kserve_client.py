"""KServe's SDK against a running `ann serve`, from an environment of its own."""

from __future__ import annotations

import json
import subprocess
import venv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ann_models import datasets
from serving.model.download import fetch
from serving.settings import load
from tests.support.running import Service

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KSERVE = "kserve==0.21.0"  # wants pandas 2 and protobuf 6; we have pandas 3 and protobuf 7
IMAGES = datasets.digits("offline-digits").arrays["x_val"][:5]
NAME = "offline-digits"


@pytest.fixture(scope="module")
def python(pytestconfig) -> Path:
    """An interpreter that has KServe's SDK; it is kept among pytest's caches."""
    folder = Path(pytestconfig.cache.mkdir(KSERVE.replace("==", "-")))
    python = folder / "bin/python"
    if not (folder / "complete").exists():
        venv.create(folder, clear=True, with_pip=True)
        install = [python, "-m", "pip", "install", "--quiet", KSERVE]
        done = subprocess.run(install, capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"needs {KSERVE} from a package index: {done.stderr.strip()[-300:]}")
        (folder / "complete").touch()
    return python


@pytest.fixture(scope="module")
def expected(tiny_champion: Path) -> np.ndarray:
    """What the champion itself says, (5, 10)."""
    settings = load({"ANN_HOME": str(tiny_champion)})
    return fetch(settings.tracking_uri, NAME, "champion", tiny_champion).predict(IMAGES)


@pytest.fixture(scope="module")
def answers(python, tiny_champion) -> dict[str, Any]:
    """What KServe's client received, by protocol."""
    service = Service(tiny_champion)
    service.start()
    try:
        script = Path(__file__).parents[1] / "support" / "kserve_client.py"
        done = subprocess.run(
            [python, script, service.url.rstrip("/"), NAME],
            input=json.dumps(IMAGES.tolist()),
            capture_output=True,
            text=True,
            timeout=120,
        )
    finally:
        service.kill()
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_first_protocol_predicts_and_explains(answers, expected):
    received = answers["v1"]
    assert received["ready"] is True
    np.testing.assert_allclose(received["predict"]["predictions"], expected, atol=1e-5)
    np.testing.assert_allclose(received["explain"]["predictions"], expected, atol=1e-5)
    assert len(received["explain"]["explanations"]) == len(IMAGES)


def test_the_second_protocol_infers_in_json_and_binary_and_both_ways_across(answers, expected):
    assert len(answers["v2"]["infer"]) == 4
    for received in answers["v2"]["infer"]:
        assert (received["id"], received["version"]) == ("seven", "1")
        np.testing.assert_allclose(received["answer"], expected, atol=1e-5)


def test_the_second_protocol_reports_health(answers):
    assert answers["v2"]["live"] is True
    assert answers["v2"]["ready"] == [True, True]


def test_a_refusal_reaches_the_sender_with_its_reason(answers):
    assert "no-such-model" in answers["v2"]["refusal"]
    assert "404" in answers["v2"]["refusal"]
