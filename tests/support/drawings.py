"""A seven drawn with the mouse, as files, and how alike two digits are."""

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

SEVEN = [(70, 60), (210, 60), (120, 230)]


def drawing(size=(280, 280), pen=22, stroke=SEVEN, ink=0, paper=255, mode="L") -> Image.Image:
    """A seven, drawn with the mouse."""
    image = Image.new(mode, size, paper)
    canvas = ImageDraw.Draw(image)
    canvas.line(stroke, fill=ink, width=pen, joint="curve")
    for x, y in stroke:
        canvas.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=ink)
    return image.filter(ImageFilter.GaussianBlur(1)) if mode in ("L", "RGB") else image


def encoded(image: Image.Image | np.ndarray, form: str = "PNG", **options) -> bytes:
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(file := io.BytesIO(), form, **options)
    return file.getvalue()


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Correlation of two digits; 1 for equal ones, about 0.3 for different ones."""
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])
