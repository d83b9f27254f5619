import numpy as np

from pipelines.evaluation import unipen

TEXT = """.INCLUDE dene.doc

.SEGMENT DIGIT 0 ? "1"
.COMMENT 1 12 224
.PEN_DOWN
 50 300
 50 100
.PEN_UP
.SEGMENT DIGIT 1 ? "7"
.PEN_DOWN
 0 300
 100 300
 50 100
.PEN_UP
.PEN_DOWN
 20 200
 80 200
.PEN_UP
.DT 100
.SEGMENT DIGIT 2 ? "4"
.SEGMENT DIGIT 3 without a label
.PEN_DOWN
 1 1
.PEN_UP
"""


def test_a_file_may_begin_with_its_first_segment():
    text = TEXT[TEXT.index(".SEGMENT") :]
    assert [label for _, label, _, _ in unipen.read(text, [])] == ["1", "7"]


def test_segments_are_read_with_their_label_and_writer():
    faults: list[str] = []
    found = list(unipen.read(TEXT, faults))
    assert [(name, label, writer) for name, label, writer, _ in found] == [
        ("segment 0", "1", "12"),
        ("segment 1", "7", None),
    ]
    assert len(faults) == 2
    assert "segment 2: it has no strokes" in faults[0]
    assert "segment 3" in faults[1] and "label" in faults[1]


def test_what_cannot_be_read_of_a_file_does_not_hide_what_follows():
    faults: list[str] = []
    segments = TEXT.split(".SEGMENT")[:0:-1]
    text = "".join(f"\n.SEGMENT{segment}" for segment in segments)
    assert [label for _, label, _, _ in unipen.read(text, faults)] == ["7", "1"]
    assert len(faults) == 2


def test_a_digit_is_drawn_as_on_the_page():
    (_, _, _, one), *_ = unipen.read(TEXT, [])
    assert one.shape == (280, 280)
    rows, columns = np.nonzero(one < 0.5)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (218, 18)
    assert abs((rows.min() + rows.max()) / 2 - 139.5) <= 0.5


def test_a_digit_of_any_size_is_drawn_black_on_white_at_the_pages_size():
    square = unipen.drawn([np.array([[0.0, 0.0], [3.0, 3.0]])])
    rows, columns = np.nonzero(square < 0.5)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (218, 218)
    assert (square.min(), square.max()) == (0, 1)


def test_only_points_of_a_pen_that_is_down_are_drawn():
    text = """.SEGMENT DIGIT 0 ? "1"
.COMMENT 2 12 224
.PEN_DOWN
.PEN_UP
 900 900
.PEN_DOWN
 50 300
.COMMENT on paper
 50
 50 100
.PEN_UP
"""
    ((_, label, writer, found),) = unipen.read(text, [])
    (_, _, _, one), *_ = unipen.read(TEXT, [])
    assert (label, writer) == ("1", None)  # its comment is of another digit
    np.testing.assert_array_equal(found, one)


def test_a_dot_is_as_large_as_the_pen_and_in_the_middle():
    rows, columns = np.nonzero(unipen.drawn([np.array([[5.0, 7.0]])]) < 0.5)
    for places in (rows, columns):
        assert np.ptp(places) + 1 == 18
        assert abs((places.min() + places.max()) / 2 - 139.5) <= 0.5


def test_y_points_up():
    _, (_, _, _, seven), *_ = unipen.read(TEXT, [])
    assert (seven[45] < 0.5).sum() > 3 * (seven[235] < 0.5).sum()


def test_other_texts_are_no_strokes():
    assert unipen.is_unipen(TEXT)
    assert not unipen.is_unipen("label,pixel0\n7,0")
    for half in (".SEGMENT", ".PEN_DOWN"):
        assert not unipen.is_unipen(TEXT.replace(half, ""))
