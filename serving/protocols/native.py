"""The service's own form: a picture or numbers in, one object a digit out."""

from __future__ import annotations

import io
from reprlib import repr as brief
from typing import Any

import numpy as np
from numpy.typing import NDArray
from python_multipart import parse_form
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import File

from serving.errors import InvalidDigits, InvalidRequest, WrongMediaType
from serving.http import JSON, Request, Response, json_response
from serving.model.loaded_model import Answers
from serving.model.runner import ModelRunner
from serving.model.uncertainty import uncertainty, uncertainty_between
from serving.protocols.digits import Images, Pictures, decoded, from_json, parse_json

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
            value = value.get("image", value.get("images"))
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
    answers: Answers,
    explanations: list[dict[str, object]] | None = None,
) -> Response:
    """One object for one image, {"predictions": [...]} for more."""
    if len(images) == 1 and not request.query_string:  # the usual case
        (reason,) = reasons(runner, images, answers)
        row = answers.probabilities[0]
        return json_response(_object(runner, row, reason, request.answer_id))
    ids = answer_ids(request, len(images))
    objects = [
        _object(runner, row, reason, answer_id)
        for row, reason, answer_id in zip(
            answers.probabilities, reasons(runner, images, answers), ids, strict=True
        )
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


def reasons(runner: ModelRunner, images: Images, answers: Answers) -> list[str | None]:
    """Why each answer is uncertain; None where it is not."""
    least, labels = runner.model.least_confidence, runner.model.labels
    if labels:
        return [uncertainty_between(labels, row, least) for row in answers.probabilities]
    return [
        uncertainty(image, row, float(score), least)
        for image, row, score in zip(images, *answers, strict=True)
    ]


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
    """The fields of a correction: digit, and request_id or image.

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
    for name in ("digit", "predicted"):
        number = fields.get(name)
        if type(number) is not int and (name == "digit" or number is not None):
            raise InvalidDigits(f"{name} is {brief(number)}; expected a whole number from 0 to 9.")
    for name in ("request_id", "model", "version"):
        text = fields.get(name)
        if text is not None and (type(text) is not str or not 0 < len(text) <= 200 or "\0" in text):
            raise InvalidDigits(f"{name} is no text of 1 to 200 characters.")
    if fields.get("image") is not None:
        images = decoded(from_json(fields["image"]))
        if len(images) != 1:
            raise InvalidDigits(f"The correction has {len(images)} images; expected one.")
        fields["image"] = images[0]
    elif fields.get("request_id") is None:
        raise InvalidDigits("Neither request_id nor image is given; expected one of them.")
    return fields


def check_classes(fields: dict[str, Any], classes: int) -> None:
    """Refuse a correction to what is no class of the model.

    Raises:
        InvalidDigits: it is one.
    """
    for name in ("digit", "predicted"):
        number = fields.get(name)
        if number is not None and not 0 <= number < classes:
            raise InvalidDigits(
                f"{name} is {brief(number)}; expected a whole number from 0 to {classes - 1}."
            )


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
