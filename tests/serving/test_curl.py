"""The lines of the API's page: each runs as it stands, and sends what the document says."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from serving.curl import commands, expression
from tests.support.running import Service

ADDRESS = "http://127.0.0.1:8000/"
PICTURE = [
    [1 if 4 <= row < 24 and column == 14 else 0 for column in range(28)] for row in range(28)
]


def posting(kind: str, **body: object) -> dict:
    return {"requestBody": {"content": {kind: body}}}


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        0.25,
        1.0,
        'it\'s "quoted"\nand é',
        [],
        [0, 1, 2],
        [0] * 28,
        [1, 2, 2, 2, 3],
        {"image": PICTURE, "digit": 1},
        {"pixels": [ink for row in PICTURE for ink in row], "columns": list(range(784))},
    ],
)
def test_a_short_expression_is_equal_to_the_value(value: object) -> None:
    assert eval(expression(value)) == value
    assert len(expression(value)) < 250


def test_a_picture_as_numbers_is_computed_by_the_line_itself() -> None:
    operation = posting("application/json", example={"image": PICTURE})
    line = commands("post", "/predict", operation, ADDRESS, {})["application/json"]
    program, _, curl = line.partition(" |\n  curl ")
    sent = subprocess.run(shlex.split(program), capture_output=True, check=True, timeout=60)
    assert json.loads(sent.stdout) == {"image": PICTURE}
    assert shlex.split(curl) == [
        *("-H", "Content-Type: application/json", "--data-binary", "@-"),
        "http://127.0.0.1:8000/predict",
    ]


def test_a_table_is_computed_by_the_line_itself() -> None:
    text = "\n".join([",".join(map(str, range(784))), ",".join(["0"] * 784)]) + "\n"
    operation = posting("text/csv", example=text)
    line = commands("post", "/invocations", operation, ADDRESS, {})["text/csv"]
    program = line.partition(" |\n")[0]
    sent = subprocess.run(shlex.split(program), capture_output=True, check=True, timeout=60)
    assert sent.stdout.decode() == text


def test_a_small_body_stands_in_the_line() -> None:
    operation = posting("application/json", example={"name": "it's"})
    line = commands("post", "/x", operation, ADDRESS, {})["application/json"]
    words = shlex.split(line)
    assert json.loads(words[words.index("-d") + 1]) == {"name": "it's"}


def test_parameters_have_the_documents_examples_unless_the_service_knows_better() -> None:
    operation = {
        "parameters": [
            {"name": "name", "in": "path", "example": "mnist-digits"},
            {"name": "version", "in": "path", "example": "1"},
        ]
    }
    path = "/v2/models/{name}/versions/{version}"
    assert commands("get", path, operation, ADDRESS, {"version": "7"}) == {
        "": "curl http://127.0.0.1:8000/v2/models/mnist-digits/versions/7"
    }


def test_a_media_type_without_an_example_has_no_line() -> None:
    assert commands("post", "/x", posting("image/jpeg", schema={}), ADDRESS, {}) == {}


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_every_line_runs_when_it_is_pasted(running: Service, tmp_path: Path) -> None:
    _, document = running.ask("GET", "/openapi.json")
    ready = running.ready()
    values = {"name": ready["model"], "version": ready["version"]}
    (tmp_path / ".curlrc").write_text('silent\nwrite-out = "%{stderr}%{http_code}\\n"\n')
    environ = os.environ | {"HOME": str(tmp_path), "CURL_HOME": str(tmp_path)}
    ran, wrong = 0, []
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            lines = commands(method, path, operation, running.url, values)
            assert lines, f"{method} {path} has no line"
            for line in lines.values():
                done = subprocess.run(
                    ["bash", "-c", line], env=environ, capture_output=True, text=True, timeout=120
                )
                ran += 1
                expected = {"200", "201", "202"}
                if "webhooks" in path:  # set up by nobody here
                    expected |= {"403", "404"}
                if path.endswith(("/load", "/unload")):  # the registry decides, and a 400 says so
                    expected = {"400"}
                if done.returncode or not set(done.stderr.split()) <= expected:
                    wrong.append((line, done.stdout, done.stderr))
    assert wrong == []
    assert ran >= len(document["paths"])
