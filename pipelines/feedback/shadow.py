"""Shadow mode: the challenger answers what people really sent, before anyone sees its answers.

It is a mirror after the fact: the images that the service kept of its recent requests are put to
the challenger's ONNX form and to the champion's, both on this machine, one image at a time as the
service answers a person. No request waits for it and no answer of the challenger leaves it. What it
does not show: requests of which no sample was kept, and load.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pipelines.feedback.requests import Corrections, keys
from pipelines.gate import Traffic

UNTIMED = 5  # first answers, which make ready what the later ones use


class Answers(NamedTuple):
    """What a model answered.

    Attributes:
        digits: (n,).
        milliseconds: of each answer after the first few.
    """

    digits: np.ndarray
    milliseconds: np.ndarray


def answers(onnx_bytes: bytes, images: np.ndarray) -> Answers:
    """Put images (n, 28, 28) to a model, one by one."""
    from ann_models.onnx.inference import predictor

    answer = predictor(onnx_bytes)
    digits, seconds = np.empty(len(images), np.int32), np.empty(len(images))
    for i in range(len(images)):
        started = time.perf_counter()
        digits[i] = answer(images[i : i + 1])[0].argmax()
        seconds[i] = time.perf_counter() - started
    return Answers(digits, 1000 * seconds[UNTIMED:])


def observe(
    challenger: bytes,
    champion: bytes,
    images: np.ndarray,
    known: Mapping[str, int],
    held_out: Corrections,
) -> tuple[Traffic, dict[str, float]]:
    """How the challenger does beside the champion on what people sent.

    Args:
        challenger: its ONNX form.
        champion: its ONNX form.
        images: recent requests, (n, 28, 28).
        known: the right digit by the image's key, as accepted corrections say it.
        held_out: corrections that nobody trained on.

    Returns:
        What the gate needs, and metrics for the run.
    """
    mine, theirs = answers(challenger, images), answers(champion, images)
    expected = [
        known.get(key, int(digit)) for key, digit in zip(keys(images), theirs.digits, strict=True)
    ]
    right = answers(challenger, held_out.images).digits == held_out.digits
    champion_right = answers(champion, held_out.images).digits == held_out.digits
    traffic = Traffic(
        mirrored=len(images),
        agreed=int(np.count_nonzero(mine.digits == expected)),
        only_challenger_right=int(np.count_nonzero(right & ~champion_right)),
        only_champion_right=int(np.count_nonzero(champion_right & ~right)),
    )
    metrics = {"shadow_images": float(len(images)), "held_out_corrections": float(len(held_out))}
    if len(images):
        metrics["shadow_agreement"] = traffic.agreed / len(images)
    if len(held_out):
        metrics["held_out_accuracy"] = float(right.mean())
        metrics["champion_held_out_accuracy"] = float(champion_right.mean())
    for who, which in (("challenger", mine), ("champion", theirs)):
        if len(which.milliseconds):
            metrics[f"shadow_{who}_ms"] = float(np.median(which.milliseconds))
            metrics[f"shadow_{who}_p99_ms"] = float(np.quantile(which.milliseconds, 0.99))
    return traffic, metrics
