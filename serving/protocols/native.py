"""The service's own form: a picture or numbers in, one object a digit out."""

from __future__ import annotations

import io
import logging
from difflib import get_close_matches
from typing import Any

import numpy as np
from numpy.typing import NDArray
from python_multipart import parse_form
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File, parse_options_header

from serving.errors import InvalidDigits, InvalidRequest, TooLarge, WrongMediaType
from serving.feedback.correction import read
from serving.http import JSON, Request, Response, json_response
from serving.model.runner import ModelRunner
from serving.protocols.digits import Images, Pictures, from_json, parse_json, the_one

SWITCHES = ("image", "explain", "live")
IN_QUERY = (*SWITCHES, "model")
MAX_PARTS = 100  # of a form; each takes a tenth of a millisecond
_form_log = logging.getLogger("python_multipart")  # its errors are raised, too
_form_log.addHandler(logging.NullHandler())
_form_log.propagate = False
READS = "application/json, image/* or multipart/form-data with one picture"


def parse(request: Request) -> Images | Pictures:
    """Images (n, 28, 28) of a JSON body; or the files of a picture, or a form with one picture.

    JSON is a list or a picture in base64, or an object with it as "image" or "images".

    Raises:
        InvalidRequest, InvalidDigits, InvalidImage, TooLarge, WrongMediaType: what is wrong.
    """
    kind = request.media_type
    if kind == JSON:
        value = parse_json(request.body)
        if type(value) is dict:
            for name in IN_QUERY[1:]:  # "image" is the picture
                if value.get(name):
                    raise _misplaced(name)
            value = the_one(value, "image", "images")
        return from_json(value)
    if kind.startswith("image/") or kind == "application/octet-stream":
        return [request.body]
    if kind == "multipart/form-data":
        return [_picture_of(request)]
    raise WrongMediaType(f"The content type is {kind or 'missing'}; expected {READS}.")


def check_query(request: Request) -> None:
    """Refuse a switch that is neither on nor off, and what is almost the name of one.

    Raises:
        InvalidDigits: there is such.
    """
    query = request.query
    for name in SWITCHES:
        value = query.get(name, "0")
        if value.lower() not in ("0", "1", "false", "true"):
            raise InvalidDigits(f"?{name}= is {value[:20]!r}; expected 1 or 0.")
    for name in [name for name in query if name not in IN_QUERY][:20]:  # may be a proxy's
        if close := get_close_matches(name[:20], IN_QUERY, 1, 0.8):
            raise InvalidDigits(f"There is no ?{name[:20]}=; did you mean ?{close[0]}=?")


def answer(
    request: Request,
    runner: ModelRunner,
    images: Images,
    probabilities: NDArray[np.float32],
    reasons: list[str | None],
    explanations: list[dict[str, object]] | None = None,
) -> Response:
    """One object for one image, {"predictions": [...]} for more."""
    if len(images) == 1 and not request.query_string:  # the usual case
        return json_response(_object(runner, probabilities[0], reasons[0], request.answer_id))
    ids = answer_ids(request, len(images))
    objects = [
        _object(runner, row, reason, answer_id)
        for row, reason, answer_id in zip(probabilities, reasons, ids, strict=True)
    ]
    if request.query_string:
        if request.asks("image"):
            for content, image in zip(objects, images, strict=True):
                content["image"] = image
        if explanations is not None:
            for content, explanation in zip(objects, explanations, strict=True):
                content["explanation"] = explanation
    return json_response(objects[0] if len(objects) == 1 else {"predictions": objects})


def answer_ids(request: Request, images: int) -> list[str]:
    """An id for each image of a request, so that a correction means one."""
    if images == 1:
        return [request.answer_id]
    return [f"{request.answer_id}.{number}" for number in range(images)]


def _object(
    runner: ModelRunner, row: NDArray[np.float32], reason: str | None, answer_id: str
) -> dict[str, Any]:
    digit = int(row.argmax())
    labels = runner.model.labels
    return {
        **({"class": digit, "label": labels[digit]} if labels else {"digit": digit}),
        "probabilities": row,
        "confidence": float(row[digit]),
        "uncertain": reason is not None,
        "reason": reason,
        **runner.identity,
        "request_id": answer_id,
    }


def correction(request: Request) -> dict[str, Any]:
    """The fields of a correction: digit, and request_id or image, a picture not yet decoded.

    Raises:
        InvalidRequest, InvalidDigits, WrongMediaType: what is wrong.
    """
    if request.media_type != JSON:
        raise WrongMediaType(
            f"The content type is {request.media_type or 'missing'}; expected {JSON}."
        )
    fields = parse_json(request.body)
    if type(fields) is not dict:
        raise InvalidRequest('Expected an object such as {"request_id": "…", "digit": 7}.')
    found = read(fields)
    if found["image"] is not None:
        found["image"] = images = from_json(found["image"])
        if len(images) != 1:
            raise InvalidDigits(f"The correction has {len(images)} images; expected one.")
    return found


def failure(message: str, status: int, request: Request) -> Response:
    """{"error": what was wrong and what is expected, "request_id"}."""
    return json_response({"error": message, "request_id": request.request_id}, status)


def _picture_of(request: Request) -> bytes:
    header = request.headers[b"content-type"]
    boundary = parse_options_header(header)[1].get(b"boundary")
    if boundary and request.body.count(b"\r\n--" + boundary) > MAX_PARTS:
        raise TooLarge(f"The form has more than {MAX_PARTS} parts; send one picture.")
    files: list[bytes] = []
    fields: list[str] = []

    def note(field: Field) -> None:
        if field.value:
            fields.append((field.field_name or b"").decode("latin-1"))

    def keep(file: File) -> None:
        file.file_object.seek(0)
        files.append(file.file_object.read())
        file.close()

    try:
        parse_form({"Content-Type": header}, io.BytesIO(request.body), note, keep)
    except (FormParserError, ValueError) as error:
        raise InvalidRequest(f"The form cannot be read: {error}.") from None
    for name in IN_QUERY:
        if name in fields:
            raise _misplaced(name)
    if len(files) != 1:
        raise InvalidRequest(f"The form has {len(files)} files; expected one picture.")
    return files[0]


def _misplaced(name: str) -> InvalidDigits:
    value = "NAME" if name == "model" else "1"
    return InvalidDigits(f'"{name}" is not read from the body; ask for /predict?{name}={value}.')
