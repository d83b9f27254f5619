"""What a person says of an answer or an image: the fields of POST /feedback."""

from __future__ import annotations

from reprlib import repr as brief
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from serving.errors import InvalidDigits
from serving.feedback.store import REMEMBERED

IMAGE = {
    "description": "784 numbers in [0, 1], ink 1 on 0; or 28×28; or a batch of either; or a "
    "picture in base64, such as a data: URL.",
    "type": ["array", "string", "object", "null"],
}

REQUEST_ID = (
    f"Of the answer, to a request of at most {REMEMBERED} images and not long ago; after a 404 "
    "send the image."
)
MOST_CLASSES = 200
Digit = Annotated[int, Field(ge=0, lt=MOST_CLASSES)]
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class Correction(BaseModel):
    """The right digit, and the `request_id` or the `image` that it is of."""

    model_config = ConfigDict(strict=True)

    digit: Annotated[Digit, Field(description="The right one: 0 to 9, or a model's class.")]
    request_id: Annotated[Text | None, Field(description=REQUEST_ID)] = None
    image: Annotated[Any, Field(json_schema_extra=IMAGE)] = None
    model: Annotated[Text | None, Field(description="What answered, if known.")] = None
    version: Annotated[Text | None, Field(description="Of that model, if known.")] = None
    predicted: Digit | None = None


def read(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields, those that were not sent as None.

    Raises:
        InvalidDigits: one is missing or wrong.
    """
    try:
        found = Correction.model_validate(fields).model_dump()
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        name = first["loc"][0]
        given = brief(first["input"]) if name in fields else "missing"
        raise InvalidDigits(f"{name} is {given}: {first['msg']}.") from None
    if found["request_id"] is None and found["image"] is None:
        raise InvalidDigits("Neither request_id nor image is given; expected one of them.")
    return found


def check_classes(fields: dict[str, Any], classes: int) -> None:
    """Refuse a correction to what is no class of the model that answered.

    Raises:
        InvalidDigits: it is one.
    """
    for name in ("digit", "predicted"):
        number = fields[name]
        if number is not None and number >= classes:
            raise InvalidDigits(
                f"{name} is {number}: Input should be less than or equal to {classes - 1}."
            )
