"""The service's own form: a picture or numbers in, one object a digit out."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from numpy.typing import NDArray
from python_multipart import parse_form
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import File

from serving.errors import InvalidDigits, InvalidRequest, WrongMediaType
from serving.feedback.correction import read
from serving.http import JSON, Request, Response, json_response
from serving.model.runner import ModelRunner
from serving.protocols.digits import Images, Pictures, from_json, parse_json, the_one

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
            value = the_one(value, "image", "images")
        return from_json(value)
    if kind.startswith("image/") or kind == "application/octet-stream":
        return [request.body]
    if kind == "multipart/form-data":
        return [_picture_of(request)]
    raise WrongMediaType(f"The content type is {kind or 'missing'}; expected {READS}.")


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
    files: list[bytes] = []

    def keep(file: File) -> None:
        file.file_object.seek(0)
        files.append(file.file_object.read())
        file.close()

    headers = {"Content-Type": request.headers[b"content-type"]}
    try:
        parse_form(headers, io.BytesIO(request.body), on_field=None, on_file=keep)
    except (FormParserError, ValueError) as error:
        raise InvalidRequest(f"The form cannot be read: {error}.") from None
    if len(files) != 1:
        raise InvalidRequest(f"The form has {len(files)} files; expected one picture.")
    return files[0]
