"""What the documents show can be sent, and is answered as they show."""

import io
import json
from typing import Any

import pytest

from serving.examples import Body
from serving.route import Route
from tests.support.small_service import NAME, Service, put_copy


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Any:
    home = tmp_path_factory.mktemp("home")
    put_copy(home, "1", seed=1)
    service = Service(home)
    yield service
    service.close()


def ids(values: list[Any]) -> list[str]:
    return [f"{route.method} {route.path} {kind}" for route, kind, _ in values]


def documented() -> list[tuple[Route, str, Body | None]]:
    """Each route with each of its bodies that has an example."""
    from pathlib import Path
    from tempfile import mkdtemp

    service = Service(Path(mkdtemp()))
    found: list[tuple[Route, str, Body | None]] = []
    for route in service.routes.table:
        if route.name == "webhook" or not route.summary:
            continue
        bodies = [(kind, body) for kind, body in route.body.items() if body.example is not None]
        found += [(route, kind, body) for kind, body in bodies] or [(route, "", None)]
    service.close()
    return found


def path_of(route: Route) -> str:
    return route.path.format(name=NAME, version="1", label="champion")


@pytest.mark.parametrize(("route", "kind", "body"), documented(), ids=ids(documented()))
def test_every_example_runs_and_is_answered_as_shown(table: Service, route, kind, body):
    content, headers = None, {}
    if body is not None:
        example = body.example() if callable(body.example) else body.example
        text = json.dumps(example) if kind == "application/json" else example
        content, headers = text, {"content-type": kind}
    answer = table.request(route.method, path_of(route), content=content, headers=headers)
    assert answer.status_code == route.status, answer.text
    if route.answer is not None and kind in ("", "application/json"):
        assert shape(answer.json()) == shape(route.answer)


def shape(value: Any) -> Any:
    """The keys of an answer, whatever their values."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def test_a_form_with_the_example_picture_is_read(table: Service):
    from serving.examples import picture

    files = {"file": ("one.png", io.BytesIO(picture()), "image/png")}
    assert table.post("/predict", files=files).status_code == 200
