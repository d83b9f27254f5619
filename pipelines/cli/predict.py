"""`ann predict`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli import session
from pipelines.cli.errors import FAILED, WRONG_USE
from pipelines.cli.options import as_json, examples
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
        "curl -s https://example.org/seven.png | ann predict -",
    )
)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@as_json
@click.pass_context
def predict(context: click.Context, files: tuple[Path, ...], as_json: bool) -> None:
    """Read the digit in each image file with the champion; `-` is standard input.

    Answers that the digit service would mark are marked "uncertain". A file that cannot be read
    costs only itself: exit code 1 if there are others, else 2.
    """
    settings = session.load_settings()
    digits: dict[Path, NDArray[np.float32] | str] = {file: _digit(file) for file in files}
    failed = [file for file in files if isinstance(digits[file], str)]
    answers: list[dict[str, Any]] = []
    model = None
    if len(failed) < len(files):
        from pipelines.registry.champion import fetch_champion

        model = fetch_champion(settings)
        if model.data == OFFLINE:
            notify("no MNIST champion: a model trained on the OFFLINE DIGITS answers.")
    for file in files:
        digit = digits[file]
        if isinstance(digit, str):
            answers.append({"file": str(file), "error": digit})
        elif model:
            answers.append({"file": str(file)} | _answer(model, digit))
    if as_json:
        click.echo(json.dumps(answers))
    else:
        _print(answers)
        if model:
            click.echo(f"answered by {model.name} version {model.version}, trained on {model.data}")
    if failed:
        context.exit(FAILED if model else WRONG_USE)


def _answer(model: LoadedModel, digit: NDArray[np.float32]) -> dict[str, Any]:
    from serving.model.uncertainty import uncertainty

    (probabilities,), (score,) = model.answer(digit[None])
    reason = uncertainty(digit, probabilities, float(score), model.least_confidence)
    return {
        "digit": int(probabilities.argmax()),
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
        confidence = max(answer["probabilities"])
        click.echo(f"{answer['file']}: {answer['digit']}  ({confidence:.1%}){mark}")


def _digit(file: Path) -> NDArray[np.float32] | str:
    """The digit of a picture, or why there is none; not more is read than a picture may have."""
    from serving.errors import InvalidImage
    from serving.images import MAX_BYTES, to_digit

    try:
        if str(file) == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with file.open("rb") as opened:
                content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        return f"cannot be read: {error.strerror}."
    if len(content) > MAX_BYTES:
        return f"has more than {MAX_BYTES:,} bytes, which is the most that a picture may have."
    try:
        return to_digit(content)
    except InvalidImage as error:
        return str(error)
