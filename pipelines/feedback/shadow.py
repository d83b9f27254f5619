"""Shadow mode: the challenger answers recent requests, before anyone sees its answers.

The images that the service stored of recent requests are classified by the challenger's and the
champion's ONNX form, both on this machine, one image at a time, as the service answers a person. No
request waits for it and no answer of the challenger is returned to anyone. It does not measure
requests of which no sample was stored, nor load.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pipelines.candidate import ShadowResult
from pipelines.feedback.requests import Corrections, keys

WARM_UP = 5  # first answers, which are not timed


class Answers(NamedTuple):
    """What a model answered.

    Attributes:
        digits: (n,).
        milliseconds: of each answer after the warm-up.
    """

    digits: np.ndarray
    milliseconds: np.ndarray


def answers(onnx_bytes: bytes, images: np.ndarray) -> Answers:
    """Classify images (n, 28, 28) one by one, timed."""
    from ann_models.onnx.inference import predictor

    answer = predictor(onnx_bytes)
    digits, seconds = np.empty(len(images), np.int32), np.empty(len(images))
    for i in range(len(images)):
        started = time.perf_counter()
        digits[i] = answer(images[i : i + 1])[0].argmax()
        seconds[i] = time.perf_counter() - started
    return Answers(digits, 1000 * seconds[WARM_UP:])


def observe(
    challenger: bytes,
    champion: bytes,
    images: np.ndarray,
    known: Mapping[str, int],
    held_out: Corrections,
) -> tuple[ShadowResult, dict[str, float]]:
    """Compare the challenger with the champion on recent requests.

    Args:
        challenger: its ONNX form.
        champion: its ONNX form.
        images: recent requests, (n, 28, 28).
        known: the correct digit by the image's key, from accepted corrections.
        held_out: corrections that no model was trained on.

    Returns:
        What the gate needs, and metrics for the run.
    """
    mine, theirs = answers(challenger, images), answers(champion, images)
    expected = [
        known.get(key, int(digit)) for key, digit in zip(keys(images), theirs.digits, strict=True)
    ]
    correct = answers(challenger, held_out.images).digits == held_out.digits
    champion_correct = answers(champion, held_out.images).digits == held_out.digits
    result = ShadowResult(
        requests=len(images),
        agreed=int(np.count_nonzero(mine.digits == expected)),
        only_challenger_correct=int(np.count_nonzero(correct & ~champion_correct)),
        only_champion_correct=int(np.count_nonzero(champion_correct & ~correct)),
    )
    metrics = {"shadow_images": float(len(images)), "held_out_corrections": float(len(held_out))}
    if len(images):
        metrics["shadow_agreement"] = result.agreed / len(images)
    if len(held_out):
        metrics["held_out_accuracy"] = float(correct.mean())
        metrics["champion_held_out_accuracy"] = float(champion_correct.mean())
    for model, which in (("challenger", mine), ("champion", theirs)):
        if len(which.milliseconds):
            metrics[f"shadow_{model}_ms"] = float(np.median(which.milliseconds))
            metrics[f"shadow_{model}_p99_ms"] = float(np.quantile(which.milliseconds, 0.99))
    return result, metrics
