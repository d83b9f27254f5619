"""Animations: a frame an epoch over one background, and the file they become."""

import io

import numpy as np
from PIL import Image

from ann_models.figures import style
from ann_models.figures.animation import Animation, animate


def some_frames(count):
    """A red column that moves one pixel to the right each frame, on white."""
    frames = np.full((count, 4, 6, 3), 255, np.uint8)
    for i, frame in enumerate(frames):
        frame[:, i] = 255, 0, 0
    return frames


def test_thinned_frames_end_with_the_last_one():
    frames = np.zeros((4, 2, 2, 3), np.uint8)
    assert [epoch for epoch, _ in Animation([0, 1, 4, 9], frames).thinned(2)] == [1, 9]
    assert [epoch for epoch, _ in Animation([0, 1, 4], frames[:3]).thinned(2)] == [0, 4]


def test_every_frame_is_kept_with_a_stride_of_1():
    assert [epoch for epoch, _ in Animation([0, 2, 4], some_frames(3)).thinned(1)] == [0, 2, 4]


def test_a_thinned_frame_is_that_of_its_epoch():
    frames = some_frames(5)
    for epoch, frame in Animation([0, 1, 2, 3, 4], frames).thinned(2):
        assert (frame == frames[epoch]).all()


def test_the_file_repeats_and_rests_on_its_last_frame():
    with Image.open(io.BytesIO(Animation([0, 1, 2], some_frames(3)).gif())) as file:
        assert (file.format, file.n_frames, file.size) == ("GIF", 3, (6, 4))
        assert file.info["loop"] == 0
        durations = []
        for frame in range(file.n_frames):
            file.seek(frame)
            durations.append(file.info["duration"])
    assert durations == [120, 120, 2000]


def test_the_frames_of_the_file_have_their_colours():
    with Image.open(io.BytesIO(Animation([0, 1], some_frames(2)).gif())) as file:
        for frame in (0, 1):
            file.seek(frame)
            picture = np.asarray(file.convert("RGB"))
            assert picture[2, frame].tolist() == [255, 0, 0]
            assert picture[2, 1 - frame].tolist() == [255, 255, 255]


def a_drawing(epochs=(0, 1000)):
    """A horizontal line that rises from the lower half of the panel to the upper one."""
    figure, axes = style.panel("Curve", "x", "y", (4, 3))
    axes.set(xlim=(0, 1), ylim=(0, 1))
    (line,) = axes.plot([], [], color="black", linewidth=4)
    titles = []

    def update(i):
        titles.append(axes.get_title())
        line.set_data([0, 1], [(0.25, 0.75)[i]] * 2)

    return animate(figure, [line], epochs, update), axes, titles


def test_a_frame_is_drawn_for_each_epoch_in_60_dots_an_inch():
    animation, _, titles = a_drawing()
    assert animation.epochs == [0, 1000]
    assert animation.frames.shape == (2, 180, 240, 3)
    assert animation.frames.dtype == np.uint8
    assert len(titles) == 2


def test_what_moves_is_where_it_belongs_and_leaves_nothing_behind():
    first, second = a_drawing()[0].frames
    below_the_title, middle = 30, first.shape[1] // 2
    low, high = (
        np.flatnonzero(frame[below_the_title:, middle].max(axis=1) < 60)
        for frame in (first, second)
    )
    assert len(low) == len(high) == 3
    assert high.max() < low.min() - 50


def test_the_title_names_the_epoch_with_its_thousands():
    _, axes, titles = a_drawing()
    assert titles == ["Curve", "Curve: epoch 0"]
    assert axes.get_title() == "Curve: epoch 1,000"
