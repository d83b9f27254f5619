"""`ann predict`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipelines.cli import session
from pipelines.cli.printing import as_json, say

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from pipelines.settings import Settings
    from serving.model.loaded_model import LoadedModel


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@as_json
def predict(files: tuple[Path, ...], as_json: bool) -> None:
    """Read the digit in each image file with the champion.

    Example: ann predict seven.png
    """
    settings = session.load_settings()
    digits = [_digit(file) for file in files]
    model = _champion(settings)
    answers: list[dict[str, Any]] = []
    for file, digit in zip(files, digits, strict=True):
        probabilities = model.predict(digit[None])[0]
        answers.append(
            {
                "file": str(file),
                "digit": int(probabilities.argmax()),
                "probabilities": [round(float(p), 6) for p in probabilities],
                "model": model.name,
                "version": model.version,
                "data": model.data,
            }
        )
    if as_json:
        click.echo(json.dumps(answers))
        return
    for answer in answers:
        click.echo(f"{answer['file']}: {answer['digit']}  ({max(answer['probabilities']):.1%})")
    click.echo(f"answered by {model.name} version {model.version}, trained on {model.data}")


def _champion(settings: Settings) -> LoadedModel:
    from serving.errors import NoChampion
    from serving.model.download import fetch

    try:
        return fetch(settings.tracking_uri, "mnist-digits", "champion", settings.home)
    except NoChampion as missing:
        try:
            model = fetch(settings.tracking_uri, "offline-digits", "champion", settings.home)
        except NoChampion:
            raise missing from None
    say("no MNIST champion: a model trained on the OFFLINE DIGITS answers.")
    return model


def _digit(file: Path) -> NDArray[np.float32]:
    from pipelines.errors import WrongUse
    from serving.errors import InvalidImage
    from serving.images import to_digit

    try:
        return to_digit(file.read_bytes())
    except OSError as error:
        raise WrongUse(f"{file} cannot be read: {error.strerror}.") from error
    except InvalidImage as error:
        raise WrongUse(f"{file}: {error}") from error
