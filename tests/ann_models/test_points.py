"""Points of one's own: CSV with or without header in, arrays out, or the line that is wrong."""

import numpy as np
import pytest

from ann_models import datasets, points
from ann_models.errors import InvalidData

PLANE = "1,2,a\n3,4,b\n5,6,a\n7,8,b\n"
CURVE = "1,2\n3,4\n5,6\n7,8\n"


def read(tmp_path, text: str) -> points.Points:
    path = tmp_path / "mine.csv"
    path.write_text(text)
    return points.read(path)


@pytest.mark.parametrize("head", ["", "x1,x2,class\n", "# from my notebook\n\n"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_three_columns_are_a_classification(tmp_path, head, separator):
    found = read(tmp_path, (head + PLANE).replace(",", separator))
    assert found.kind == "classification"
    assert found.classes == ("a", "b")
    np.testing.assert_array_equal(found.x, [[1, 2], [3, 4], [5, 6], [7, 8]])
    np.testing.assert_array_equal(found.y, [[0], [1], [0], [1]])


@pytest.mark.parametrize("head", ["", "x,y\n"])
def test_two_columns_are_a_regression(tmp_path, head):
    found = read(tmp_path, head + CURVE)
    assert found.kind == "regression"
    np.testing.assert_array_equal(found.x[:, 0], [1, 3, 5, 7])
    np.testing.assert_array_equal(found.y[:, 0], [2, 4, 6, 8])


@pytest.mark.parametrize(
    ("head", "header"),
    [
        *(("", 0), ("x1,x2,class\n", 1), ("# mine\n\nx1,x2,class\n", 1), ("# a\n", 0)),
        *(("1st,2nd,3rd\n", 1), ("1,2nd,class\n", 0), ("2 years ago,10 Jahre,class\n", 1)),
    ],
)
def test_a_header_is_a_line_of_names_after_comments(tmp_path, head, header):
    (tmp_path / "mine.csv").write_text(head + PLANE)
    assert points.layout(tmp_path / "mine.csv").header == header


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("separator", [";", "\t"])
def test_what_a_spreadsheet_writes_is_read(tmp_path, encoding, separator):
    lines = ["x1;x2;Klasse", "1,5;2;rot, hell", "-3,25;4;blau", "5;6e1;blau", "7;8;blau"]
    path = tmp_path / "mine.csv"
    path.write_text("\n".join(lines).replace(";", separator), encoding)
    found = points.read(path)
    np.testing.assert_array_equal(found.x, [[1.5, 2], [-3.25, 4], [5, 60], [7, 8]])
    assert found.classes == ("blau", "rot, hell")
    assert points.layout(path).decimal_comma


def test_numeric_classes_keep_their_order(tmp_path):
    assert read(tmp_path, PLANE.replace("a", "10").replace("b", "9")).classes == ("9", "10")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no points"),
        ("x,y\n", "has no points"),
        ("1,2,3,4\n", "line 1: 4 columns"),
        (CURVE + "9,ten\n", "line 5: 'ten' is no number"),
        (CURVE + "9,nan\n", "line 5: nan is not finite"),
        (CURVE + "9,1e39\n", "line 5: 1e39 is not finite, as a number of 32 bits"),
        ("O.5,1.2\n" + CURVE, "line 1: 'O.5' is no number"),
        ("0.5x,1.2y\n" + CURVE, "line 1: '0.5x' is no number"),
        ("x,1\n" + CURVE, "line 1: 'x' is no number"),
        ("O.5,1.2,a\n" + PLANE, "line 1: 'O.5' is no number"),
        ("O.5,l.2,1\n" + PLANE.replace("a", "0").replace("b", "1"), "line 1: 'O.5' is no number"),
        ("O.5;1,2\n" + CURVE.replace(",", ";"), "line 1: 'O.5' is no number"),
        (CURVE + "9\n", "line 5 has 1 columns, the first 2"),
        (PLANE + "9,inf,a\n", "line 5: inf is not finite"),
        (PLANE + "9,9,\n", "line 5 has no class"),
        (PLANE.replace("b", "a"), "the class 'a' alone .* add points of another one"),
        (PLANE + "1,1,c\n", r"3 classes \(a, b, c\) .* expected two: join or leave out the others"),
        (PLANE + "".join(f"1,1,{c}\n" for c in "cdefg"), r"7 classes \(a, b, c, d, e…\)"),
        ("1.000,5;2\n" + CURVE.replace(",", ";"), "line 1: '1.000,5' is no number"),
        (CURVE[:-4], "has 3 points; expected 4"),
        (CURVE.replace("3,", "1,").replace("5,", "1,").replace("7,", "1,"), "every x is 1"),
    ],
)
def test_what_cannot_be_learned_from_is_refused_with_the_line(tmp_path, text, message):
    with pytest.raises(InvalidData, match=message):
        read(tmp_path, text)


def test_many_faults_are_counted_and_the_first_are_said(tmp_path):
    with pytest.raises(InvalidData, match="and 5 more"):
        read(tmp_path, CURVE + "a,b\n" * 5)
    with pytest.raises(InvalidData, match=r"line 9: 'a' is no number\. Correct these"):
        read(tmp_path, CURVE + "a,1\n" * 5)


def test_a_missing_file_and_a_picture_are_refused(tmp_path):
    with pytest.raises(InvalidData, match="there is no file"):
        points.read(tmp_path / "mine.csv")
    (tmp_path / "mine.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(InvalidData, match="cannot be read as text"):
        points.read(tmp_path / "mine.png")


def test_a_text_of_an_earlier_windows_encoding_is_refused_with_what_to_choose(tmp_path):
    (tmp_path / "mine.csv").write_bytes(PLANE.replace("a", "früh").encode("cp1252"))
    with pytest.raises(InvalidData, match=r'0xfc.*Save it as UTF-8, in Excel "CSV UTF-8"'):
        points.read(tmp_path / "mine.csv")


def test_a_part_can_be_held_out_for_validation(tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("".join(f"{i},{i % 2},{i % 2}\n" for i in range(40)))
    data = datasets.generate(f"held_out points:{path}", 0)
    assert data.source == "own"
    x_train, x_val = data.arrays["x_train"], data.arrays["x_val"]
    assert len(x_train) + len(x_val) == 40
    assert 10 <= len(x_val) <= 14
    assert set(data.arrays["y_val"].ravel()) == {0, 1}


def test_every_third_point_of_a_curve_is_held_out_but_for_its_ends():
    x = np.array([[4, 0, 9, 2, 7, 1, 8, 3, 6, 5]], np.float32).T
    parts = points.held_out(points.Points(x, 10 * x))
    assert parts["x_val"].ravel().tolist() == [4, 7, 1]
    assert parts["x_train"].ravel().tolist() == [0, 9, 2, 8, 3, 6, 5]
    for part in ("train", "val"):
        np.testing.assert_array_equal(parts[f"y_{part}"], 10 * parts[f"x_{part}"])


def test_of_a_classification_a_third_of_each_class_is_held_out():
    y = np.array([[0], [1]] * 30, np.float32)
    found = points.Points(np.arange(120, dtype=np.float32).reshape(60, 2), y, ("a", "b"))
    held_out = points.held_out(found)["y_val"]
    assert np.bincount(held_out.ravel().astype(int)).tolist() == [10, 10]


@pytest.mark.parametrize(
    ("column", "noted"),
    [
        ([10, 10], False),
        ([10.5, 10.5], True),
        ([-10.5, -10.5], True),
        ([-10, 10], False),
        ([-10.5, 10.5], True),
    ],
    ids=str,
)
def test_a_column_is_unusual_from_a_mean_or_a_deviation_above_ten(column, noted):
    x = np.array(column, np.float32)[:, None]
    assert bool(points.scale_notes(x, np.zeros((2, 1), np.float32))) is noted


def test_columns_in_units_from_which_nothing_is_learned_are_named_with_their_range():
    x = np.array([[93, 0.5], [106, -2], [100, 1]], np.float32)
    (sentence,) = points.scale_notes(x, np.array([[0], [1], [1]], np.float32))
    assert sentence.startswith("x1 lies between 93 and 106; the networks expect about −3 to 3")
    years = np.array([[1990], [2000], [2010]], np.float32)
    names = [sentence.split()[0] for sentence in points.scale_notes(years, 1e6 + 1e3 * years)]
    assert names == ["x", "y"]


@pytest.mark.parametrize("name", ["linear", "nonlinear", "cubic", "ten_points", "xor"])
def test_nothing_is_said_of_numbers_as_the_lectures(name):
    arrays = datasets.generate(name, 0).arrays
    assert points.scale_notes(arrays["x_train"], arrays["y_train"]) == []
