import pytest

from ann_models.digits.handwriting.forms import FORMS, points_of


def test_every_digit_has_several_forms_with_names_of_their_own():
    for digit in range(10):
        names = [form.name for form in FORMS if form.digit == digit]
        assert len(names) >= 7
        assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    "digit, parts",
    [
        (1, ["bar", "flag", "flag and foot"]),
        (2, ["angular", "loop"]),
        (3, ["round", "flat top"]),
        (4, ["open", "closed", "crossing stem"]),
        (5, ["one stroke", "separate roof"]),
        (6, ["straight", "round", "curled", "open loop"]),
        (7, ["plain", "barred", "serif", "serif and bar"]),
        (8, ["one stroke", "two rings"]),
        (9, ["straight", "round", "curled tail", "open loop"]),
        (0, ["round", "slender", "not closed"]),
    ],
)
def test_the_forms_of_the_world_are_there(digit, parts):
    assert set(parts) <= {form.name for form in FORMS if form.digit == digit}


def test_every_stroke_lies_in_its_box():
    for form in FORMS:
        for stroke in form.strokes:
            points, corners = points_of(stroke)
            assert len(points) == len(corners) >= 2
            assert all(-0.01 <= at <= 1.13 for point in points for at in point), form


def test_corners_are_marked_by_a_star():
    assert points_of("0,22 75,0* 70,100") == (
        [(0, 0.22), (0.75, 0), (0.7, 1)],
        [False, True, False],
    )


def test_a_digit_is_at_most_as_wide_as_four_fifths_of_its_height():
    assert all(0.1 < form.width <= 0.8 for form in FORMS)


def test_no_form_is_twenty_times_as_frequent_as_another():
    assert all(0.15 <= form.share <= 3 for form in FORMS)


@pytest.mark.parametrize("text", ["", "10,20", "10 20 30 40", "1,2 a,b"])
def test_what_is_no_stroke_is_named(text):
    with pytest.raises(ValueError, match="stroke"):
        points_of(text)
