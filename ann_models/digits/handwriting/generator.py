"""Writers, forms and a pen → digits in MNIST's form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ann_models.digits.handwriting import curves, drawing
from ann_models.digits.handwriting.forms import FORMS, Form, points_of
from ann_models.digits.handwriting.writers import Hands, hands

Floats = NDArray[np.float32]

OWN = 0.04  # how far a writer's forms are from the table's, in heights (standard deviation)
WARP = 0.06  # how far a digit is bent as a whole, likewise


@dataclass(frozen=True, eq=False)
class Handwriting:
    """Generated digits.

    Attributes:
        images: float32 (n, 28, 28) in [0, 1], ink 1 on 0.
        labels: int32 (n,).
        writers: int32 (n,), who wrote each.
        forms: int32 (n,), the index of each digit's form in the table.
    """

    images: Floats
    labels: NDArray[np.int32]
    writers: NDArray[np.int32]
    forms: NDArray[np.int32]


def write(
    count: int, seed: int, writers: int | None = None, table: tuple[Form, ...] = FORMS
) -> Handwriting:
    """Generate digits, all classes equally often, by as many writers.

    Args:
        count: how many digits.
        seed: decides the writers and what they write; other seeds are other writers.
        writers: how many people write; none: one for every 20 digits.
        table: the forms that they write.
    """
    rng = np.random.default_rng([seed, *b"handwriting"])
    writers = writers or max(1, count // 20)
    people = hands(rng, writers, len(table))
    who = rng.integers(writers, size=count)
    classes = np.unique([form.digit for form in table])
    labels = classes[rng.permutation(np.arange(count) % len(classes))]
    forms = _chosen_forms(rng, table, people, who, labels)
    images = np.empty((count, 28, 28), np.float32)
    for index, form in enumerate(table):
        members = np.flatnonzero(forms == index)
        if len(members):
            images[members] = _digits_of(form, members, who[members], people, rng)
    return Handwriting(
        images, labels.astype(np.int32), who.astype(np.int32), forms.astype(np.int32)
    )


def _chosen_forms(
    rng: np.random.Generator,
    table: tuple[Form, ...],
    people: Hands,
    who: NDArray,
    labels: NDArray,
) -> NDArray[np.int64]:
    """Each digit's form: by its share in the world and the writer's habits."""
    usual = np.log([form.share for form in table])
    score = usual + people.habits[who] + rng.gumbel(size=(len(who), len(table)))
    digits = np.array([form.digit for form in table])
    return np.where(digits == labels[:, None], score, -np.inf).argmax(axis=1)


def _digits_of(
    form: Form, members: NDArray, who: NDArray, people: Hands, rng: np.random.Generator
) -> Floats:
    """Draw digits of one form, (n, 28, 28)."""
    n = len(members)
    haste = people.haste[who]
    strokes = []
    for text in form.strokes:
        points, corners = points_of(text)
        table = np.array(points)
        own = rng.normal(0, OWN, (len(people.haste), *table.shape))[who]
        missed = rng.standard_normal((n, *table.shape)) * people.carelessness[who][:, None, None]
        curve = curves.along(table + own + missed, tuple(corners))
        curve = curves.rounded(curve, people.roundness[who])
        curve = curves.cut(curve, *_ends(rng, haste, n))
        curve += rng.normal(0, 0.02 + 0.025 * haste[:, None, None], (n, 1, 2))  # gaps, crossings
        curve += people.tremor[who][:, None, None] * curves.wobble(rng, n, 12)
        strokes.append(curve.astype(np.float32))
    whole = np.concatenate(strokes, axis=1)
    whole = _in_the_hand(form, _bent(whole, rng), who, people, rng)
    whole = drawing.fitted(whole)
    parts = np.split(whole, len(strokes), axis=1)
    pens = people.pen[who] * np.exp(rng.normal(0, 0.06, n)) * drawing.BOX
    joined = (rng.random(n) < 0.25 * haste) & (len(strokes) > 1)
    pressures = [
        1 + people.pressure[who][:, None] * rng.uniform(-1, 1, (n, drawing.CHUNKS)) for _ in strokes
    ]
    images = np.empty((n, 28, 28), np.float32)
    for i in range(n):
        ways = [part[i] for part in parts]
        if joined[i]:
            ways = [np.concatenate(ways)]
        varies = people.pressure[who[i]] > 0
        pressure = [p[i] for p in pressures] if varies else None
        images[i] = drawing.prepared(drawing.drawn(ways, float(pens[i]), pressure))
    return images


def _ends(rng: np.random.Generator, haste: Floats, n: int) -> tuple[Floats, Floats]:
    """Where strokes begin and end, as shares of their way: a little early or late."""
    spread = 0.015 + 0.035 * haste
    return (rng.normal(0, spread, n).astype(np.float32)), (
        1 + rng.normal(0, spread, n).astype(np.float32)
    )


def _bent(strokes: Floats, rng: np.random.Generator) -> Floats:
    """Bend digits as a whole, by half a wave along each axis."""
    n = len(strokes)
    phase = rng.uniform(0, 2 * np.pi, (n, 1, 4))
    size = rng.normal(0, WARP, (n, 1, 4))
    x, y = strokes[..., :1], strokes[..., 1:]
    wave = size * np.sin(np.pi * np.concatenate([y, x, 2 * y, x], axis=2) + phase)
    return strokes + np.concatenate([wave[..., :1] + wave[..., 2:3] / 2, wave[..., 1:2]], axis=2)


def _in_the_hand(
    form: Form, strokes: Floats, who: NDArray, people: Hands, rng: np.random.Generator
) -> Floats:
    """Give digits the writer's width, slant and turn."""
    n = len(strokes)
    width = form.width * people.width[who] * np.exp(rng.normal(0, 0.08, n))
    slant = people.slant[who] + rng.normal(0, 0.05, n)
    turn = people.turn[who] + rng.normal(0, 0.04, n)
    x, y = (strokes[..., 0] - 0.5) * width[:, None], strokes[..., 1] - 0.5
    x = x - slant[:, None] * y
    cos, sin = np.cos(turn)[:, None], np.sin(turn)[:, None]
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=2)
