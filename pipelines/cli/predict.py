"""`ann predict`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli import session
from pipelines.cli.errors import FAILED, WRONG_USE
from pipelines.cli.options import FilePath, as_json, examples, registered_model
from pipelines.cli.printing import OFFLINE
from pipelines.cli.terminal import notify

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from serving.model.loaded_model import LoadedModel


@click.command(
    epilog=examples(
        "ann predict seven.png",
        "ann predict scans/*.jpg",
        "ann predict --json seven.png",
        "ann predict --model letters scan.png",
        "curl -s https://example.org/seven.png | ann predict -",
    )
)
@click.argument("files", nargs=-1, required=True, type=FilePath(path_type=Path), metavar="FILE...")
@registered_model
@as_json
@click.pass_context
def predict(
    context: click.Context, files: tuple[Path, ...], model: str | None, as_json: bool
) -> None:
    """Read the digit in each image file with the champion; `-` is standard input.

    With --model, name the class of a picture of another data set.

    Answers that the digit service would mark are marked "uncertain". A file that cannot be read
    costs only itself: exit code 1 if there are others, else 2.
    """
    settings = session.load_settings()
    images: dict[Path, NDArray[np.float32] | str]
    images = {file: _image(file, as_is=model is not None) for file in files}
    failed = [file for file in files if isinstance(images[file], str)]
    answers: list[dict[str, Any]] = []
    champion = None
    if len(failed) < len(files):
        from pipelines.registry.champion import fetch_champion

        champion = fetch_champion(settings, model)
        if champion.data == OFFLINE and model is None:
            notify("no MNIST champion: a model trained on the OFFLINE DIGITS answers.")
    for file in files:
        image = images[file]
        if isinstance(image, str):
            answers.append({"file": str(file), "error": image})
        elif champion:
            answers.append({"file": str(file)} | _answer(champion, image))
    if as_json:
        click.echo(json.dumps(answers))
    else:
        _print(answers)
        if champion:
            click.echo(
                f"answered by {champion.name} version {champion.version}, trained on "
                f"{champion.data}"
            )
    if failed:
        context.exit(FAILED if champion else WRONG_USE)


def _answer(model: LoadedModel, image: NDArray[np.float32]) -> dict[str, Any]:
    from serving.model.uncertainty import reasons

    images, labels = image[None], model.labels
    answers = model.answer(images)
    (reason,) = reasons(images, *answers, model.least_confidence, labels)
    probabilities = answers.probabilities[0]
    number = int(probabilities.argmax())
    return {
        **({"class": number, "label": labels[number]} if labels else {"digit": number}),
        "probabilities": [round(float(p), 6) for p in probabilities],
        "uncertain": reason is not None,
        "reason": reason,
        "model": model.name,
        "version": model.version,
        "data": model.data,
    }


def _print(answers: list[dict[str, Any]]) -> None:
    for answer in answers:
        if "error" in answer:
            notify(f"{answer['file']}: {answer['error']}")
            continue
        mark = f"  uncertain: {answer['reason']}" if answer["uncertain"] else ""
        confidence = _percent(max(answer["probabilities"]))
        named = answer["label"] if "label" in answer else answer["digit"]
        click.echo(f"{answer['file']}: {named}  ({confidence}){mark}")


def _percent(probability: float) -> str:
    """A probability for people; it is never 100 %."""
    return "> 99.9%" if probability >= 0.9995 else f"{probability:.1%}"


def _image(file: Path, as_is: bool) -> NDArray[np.float32] | str:
    """A picture in the network's form, or why not; not more is read than a picture may have.

    Args:
        file: or "-", standard input.
        as_is: whether a picture of 28×28 pixels is taken as it is.
    """
    from serving.errors import InvalidImage
    from serving.images import MAX_BYTES, to_digit, to_picture

    try:
        if str(file) == "-":
            if sys.stdin is None:  # as of `ann predict - <&-`
                return "standard input is closed; pipe an image to it."
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with file.open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        return f"cannot be read: {error.strerror}."
    if len(content) > MAX_BYTES:
        return f"has more than {MAX_BYTES:,} bytes, which is the most that a picture may have."
    try:
        return to_picture(content) if as_is else to_digit(content)
    except InvalidImage as error:
        return str(error)
