"""Committees of trained networks, and the distillation set that their answers form."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from multiprocessing.pool import ThreadPool

import numpy as np

from ann_models import networks
from ann_models.datasets import Dataset
from ann_models.digits.augmentation import augment
from ann_models.entry import Distillation, Variant
from ann_models.errors import InvalidData
from ann_models.onnx.export import to_onnx
from ann_models.onnx.inference import predictor
from ann_models.training.result import Training

BATCH = 1_000
CLASSES = 10


def assemble(
    variant: Variant, trainings: Sequence[Training], input_shape: tuple[int, ...]
) -> Training:
    """The committees of a variant, one a seed, from its members' trained networks.

    Args:
        variant: an entry with members.
        trainings: what training each member gave, in their order.
        input_shape: the shape of one example.

    Raises:
        InvalidData: a member was trained with fewer seeds.
    """
    seeds = tuple(range(variant.seeds))
    for member, training in zip(variant.members, trainings, strict=True):
        if missing := set(seeds) - set(training.seeds):
            raise InvalidData(
                f"{variant.name} needs {len(seeds)} seeds of {member.name}; seeds "
                f"{sorted(missing)} were not trained. Train {member.name} again."
            )
    trained = {
        f"{member.name}_{seed}": model
        for member, training in zip(variant.members, trainings, strict=True)
        for seed, model in zip(training.seeds, training.models, strict=True)
    }
    models = [networks.build(variant, input_shape, seed) for seed in seeds]
    for model, seed in zip(models, seeds, strict=True):
        for network, (seat, _) in zip(networks.members(model), variant.seats(seed), strict=True):
            network.set_weights(trained[seat.name].get_weights())
    seconds = sum(training.seconds for training in trainings)
    return Training(models, seeds, history={}, seconds=seconds)


def distilled(
    data: Dataset,
    teacher: Training,
    settings: Distillation,
    on_progress: Callable[[int, int], None] | None = None,
) -> Dataset:
    """The training digits in distorted versions, each with what the teacher says of it.

    Hinton, Vinyals and Dean, "Distilling the knowledge in a neural network" (2015), with the
    teacher predicts each version: a student also learns its errors and its uncertainty.

    Args:
        data: digits with x_train, x_val and y_val.
        teacher: its networks answer with the mean of their probabilities.
        settings: how many versions, and how they are made.
        on_progress: called with the number of images made, and of all.

    Returns:
        x_train uint8 (n · copies, 28, 28), ink 255; y_train float32 (n · copies, 10); x_val as it
        was and y_val (m, 10).
    """
    originals = data.arrays["x_train"]
    count = len(originals)
    images = np.empty((count * settings.copies, *originals.shape[1:]), np.uint8)
    answers = np.empty((len(images), CLASSES), np.float32)
    networks = [predictor(to_onnx(model)) for model in teacher.models]  # twice as fast as Keras

    def teach(copy: int, first: int) -> int:
        batch = originals[first : first + BATCH]
        place = slice(copy * count + first, copy * count + first + len(batch))
        distorted = np.asarray(augment(batch, settings.augmentation, [copy, first]))
        images[place] = np.rint(distorted * 255)
        as_learned = images[place] / np.float32(255)
        answers[place] = np.mean([network(as_learned) for network in networks], axis=0)
        return len(batch)

    places = itertools.product(range(settings.copies), range(0, count, BATCH))
    with ThreadPool() as threads:  # TensorFlow and ONNX Runtime let each other's thread run
        done = threads.imap_unordered(lambda place: teach(*place), places)
        for made in itertools.accumulate(done):
            if on_progress:
                on_progress(made, len(images))
    arrays = {"x_train": images, "y_train": answers, "x_val": data.arrays["x_val"]}
    arrays["y_val"] = np.eye(CLASSES, dtype=np.float32)[data.arrays["y_val"]]
    return Dataset(f"{data.name}_distilled", data.source, arrays)
