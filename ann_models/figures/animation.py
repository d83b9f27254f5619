"""Animations: one drawn background, on which only what moves is drawn again for each frame."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

DOTS_PER_INCH = 60
MILLISECONDS = 120  # a frame
LAST_MILLISECONDS = 2000


@dataclass(frozen=True, eq=False)
class Animation:
    """What one training looked like after some of its epochs.

    Attributes:
        epochs: of the frames, ascending; 0 is untrained.
        frames: (frames, height, width, 3), uint8.
    """

    epochs: list[int]
    frames: NDArray[np.uint8]

    def thinned(self, stride: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Epoch and frame of each `stride`-th frame, counted back from the last one."""
        first = (len(self.epochs) - 1) % stride
        yield from zip(self.epochs[first::stride], self.frames[first::stride], strict=True)

    def gif(self) -> bytes:
        """An animated GIF that repeats and rests on its last frame."""
        from PIL import Image

        *rest, last = (Image.fromarray(frame) for frame in self.frames)
        palette = last.quantize(method=Image.Quantize.FASTOCTREE)
        images = [i.quantize(palette=palette, dither=Image.Dither.NONE) for i in (*rest, last)]
        file = io.BytesIO()
        images[0].save(
            file,
            "GIF",
            save_all=True,
            append_images=images[1:],
            duration=[MILLISECONDS] * len(rest) + [LAST_MILLISECONDS],
            loop=0,
            optimize=False,
        )
        return file.getvalue()


def animate(
    figure: Figure, moving: Sequence[Artist], epochs: Sequence[int], update: Callable[[int], None]
) -> Animation:
    """Draw one frame for each epoch; the title of the first axes names it.

    Args:
        figure: with everything that does not move.
        moving: what `update` changes, in the order in which it is drawn on top.
        epochs: of the frames.
        update: called with the index of each frame.
    """
    figure.set_dpi(DOTS_PER_INCH)
    figure.set_layout_engine(None)  # measuring texts for a layout costs as much as all frames
    figure.subplots_adjust(left=0.13, right=0.96, bottom=0.16, top=0.9)
    canvas = FigureCanvasAgg(figure)
    title = figure.axes[0].title
    name = title.get_text()
    for artist in (*moving, title):
        artist.set_animated(True)
    canvas.draw()
    background = canvas.copy_from_bbox(figure.bbox)
    frames = []
    for i, epoch in enumerate(epochs):
        canvas.restore_region(background)
        update(i)
        title.set_text(f"{name}: epoch {epoch:,}")
        for artist in (*moving, title):
            figure.draw_artist(artist)
        frames.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return Animation(list(epochs), np.stack(frames))
