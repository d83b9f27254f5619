import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digit_images import ink
from digit_images.ink import NoInk, contrast_with_paper, find_ink


def sheet(*boxes: tuple[int, int, int, int], level: float = 1.0) -> np.ndarray:
    """Ink in boxes (top, left, height, width) on a paper of 100 × 100 pixels."""
    paper = np.zeros((100, 100), np.float32)
    for top, left, height, width in boxes:
        paper[top : top + height, left : left + width] = level
    return paper


@pytest.mark.parametrize("paper, pen", [(1.0, 0.1), (0.0, 0.8), (0.6, 0.2)])
def test_ink_is_positive_on_dark_and_on_light_paper(paper, pen):
    contrast = contrast_with_paper(np.where(sheet((20, 40, 60, 10)) > 0, pen, paper))
    assert contrast[50, 45] > 0.3
    assert abs(contrast[5, 5]) < 1e-6


def test_a_faint_pen_counts_as_full_ink():
    assert find_ink(sheet((20, 40, 60, 10), level=0.2)).max() == 1


def test_specks_and_frames_are_left_out():
    found = find_ink(sheet((20, 40, 60, 10), (50, 80, 2, 2), (0, 0, 100, 3)))
    assert found[50, 45] == 1
    assert found[50, 80] == found[50, 1] == 0


def test_a_second_part_of_a_digit_is_kept():
    assert find_ink(sheet((30, 40, 60, 10), (15, 40, 6, 30)))[18, 60] == 1


def test_blank_paper_has_no_ink_and_says_what_was_expected():
    with pytest.raises(NoInk, match=r"strongest contrast is 0.0%; expected 5.0% or more"):
        find_ink(sheet())


@settings(deadline=None)
@given(st.integers(1, 30), st.integers(1, 30), st.floats(0.05, 0.9), st.integers(0, 2**32))
def test_parts_are_numbered_as_a_search_finds_them(height, width, share, seed):
    mask = np.random.default_rng(seed).random((height, width)) < share
    numbers = ink._connected(mask)
    np.testing.assert_array_equal(numbers > 0, mask)
    left, parts = set(zip(*np.nonzero(mask), strict=True)), 0
    while left:
        parts, border, part = parts + 1, [left.pop()], set()
        while border:
            part.add(place := border.pop())
            y, x = place
            near = {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)} & left
            left -= near
            border += near
        assert len({numbers[place] for place in part}) == 1
    assert len(np.unique(numbers[mask])) == parts
