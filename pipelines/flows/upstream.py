"""For variants that depend on others' networks: those of the others' newest finished runs."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ann_models.datasets import Dataset
from ann_models.entry import Variant
from ann_models.variants import VARIANTS
from pipelines.errors import WrongUse
from pipelines.tracking import tags

if TYPE_CHECKING:
    from mlflow.entities import Run

    from ann_models.training.result import Training
    from pipelines.flows.context import Context

OnProgress = Callable[[int, int, float], None]


def with_untrained(
    context: Context, chosen: list[Variant], source: str | None, quick: bool
) -> list[Variant]:
    """The chosen entries, and those that they depend on and that are not trained yet.

    Args:
        context: the job's.
        chosen: entries of the table.
        source: of the digits.
        quick: whether the runs are quick looks.

    Returns:
        Them in the table's order, in which each follows what it depends on; then those that are
        not of the table.
    """
    names = {variant.name for variant in chosen}
    unseen = list(chosen)
    while unseen:
        for name in unseen.pop().depends_on:
            if name not in names and _newest_run(context, name, source, quick) is None:
                names.add(name)
                unseen.append(VARIANTS[name])
    own = [variant for variant in chosen if variant.name not in VARIANTS]
    return [variant for variant in VARIANTS.values() if variant.name in names] + own


def committee(context: Context, variant: Variant, data: Dataset, quick: bool) -> Training:
    """A committee's networks: those that its members' newest runs trained.

    Raises:
        WrongUse: a member has not been trained on this data, or with fewer seeds.
    """
    from ann_models.committee import assemble
    from ann_models.errors import InvalidData

    runs = {
        member.name: _trained_run(context, member.name, data, quick) for member in variant.members
    }
    trainings = [_networks(context, run, name, data) for name, run in runs.items()]
    try:
        return assemble(variant, trainings, data.arrays["x_train"].shape[1:])
    except InvalidData as error:
        raise WrongUse(str(error)) from error


def distillation_set(
    context: Context, variant: Variant, data: Dataset, quick: bool, on_progress: OnProgress
) -> Dataset:
    """What a distilled variant is trained on: distorted digits with its teacher's probabilities.

    The teacher is the best seed of its newest run. The set is kept on disk, since several variants
    may have one teacher.

    Raises:
        WrongUse: the teacher has not been trained on this data.
    """
    from ann_models.committee import distilled

    settings = variant.distillation
    assert settings is not None
    run = _trained_run(context, settings.teacher, data, quick)
    every_seed = _networks(context, run, settings.teacher, data)
    teacher = every_seed.only(int(run.data.metrics["best_seed"]))
    origin = f"{data.digest} {teacher.weights_sha256} {settings}"
    key = hashlib.sha256(origin.encode()).hexdigest()[:12]
    path = context.settings.data / f"{data.name}_distilled-{key}.npz"
    try:
        os.utime(path)  # its last use, for `ann prune`
    except FileNotFoundError:
        distilled(data, teacher, settings, lambda i, n: on_progress(i, n, 0.0)).save(path)
    return context.load_dataset(str(path))


def _trained_run(context: Context, name: str, data: Dataset, quick: bool) -> Run:
    run = _newest_run(context, name, data.source, quick)
    if run is None:
        option = " --quick" if quick else ""
        raise WrongUse(
            f"there are no networks of {name} that were trained on {data.source}; "
            f"`ann run {name}{option}` trains them."
        )
    return run


def _newest_run(context: Context, name: str, source: str | None, quick: bool) -> Run | None:
    """The newest on this data; a newer one on other data does not hide it."""
    experiment = context.tracking.experiment(VARIANTS[name].question, quick)
    condition = (
        f"attributes.status = 'FINISHED' AND tags.{tags.VARIANT} = '{name}' "
        f"AND tags.{tags.DATA_SOURCE} = '{source}' "
        f"AND tags.{tags.LATEST} != ''"  # was its variant's newest: nothing of it is missing
    )
    newest = ["attributes.start_time DESC"]
    found = context.tracking.client.search_runs([experiment], condition, order_by=newest)
    return found[0] if found else None


def _networks(context: Context, run: Run, name: str, data: Dataset) -> Training:
    """All seeds' networks of a variant's run."""
    from ann_models.training.result import Training

    def download() -> Training:
        with tempfile.TemporaryDirectory() as folder:
            client = context.tracking.client
            path = client.download_artifacts(run.info.run_id, "training.npz", folder)
            return Training.load(Path(path), VARIANTS[name], data.arrays["x_train"].shape[1:])

    return context.upstream_training(run.info.run_id, download)
