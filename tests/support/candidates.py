"""Challengers and champions with known errors, for the gate to compare."""

from dataclasses import replace

import numpy as np

from pipelines.candidate import Candidate, People, ShadowResult

LABELS = np.arange(1000) % 10


def candidate(wrong: range | list[int] = range(0), **changes: object) -> Candidate:
    """A model that misclassifies the digits at the places `wrong`, with honest confidence."""
    named = LABELS.copy()
    named[list(wrong)] = (named[list(wrong)] + 1) % 10
    return replace(answers(named, 1 - len(wrong) / len(LABELS)), **changes)


def answers(named: np.ndarray, confidence: float) -> Candidate:
    """A sane model that answers these digits, always with the same confidence."""
    probabilities = np.full((len(LABELS), 10), (1 - confidence) / 9, np.float32)
    probabilities[np.arange(len(LABELS)), named] = confidence
    return Candidate(
        probabilities=probabilities,
        labels=LABELS,
        data_source="mnist",
        validation_digest="d" * 64,
        onnx_ms=0.02,
        onnx_difference=1e-7,
        weights_finite=True,
    )


def against(decision) -> str:
    (message,) = [reason.message for reason in decision.reasons if not reason.passed]
    return message


SOUND = {"noise": 0.9, "shift": 0.8}


def seen(requests=0, agreed=0, gained=0, lost=0) -> ShadowResult:
    return ShadowResult(requests, agreed, gained, lost)


def people(wrong: int, marked: float = 0.97, digest: str = "h") -> People:
    """Answers to 500 digits of other hands, the first `wrong` of them wrong, and to 100 others."""
    return People(
        correct=np.arange(500) >= wrong,
        marked=np.zeros(500, bool),
        marked_non_digits=np.arange(100) < 100 * marked,
        digest=digest,
    )
