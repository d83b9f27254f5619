"""What an entry's `data` says is read, checked, and written again."""

import re
from pathlib import Path

import pytest

from ann_models.data_name import (
    LARGEST,
    SMALLEST,
    DataName,
    absolute,
    names_points,
    parse,
    short,
)
from ann_models.errors import InvalidSetting, UnknownName


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cubic", DataName("cubic")),
        ("cubic size=200 noise=0.1", DataName("cubic", 200, 0.1)),
        ("linear noise=0.5", DataName("linear", noise=0.5)),
        ("digits", DataName("digits")),
        ("points:/home/me/my points.csv", DataName("points:/home/me/my points.csv")),
        ("held_out points:a.csv", DataName("points:a.csv", held_out=True)),
        ("images:letters=/home/me/my letters", DataName("images:letters=/home/me/my letters")),
    ],
)
def test_a_data_set_is_read_and_written_as_the_same_text(text, found):
    assert parse(text) == found
    assert str(found) == text


def test_the_size_that_the_lecture_draws_is_not_written():
    for name in ("linear", "nonlinear", "cubic"):
        assert parse(f"{name} size=1000") == DataName(name)
    assert str(parse("cubic noise=0")) == "cubic"


@pytest.mark.parametrize(
    ("text", "is_file", "is_images", "path"),
    [
        ("points:a.csv", True, False, "a.csv"),
        ("images:letters=a", False, True, "letters=a"),
        ("cubic", False, False, "cubic"),
    ],
)
def test_points_and_pictures_of_ones_own_have_a_path(text, is_file, is_images, path):
    found = parse(text)
    assert (found.is_file, found.is_images, found.path) == (is_file, is_images, path)


@pytest.mark.parametrize(
    ("text", "held_out"),
    [
        ("held_out points:a.csv", True),
        ("ten_points_held_out", True),
        ("points:a.csv", False),
        ("ten_points", False),
    ],
)
def test_points_are_for_validation_where_the_text_says_so(text, held_out):
    assert parse(text).has_validation is held_out


@pytest.mark.parametrize(
    ("text", "of_ones_own"),
    [
        ("points:a", True),
        ("held_out points:a", True),
        ("mine.csv", True),
        ("mine.TSV", True),
        ("my.Txt", True),
        ("cubic", False),
        ("images:letters=a.png", False),
    ],
)
def test_a_file_of_points_is_named_by_its_prefix_or_its_suffix(text, of_ones_own):
    assert names_points(text) is of_ones_own


def test_a_short_name_has_no_folder_of_this_machine_and_tells_files_apart(tmp_path, monkeypatch):
    first, second = (short(f"points:{tmp_path}/{folder}/mine.csv") for folder in "ab")
    assert first != second
    assert re.fullmatch(r"mine\.csv-[0-9a-f]{6}", first)
    monkeypatch.chdir(tmp_path)
    assert short("a/mine.csv") == short("held_out points:a/mine.csv") == first
    assert short(f"images:letters={tmp_path}/a=b") == "letters"
    assert short("cubic size=200") == "cubic size=200"


@pytest.mark.parametrize("size", [SMALLEST, LARGEST])
def test_the_smallest_and_the_largest_size_are_taken(size):
    assert parse(f"cubic size={size}").size == size


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"cubic size={SMALLEST - 1}", "expected 10 to 1,000,000 points"),
        (f"cubic size={LARGEST + 1}", "expected 10 to 1,000,000 points"),
        ("cubic size=many", "data.size=many: expected a whole number"),
        ("xor size=100", "xor has a fixed size; linear, nonlinear, cubic are drawn in any size"),
        ("cubic noise=-0.1", "expected 0 to 1,000,000"),
        ("digits noise=0.1", "takes no noise; augmentation.noise adds noise to digits"),
        ("gates noise=0.1", "gates takes no noise\\."),
        ("cubic sizes=100", "did you mean size"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_is_expected(text, message):
    with pytest.raises(InvalidSetting, match=message):
        parse(text)


@pytest.mark.parametrize("text", ["cubik", ""])
def test_an_unknown_name_is_answered_with_those_that_are_known(text):
    with pytest.raises(UnknownName, match=r"(did you mean cubic|expected one of none, gates)"):
        parse(text)


def test_a_path_is_absolute_from_a_folder(tmp_path):
    assert absolute("a/../b.csv", tmp_path) == tmp_path / "b.csv"
    assert absolute(str(tmp_path), Path("/elsewhere")) == tmp_path


@pytest.mark.parametrize("text", ["~nosuchuser/a.csv", "a\0.csv", "a" * 5000], ids=[1, 2, 3])
def test_what_can_be_no_path_is_refused(text):
    with pytest.raises(InvalidSetting, match=r"is no path that can be read: [^.]*\w\.$"):
        absolute(text)
