"""Ink is found on any paper, in any light, with any pen; grain, specks and frames are not ink."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digit_images import ink
from digit_images.ink import FAINTEST, NoInk, contrast_with_paper, find_ink, prepare
from digit_images.normalization import is_mnist_form, normalize


def sheet(*boxes: tuple[int, int, int, int], level: float = 1.0) -> np.ndarray:
    """Ink in boxes (top, left, height, width) on a paper of 100 × 100 pixels."""
    paper = np.zeros((100, 100), np.float32)
    for top, left, height, width in boxes:
        paper[top : top + height, left : left + width] = level
    return paper


@pytest.mark.parametrize("paper, pen", [(1.0, 0.1), (0.0, 0.8), (0.6, 0.2)])
def test_ink_is_positive_on_dark_and_on_light_paper(paper, pen):
    contrast = contrast_with_paper(np.where(sheet((20, 40, 60, 10)) > 0, pen, paper))
    assert contrast[50, 45] == pytest.approx(abs(paper - pen), abs=1e-6)
    assert contrast[5, 5] == 0


def test_the_paper_has_the_median_of_its_levels():
    levels = np.repeat([200, 201, 202], [40, 30, 30])  # in each 100 pixels
    paper = np.tile(levels, (100, 1)).astype(np.float32) / 255
    assert not contrast_with_paper(paper)[:, levels == 201].any()


@pytest.mark.parametrize("darkest", [0.4, 0.02])
def test_a_shadow_dims_ink_and_paper_alike(darkest):
    light = np.linspace(darkest, 1, 100, dtype=np.float32) * np.ones((100, 1), np.float32)
    ink_in = sheet((20, 30, 60, 4), (20, 80, 60, 4)) > 0
    contrast = contrast_with_paper(np.where(ink_in, 0.2 * light, light))
    assert np.abs(contrast[~ink_in]).max() < 0.02
    expected = 0.8 * light.mean()  # where the paper is no darker than 0.2
    np.testing.assert_allclose(contrast[50, [32, 82]], expected, rtol=0.06)


def test_a_faint_pen_counts_as_full_ink():
    assert find_ink(sheet((20, 40, 60, 10), level=0.2)).max() == 1


def test_a_spot_that_is_darker_than_the_pen_counts_as_full_ink_too():
    found = find_ink(sheet((20, 40, 60, 10), level=0.6) + sheet((40, 42, 2, 5), level=0.4))
    assert found.max() == 1
    assert (found[25:75, 41:49] == 1).all()


def test_the_faintest_ink_that_is_seen_has_a_twentieth_of_the_contrast():
    assert find_ink(sheet((20, 40, 60, 10), level=FAINTEST)).max() == 1
    with pytest.raises(NoInk):
        find_ink(sheet((20, 40, 60, 10), level=0.99 * FAINTEST))


def test_ink_must_stand_out_from_the_papers_grain_and_grain_is_not_ink():
    grain = 0.03 * np.random.default_rng(0).choice([-1, 1], (100, 100)).astype(np.float32)
    with pytest.raises(NoInk, match=r"7\.7 times the grain's; expected 10 times or more"):
        find_ink(grain + sheet((20, 40, 60, 10), level=0.2))
    found = find_ink(grain + sheet((20, 40, 60, 10), level=0.6))
    assert not found[:, :30].any()
    assert (found[25:75, 42:48] > 0.8).all()


@pytest.mark.parametrize(("level", "kept"), [(0.14, 0), (0.16, 0.16)])
def test_a_grey_of_less_than_15_percent_of_the_ink_is_paper(level, kept):
    found = find_ink(sheet((20, 40, 60, 10)) + sheet((20, 50, 60, 10), level=level))
    assert found[50, 55] == pytest.approx(kept, abs=1e-6)


def test_on_grainy_paper_at_most_30_percent_of_the_ink_is_taken_for_paper():
    grain = 0.09 * np.random.default_rng(0).choice([-1, 1], (100, 100)).astype(np.float32)
    found = find_ink(grain + sheet((20, 40, 60, 10)) + sheet((20, 50, 60, 10), level=0.45))
    assert (found[25:75, 52:58] > 0.3).all()


@pytest.mark.parametrize(("side", "kept"), [(5, False), (7, True)])
def test_less_than_a_twentieth_of_the_heaviest_part_is_a_speck(side, kept):
    found = find_ink(sheet((20, 40, 60, 10), (60, 70, side, side)))
    assert found[60 : 60 + side, 70 : 70 + side].any() == kept


@pytest.mark.parametrize(("edge", "kept"), [(9, False), (14, True)])
def test_what_lies_wholly_in_the_outer_tenth_is_a_frame(edge, kept):
    found = find_ink(sheet((20, 40, 60, 10), (0, 0, edge, 100)))
    assert found[2, 50] == kept
    found = find_ink(sheet((20, 40, 60, 10), (0, 100 - edge, 100, edge)))
    assert found[50, 97] == kept


def test_specks_alone_are_no_digit():
    with pytest.raises(NoInk, match="Only specks"):
        find_ink(np.pad(np.ones((2, 2), np.float32), 500))


def test_a_picture_in_mnists_form_is_not_changed():
    digit = normalize(sheet((20, 40, 60, 10)))
    assert prepare(digit) is digit
    enlarged = np.kron(digit, np.ones((3, 3), np.float32))
    np.testing.assert_allclose(prepare(enlarged), digit, atol=1e-6)


def test_any_other_picture_is_brought_to_it():
    prepared = prepare(1 - sheet((20, 30, 60, 10), (70, 30, 10, 50)))
    assert is_mnist_form(prepared)
    with pytest.raises(NoInk):
        prepare(np.zeros((28, 28), np.float32))


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
    numbers = ink.connected(mask)
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
