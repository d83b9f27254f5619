"""What the documents show can be sent, and is answered as they show."""

import io
import json
from typing import Any

import pytest
from jsonschema import ValidationError, validate

from serving.examples import DIGIT, Body, as_data_url
from serving.model.status import Listing
from serving.route import Route
from tests.support.small_service import NAME, Service, put_copy, status


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> Any:
    home = tmp_path_factory.mktemp("home")
    put_copy(home, "1", seed=1)
    service = Service(home)
    yield service
    service.close()


@pytest.fixture(scope="module")
def lettered(tmp_path_factory) -> Any:
    """A service with a model of letters beside the digits'."""
    home = tmp_path_factory.mktemp("lettered")
    put_copy(home, "1", seed=1)
    put_copy(home, "1", seed=2, name="letters", labels=["a", "b", "c"])
    listings = {name: Listing(("1",), {"champion": "1"}) for name in (NAME, "letters")}
    service = Service(home)
    service.run(service.models.follow(status("1", listings=listings), 0.0))
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


@pytest.mark.parametrize(("route", "kind", "body"), documented(), ids=ids(documented()))
def test_every_example_and_its_answer_fit_the_documents_schemas(table: Service, route, kind, body):
    operation = table.get("/openapi.json").json()["paths"][route.path][route.method.lower()]
    content = None
    if kind == "application/json":
        content = json.dumps(body.example)
        validate(body.example, operation["requestBody"]["content"][kind]["schema"])
    if kind not in ("", "application/json") or route.answer is None:
        return
    schema = operation["responses"][str(route.status)]["content"]["application/json"]["schema"]
    headers = {"content-type": kind} if content else {}
    answer = table.request(route.method, path_of(route), content=content, headers=headers)
    validate(answer.json(), schema)
    validate(route.answer, schema)


def predictions(service: Service) -> dict[str, Any]:
    return service.get("/openapi.json").json()["paths"]["/predict"]["post"]


@pytest.mark.parametrize(
    ("query", "content"),
    [
        ("", DIGIT),
        ("", as_data_url()),
        ("", {"images": [DIGIT, DIGIT]}),
        ("?image=1&explain=1", {"image": DIGIT}),
        ("?image=1&explain=1", [DIGIT, DIGIT]),
        ("?model=letters&image=1&explain=1", {"image": as_data_url()}),
    ],
    ids=["an image", "a picture", "images", "all fields", "all fields of images", "a class"],
)
def test_every_form_of_a_prediction_fits_its_schema_and_every_field_is_in_it(
    lettered: Service, query, content
):
    operation = predictions(lettered)
    validate(content, operation["requestBody"]["content"]["application/json"]["schema"])
    answer = lettered.post(f"/predict{query}", json=content).json()
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    validate(answer, schema)
    one, batch = schema["anyOf"]
    for found in answer.get("predictions", [answer]):
        assert found.keys() <= one["properties"].keys()
    form = batch if "predictions" in answer else one
    validate(answer, form)


@pytest.mark.parametrize("wrong", [{}, {"digit": 1}, {"predictions": [{}]}])
def test_what_is_no_prediction_breaks_the_schema(table: Service, wrong):
    answer = predictions(table)["responses"]["200"]["content"]["application/json"]
    with pytest.raises(ValidationError):
        validate(wrong, answer["schema"])


def test_a_body_may_name_its_images_either_way(table: Service):
    body = predictions(table)["requestBody"]["content"]["application/json"]
    assert body["schema"]["properties"].keys() == {"image", "images"}


def shape(value: Any) -> Any:
    """The keys of an answer, whatever their values."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    return [shape(value[0])] if isinstance(value, list) and value else None


def test_a_form_with_the_example_picture_is_read(table: Service):
    from serving.examples import picture

    files = {"file": ("one.png", io.BytesIO(picture()), "image/png")}
    assert table.post("/predict", files=files).status_code == 200
