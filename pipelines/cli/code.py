"""`ann code`: parse, call, write."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pipelines.cli import session
from pipelines.cli.options import FilePath, VariantName, examples, set_settings, table_file

if TYPE_CHECKING:
    from ann_models.entry import Question, Variant


@click.command(
    epilog=examples(
        "ann code relu_regression_4 >relu.py",
        "ann code mnist_ann --notebook --weights --output my_lecture",
        "ann code relu_regression_4 --set layers.0.activation=tanh >tanh.py",
        "ann code --table mine.toml deep >deep.py",
    )
)
@click.argument("name", type=VariantName())
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), help="Seed of the weights."
)
@click.option("--notebook", is_flag=True, help="Write a Jupyter notebook with an exercise.")
@click.option("--weights", is_flag=True, help="Write the trained network of the newest run, too.")
@click.option(
    "--output",
    type=FilePath(path_type=Path, file_okay=False),
    help="The folder for the files; without it a script alone is printed.",
)
@set_settings
@table_file
def code(
    name: str,
    seed: int,
    notebook: bool,
    weights: bool,
    output: Path | None,
    changes: tuple[str, ...],
    table: Path | None,
) -> None:
    """Write a variant as one short Keras script that needs TensorFlow alone.

    The script starts from the same data, initial weights and dropout masks as the pipeline.
    """
    from ann_models.code.script import script
    from ann_models.errors import UnsupportedLayer
    from ann_models.questions import QUESTIONS
    from pipelines.errors import WrongUse

    variant, questions = _variant(name, changes, table)
    network = f"{variant.name}.keras" if weights else None
    try:
        source = script(variant, seed, network)
        if notebook:
            from ann_models.code import notebook as notebooks

            source = notebooks.notebook(
                variant, {**QUESTIONS, **questions}[variant.question], seed, network
            )
    except UnsupportedLayer as error:
        raise WrongUse(str(error)) from error
    if not (notebook or weights or output):
        click.echo(source, nl=False)
        return
    folder = output or Path()
    path = folder / f"{variant.name}.{'ipynb' if notebook else 'py'}"
    with _writing_to(folder):
        for wanted in [path, *([folder / network] if network else [])]:
            if wanted.exists():
                raise WrongUse(
                    f"{wanted} is there already and is not overwritten; move it, or name another "
                    "folder with --output."
                )
    if network:
        chosen = ["--table", str(table)] if table else []
        chosen += [word for change in changes for word in ("--set", change)]
        trains = shlex.join(["ann", "run", name, *chosen])
        _save_network(variant, seed, folder / network, trains)
        click.echo(folder / network)
    with _writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    click.echo(path)


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    """Say what can be done where a person may not write, or a file is in a folder's place."""
    from pipelines.errors import WrongUse

    try:
        yield
    except (PermissionError, FileExistsError, NotADirectoryError) as error:
        raise WrongUse(
            f"{folder} cannot be written to ({error.strerror}); name another folder with --output."
        ) from error


def _variant(
    name: str, changes: tuple[str, ...], table: Path | None
) -> tuple[Variant, Mapping[str, Question]]:
    """The variant of a name, and the questions of the table that it is from."""
    from ann_models.derive import parse_changes
    from ann_models.selection import select
    from pipelines.errors import WrongUse

    found, questions = select([name], parse_changes(changes), str(table) if table else None)
    if len(found) > 1:
        raise WrongUse(
            f"{name} is a question with {len(found)} variants; name one: "
            f"{', '.join(variant.name for variant in found)}."
        )
    return found[0], questions


def _save_network(variant: Variant, seed: int, path: Path, trains: str) -> None:
    """The network that the newest run of a variant trained with a seed, in Keras's format.

    `trains` is the command that makes such a run.
    """
    import tempfile

    settings = session.load_settings()
    from ann_models import datasets
    from ann_models.training.result import Training
    from pipelines.errors import WrongUse
    from pipelines.tracking.client import Tracking

    tracking = Tracking(settings)
    run = tracking.newest_by_variant().get(variant.name)
    if run is None:
        raise WrongUse(f"{variant.name} is not trained yet; `{trains}` trains it.")
    with tempfile.TemporaryDirectory() as folder:
        file = tracking.client.download_artifacts(run.info.run_id, "training.npz", folder)
        shape = (
            (28, 28)
            if variant.has_images
            else datasets.generate(variant.data, 0).arrays["x_train"].shape[1:]
        )
        training = Training.load(Path(file), variant, shape)
    if seed not in training.seeds:
        raise WrongUse(
            f"the newest run of {variant.name} trained the seeds "
            f"{', '.join(map(str, training.seeds))}, not {seed}; name one of them with --seed."
        )
    with _writing_to(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        training.only(seed).models[0].save(path)
