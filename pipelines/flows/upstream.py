"""For variants that build on others' networks: those of their newest finished runs."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from ann_models.datasets import Dataset
from ann_models.entry import Variant
from ann_models.variants import VARIANTS
from pipelines.errors import WrongUse
from pipelines.flows import context

if TYPE_CHECKING:
    from mlflow.entities import Run

    from ann_models.training.result import Training

Report = Callable[[int, int, float], None]


def with_untrained(chosen: list[Variant], source: str | None, quick: bool) -> list[Variant]:
    """The chosen entries, and those that they build on and that are not trained yet.

    Args:
        chosen: entries of the table.
        source: of the digits.
        quick: whether the runs are quick looks.

    Returns:
        Them in the table's order: whoever builds on others comes behind them.
    """
    names = {variant.name for variant in chosen}
    unseen = list(chosen)
    while unseen:
        for name in unseen.pop().depends_on:
            if name not in names and _newest_run(name, source, quick) is None:
                names.add(name)
                unseen.append(VARIANTS[name])
    return [variant for variant in VARIANTS.values() if variant.name in names]


def committee(variant: Variant, data: Dataset, quick: bool) -> Training:
    """A committee's networks: those that its members' newest runs trained.

    Raises:
        WrongUse: a member has not been trained on this data, or with fewer seeds.
    """
    from ann_models.committee import assemble
    from ann_models.errors import InvalidData

    trainings = [networks_of(member.name, data, quick) for member in variant.members]
    try:
        return assemble(variant, trainings, data.arrays["x_train"].shape[1:])
    except InvalidData as error:
        raise WrongUse(str(error)) from error


def lessons(variant: Variant, data: Dataset, quick: bool, on_progress: Report) -> Dataset:
    """What a distilled variant learns from: the answers of its teacher's best seed.

    They are kept on disk, since several may have one teacher.

    Raises:
        WrongUse: the teacher has not been trained on this data.
    """
    from ann_models.committee import distilled

    settings = variant.distillation
    assert settings is not None
    run = _trained_run(settings.teacher, data, quick)
    every_seed = networks_of(settings.teacher, data, quick)
    teacher = every_seed.only(int(run.data.metrics["best_seed"]))
    origin = f"{data.digest} {teacher.weights_sha256} {settings}"
    key = hashlib.sha256(origin.encode()).hexdigest()[:12]
    path = context.settings().data / f"{data.name}_distilled-{key}.npz"
    if not path.exists():
        distilled(data, teacher, settings, lambda i, n: on_progress(i, n, 0.0)).save(path)
    path.touch()  # its last use, for `ann prune`
    return context.loaded(str(path))


def networks_of(name: str, data: Dataset, quick: bool) -> Training:
    """All seeds' networks of a variant's newest finished run on this source of data.

    Raises:
        WrongUse: there is no such run.
    """
    run = _trained_run(name, data, quick)
    return _downloaded(run.info.run_id, name, data.arrays["x_train"].shape[1:])


def _trained_run(name: str, data: Dataset, quick: bool) -> Run:
    run = _newest_run(name, data.source, quick)
    if run is None:
        option = " --quick" if quick else ""
        raise WrongUse(
            f"there are no networks of {name} that were trained on {data.source}; "
            f"`ann run {name}{option}` trains them."
        )
    return run


def _newest_run(name: str, source: str | None, quick: bool) -> Run | None:
    runs = context.tracking().newest(VARIANTS[name].question, quick)
    mine = [run for run in runs if run.data.tags["variant"] == name]
    return mine[-1] if mine and mine[-1].data.tags["data_source"] == source else None


@cache
def _downloaded(run_id: str, name: str, input_shape: tuple[int, ...]) -> Training:
    from ann_models.training.result import Training

    with tempfile.TemporaryDirectory() as folder:
        client = context.tracking().client
        path = client.download_artifacts(run_id, "training.npz", folder)
        return Training.load(Path(path), VARIANTS[name], input_shape)
