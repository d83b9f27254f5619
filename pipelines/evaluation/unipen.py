"""Pen strokes in UNIPEN's text form, drawn as the service's page draws them.

Guyon et al., "UNIPEN project of on-line data exchange and recognizer benchmarks" (ICPR 1994), as
far as UCI's "Pen-Based Recognition of Handwritten Digits" uses it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SHEET, DIGIT, PEN = 280, 200, 18  # pixels of the page's sheet, of the digit on it, of the pen
FINER = 2  # drawn this many times as large, then averaged

_SEGMENT = re.compile(r"\.SEGMENT\s+\S+\s+\S+\s+\S+\s+\"(?P<label>[^\"]*)\"")
_COMMENT = re.compile(r"\.COMMENT\s+(?P<label>\d)\s+(?P<writer>\d+)\s+\d+\s*$")


def is_unipen(text: str) -> bool:
    """Whether a text has segments of pen strokes."""
    return ".SEGMENT" in text and ".PEN_DOWN" in text


def read(
    text: str, faults: list[str]
) -> Iterator[tuple[str, str, str | None, NDArray[np.float32]]]:
    """The name, label, writer and drawing of each segment; one without strokes is a fault."""
    for number, part in enumerate(f"\n{text}".split("\n.SEGMENT")[1:]):
        head, *lines = (".SEGMENT" + part).splitlines()
        name, found = f"segment {number}", _SEGMENT.match(head)
        if found is None:
            faults.append(f"{name}: {head.strip()!r} names no label in quotation marks.")
            continue
        comments = (_COMMENT.match(line.strip()) for line in lines)
        writer = next((c["writer"] for c in comments if c and c["label"] == found["label"]), None)
        strokes = _strokes(lines)
        if not strokes:
            faults.append(f"{name}: it has no strokes.")
            continue
        yield name, found["label"], writer, drawn(strokes)


def _strokes(lines: list[str]) -> list[NDArray[np.float64]]:
    strokes: list[list[tuple[float, float]]] = []
    down = False
    for line in lines:
        words = line.split()
        if words[:1] == [".PEN_DOWN"]:
            down = True
            strokes.append([])
        elif words[:1] == [".PEN_UP"]:
            down = False
        elif down and len(words) >= 2:
            try:
                strokes[-1].append((float(words[0]), float(words[1])))
            except ValueError:
                continue
    return [np.array(stroke) for stroke in strokes if stroke]


def drawn(strokes: list[NDArray[np.float64]]) -> NDArray[np.float32]:
    """Strokes (points, 2), y up, as a grey picture (280, 280): black on white, as on the page."""
    points = np.concatenate(strokes)
    low, high = points.min(axis=0), points.max(axis=0)
    scale = DIGIT / max(float((high - low).max()), 1e-9)
    side, pen = SHEET * FINER, PEN * FINER
    paper = Image.new("L", (side, side), 255)
    draw = ImageDraw.Draw(paper)
    for stroke in strokes:
        placed = (stroke - (low + high) / 2) * scale * (1, -1) + SHEET / 2
        on_sheet = placed * FINER
        draw.line(on_sheet.ravel().tolist(), 0, pen, joint="curve")
        for x, y in on_sheet.tolist():
            draw.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), 0)
    small = paper.resize((SHEET, SHEET), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / np.float32(255)
