"""Image data sets of one's own: whatever form they have, arrays in MNIST's form, or why not."""

import gzip

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ann_models import datasets
from ann_models.digits import idx
from ann_models.digits.image_sets import (
    ImageSet,
    classes_of,
    in_form,
    load,
    parse,
)
from ann_models.errors import InvalidData, InvalidSetting
from serving.images import to_digit, to_picture

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (40, 28, 28), np.uint8)
Y = np.arange(40, dtype=np.uint8) % 4


def write_idx(path, array: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = idx.header(array.shape) + array.tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def alphabet(folder, letters: str = "ABC", each: int = 12, paper="white", height=24.0):
    for letter in letters:
        (folder / letter).mkdir(parents=True)
        for number in range(each):
            image = Image.new("RGB", (60, 80), paper)
            ink = "black" if paper == "white" else "white"
            font_size = height + number / 2  # no two alike
            ImageDraw.Draw(image).text((20, 30), letter, fill=ink, font_size=font_size)
            image.save(folder / letter / f"{number}.png")
    return folder


class TestForms:
    @pytest.mark.parametrize("scale", [1, 255])
    def test_keras_npz(self, tmp_path, scale):
        x = X if scale == 1 else X.astype(np.float32) / 255
        np.savez(tmp_path / "a.npz", x_train=x, y_train=Y, x_test=1 - x[:8], y_test=Y[:8])
        found = load(ImageSet("mine", str(tmp_path / "a.npz")))
        np.testing.assert_array_equal(found.train[0], X)
        assert found.classes == ("0", "1", "2", "3")
        assert found.test is not None

    def test_whole_numbers_with_a_point_name_classes_without_it(self, tmp_path):
        labels = np.where(Y, Y, -0.0)
        np.savez(tmp_path / "a.npz", x_train=X, y_train=labels, x_test=X[:8], y_test=Y[:8])
        assert load(ImageSet("mine", str(tmp_path / "a.npz"))).classes == ("0", "1", "2", "3")

    def test_one_grey_channel_may_be_an_axis(self, tmp_path):
        np.savez(tmp_path / "a.npz", x_train=X[..., np.newaxis], y_train=Y)
        np.testing.assert_array_equal(load(ImageSet("mine", str(tmp_path / "a.npz"))).train[0], X)

    @pytest.mark.parametrize("folder", ["", "raw", "MNIST/raw"])
    @pytest.mark.parametrize("name", ["-idx", ".idx"])
    @pytest.mark.parametrize("suffix", ["", ".gz"])
    def test_idx_as_lecun_kaggle_and_torchvision_have_it(self, tmp_path, folder, name, suffix):
        for key, array in (("x_train", X), ("y_train", Y)):
            file = idx.NAMES[key].replace("-idx", name) + suffix
            write_idx(tmp_path / folder / file, array)
        found = load(ImageSet("mine", str(tmp_path)))
        np.testing.assert_array_equal(found.train[0], X)
        assert found.test is None

    def test_kaggles_archive_has_each_file_in_a_folder_of_its_name(self, tmp_path):
        for key, array in (("x_train", X), ("y_train", Y)):
            dotted = idx.NAMES[key].replace("-idx", ".idx")
            write_idx(tmp_path / dotted / dotted, array)
        np.testing.assert_array_equal(load(ImageSet("mine", str(tmp_path))).train[1], Y)

    def test_a_folder_with_a_subfolder_a_class(self, tmp_path):
        found = load(ImageSet("letters", str(alphabet(tmp_path))))
        assert found.classes == ("A", "B", "C")
        assert found.train[0].shape == (36, 28, 28)
        assert np.bincount(found.train[1]).tolist() == [12, 12, 12]

    def test_subfolders_train_and_test_are_the_two_parts(self, tmp_path):
        alphabet(tmp_path / "train")
        alphabet(tmp_path / "test", each=4, height=24.25)
        found = load(ImageSet("letters", str(tmp_path)))
        assert found.test is not None
        assert len(found.test[1]) == 12
        assert found.notes == ()

    @pytest.mark.parametrize("paper", ["white", "black"])
    def test_ink_is_bright_on_dark_whatever_the_paper(self, tmp_path, paper):
        alphabet(tmp_path, paper=paper, each=6)
        image = in_form(tmp_path / "A" / "0.png")
        assert image[0].max() < 60
        assert image.max() > 120

    def test_a_picture_has_the_form_to_which_the_service_brings_it(self, tmp_path):
        file = alphabet(tmp_path) / "B" / "1.png"
        served = to_digit(file.read_bytes())
        np.testing.assert_allclose(in_form(file) / 255, served, atol=1 / 255)

    def test_a_picture_of_28_by_28_pixels_is_taken_as_it_is(self, tmp_path):
        Image.fromarray(X[0]).save(tmp_path / "a.png")
        np.testing.assert_array_equal(in_form(tmp_path / "a.png"), X[0])
        np.testing.assert_array_equal(
            in_form(tmp_path / "a.png"), to_picture((tmp_path / "a.png").read_bytes()) * 255
        )

    def test_an_enlarged_picture_in_mnists_form_keeps_its_grey_levels(self, tmp_path):
        digit = np.pad(np.full((20, 20), 230, np.uint8), 4)  # 230: little more than 0.9 of full ink
        Image.fromarray(np.kron(digit, np.ones((2, 2), np.uint8))).save(tmp_path / "a.png")
        np.testing.assert_array_equal(in_form(tmp_path / "a.png"), digit)

    def test_the_classes_are_known_without_reading_every_picture(self, tmp_path):
        alphabet(tmp_path)
        (tmp_path / "B/3.png").write_bytes(b"no picture")
        assert classes_of(ImageSet("letters", str(tmp_path))) == ("A", "B", "C")
        assert len(classes_of(parse("fashion-mnist"))) == 10


def test_the_text_of_an_entry_names_it_again(tmp_path):
    for text in ("fashion-mnist", f"mine={tmp_path}"):
        assert str(parse(text)) == text


class TestFaults:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("fashion", "expected fashion-mnist or NAME=PATH"),
            ("mnist=.", "the name of another data set"),
            ("offline-digits=.", "the name of another data set"),
            ("A/B=.", "is no name of a data set"),
            ("x=.", "'x' is no name of a data set; expected 2 to 41 lower-case letters"),
            ("letters", "no image data set is called 'letters'; expected fashion-mnist or NAME="),
            ("letters=", "'letters=' has no path after its =; expected fashion-mnist or NAME="),
            ("=letters", "'=letters' has no name before its =; expected fashion-mnist or NAME="),
            ("mine=nowhere", "there is no"),
        ],
    )
    def test_a_text_that_names_no_set_is_refused(self, text, message):
        with pytest.raises(InvalidSetting, match=message):
            parse(text)

    @pytest.mark.parametrize(
        ("arrays", "message"),
        [
            ({"x_train": X}, "has no y_train"),
            ({"x_train": X, "y_train": Y[:5]}, "40 pictures and 5 labels"),
            ({"x_train": X[:, :20], "y_train": Y}, "expected \\(n, 28, 28\\)"),
            ({"x_train": X, "y_train": Y * 0}, "has 1 class;"),
            ({"x_train": X, "y_train": Y + 0.5}, r"y_train has labels .* such as 0\.5; give each"),
            ({"x_train": X, "y_train": np.where(Y, Y, np.nan)}, "y_train has labels .* nan"),
            ({"x_train": X, "y_train": np.where(Y, Y, np.inf)}, "y_train has labels .* inf"),
            ({"x_train": X, "y_train": np.where(Y, Y, 1e30)}, r"y_train has labels .* 1e\+30"),
            (
                {"x_train": X, "y_train": Y, "x_test": 1 - X, "y_test": Y + 0.5},
                "y_test has labels that are no whole numbers",
            ),
            ({"x_train": X.astype(np.float32) * 9, "y_train": Y}, "expected 0 to 255"),
            ({"x_train": X * np.nan, "y_train": Y}, "no numbers"),
            ({"x_train": X, "y_train": np.minimum(np.arange(40), 1)}, "6 training pictures"),
            ({"x_train": X, "y_train": Y, "classes": np.array(["a"])}, "names 1 classes"),
            (
                {"x_train": X, "y_train": Y, "classes": np.array(["a", "b", "a", "c"])},
                "several classes one name: a, b, a, c",
            ),
            ({"x_train": X, "y_train": Y, "x_test": X}, "one of x_test and y_test"),
            (
                {"x_train": X, "y_train": Y, "x_test": X[:2], "y_test": np.array([8, 9])},
                r"test labels \[8, 9\] are in no training picture",
            ),
        ],
    )
    def test_arrays_that_are_no_set_are_refused(self, tmp_path, arrays, message):
        np.savez(tmp_path / "a.npz", **arrays)
        with pytest.raises(InvalidData, match=message):
            load(ImageSet("mine", str(tmp_path / "a.npz")))

    def test_arrays_have_at_most_200_classes(self, tmp_path):
        x = RNG.integers(0, 256, (201 * 6, 28, 28), np.uint8)
        y = np.repeat(np.arange(201), 6)
        np.savez(tmp_path / "most.npz", x_train=x[6:], y_train=y[6:])
        assert len(classes_of(ImageSet("mine", str(tmp_path / "most.npz")))) == 200
        np.savez(tmp_path / "more.npz", x_train=x, y_train=y)
        with pytest.raises(InvalidData, match="has 201 classes; expected 2 to 200"):
            load(ImageSet("mine", str(tmp_path / "more.npz")))

    def test_a_folder_has_at_most_200_classes(self, tmp_path):
        for number in range(200):
            (tmp_path / f"{number:03}").mkdir()
        assert len(classes_of(ImageSet("mine", str(tmp_path)))) == 200
        (tmp_path / "200").mkdir()
        with pytest.raises(InvalidData, match=r"has 201 subfolders; .* 2 to 200"):
            classes_of(ImageSet("mine", str(tmp_path)))

    def test_a_folder_with_one_class_is_refused(self, tmp_path):
        with pytest.raises(InvalidData, match="has 1 subfolder; expected one for each class"):
            load(ImageSet("letters", str(alphabet(tmp_path, "A"))))

    def test_pictures_that_cannot_be_read_are_named(self, tmp_path):
        alphabet(tmp_path)
        (tmp_path / "B/3.png").write_bytes(b"no picture")
        with pytest.raises(InvalidData, match=r"1 of 36 .* be read: B/3\.png: unknown format\. R"):
            load(ImageSet("letters", str(tmp_path)))

    @pytest.mark.filterwarnings("error")
    def test_a_very_large_picture_is_read_without_pillows_warning(self, tmp_path, monkeypatch):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 60 * 80 - 1)
        assert len(load(ImageSet("mine", str(alphabet(tmp_path)))).train[0]) == 36

    def test_an_empty_picture_is_named(self, tmp_path):
        alphabet(tmp_path)
        Image.new("L", (28, 28), 255).save(tmp_path / "A/0.png")
        with pytest.raises(InvalidData, match=r"A/0\.png: "):
            load(ImageSet("letters", str(tmp_path)))

    def test_a_folder_without_pictures_is_refused(self, tmp_path):
        for name in "AB":
            (tmp_path / name).mkdir()
        with pytest.raises(InvalidData, match="has 0 pictures"):
            load(ImageSet("letters", str(tmp_path)))

    def test_a_folder_has_at_least_ten_pictures(self, tmp_path):
        alphabet(tmp_path, "A", each=5)
        alphabet(tmp_path, "B", each=4)
        with pytest.raises(InvalidData, match="has 9 pictures; expected 10 to 1,000,000"):
            load(ImageSet("letters", str(tmp_path)))
        alphabet(tmp_path, "C", each=1)
        with pytest.raises(InvalidData, match="every class needs 6 training pictures or more"):
            load(ImageSet("letters", str(tmp_path)))

    @pytest.mark.parametrize(("count", "end"), [(5, "4.png: "), (6, "; and 1 more. Replace")])
    def test_at_most_five_of_the_pictures_that_cannot_be_read_are_named(self, tmp_path, count, end):
        alphabet(tmp_path)
        for number in range(count):
            (tmp_path / f"A/{number}.png").write_bytes(b"no picture")
        with pytest.raises(InvalidData, match=f"{count} of 36 pictures cannot be read") as refused:
            load(ImageSet("letters", str(tmp_path)))
        assert end in str(refused.value)
        assert "A/5.png" not in str(refused.value)
        assert ("more" in str(refused.value)) == (count > 5)

    def test_a_class_without_pictures_is_named(self, tmp_path):
        alphabet(tmp_path)
        (tmp_path / "D").mkdir()
        (tmp_path / "D" / "0.heic").write_bytes(b"no kind of picture that is read")
        with pytest.raises(InvalidData, match=r"there is no picture in D; expected files .*\.png"):
            load(ImageSet("letters", str(tmp_path)))

    def test_pictures_below_the_folder_of_their_class_are_not_dropped_in_silence(self, tmp_path):
        alphabet(tmp_path)
        alphabet(tmp_path / "B", "x", each=1)
        with pytest.raises(InvalidData, match=r"B/x/0\.png is in a folder below .*/B; expected"):
            load(ImageSet("letters", str(tmp_path)))

    def test_parts_of_other_names_than_train_and_test_are_no_classes(self, tmp_path):
        for part in ("train", "val"):
            alphabet(tmp_path / part)
        with pytest.raises(InvalidData, match=r"train/A/0\.png .* nothing, or train and test"):
            load(ImageSet("letters", str(tmp_path)))


class TestWhatIsLeftOut:
    """Each kind is left out, and said."""

    def test_files_that_are_no_pictures_of_a_class(self, tmp_path):
        alphabet(tmp_path)
        for name in ("readme.txt", "stray.png", "B/notes.txt", ".hidden", "B/.DS_Store"):
            (tmp_path / name).write_bytes(b"")
        found = load(ImageSet("letters", str(tmp_path)))
        assert len(found.train[1]) == 36
        (note,) = found.notes
        assert "3 files are no pictures in the folder of a class and left out" in note
        assert note.endswith(": readme.txt, stray.png, B/notes.txt.")

    @pytest.mark.parametrize(("count", "end"), [(5, "4.txt."), (6, "4.txt, ….")])
    def test_at_most_five_files_are_named(self, tmp_path, count, end):
        alphabet(tmp_path)
        for number in range(count):
            (tmp_path / f"{number}.txt").touch()
        (note,) = load(ImageSet("letters", str(tmp_path))).notes
        assert f"{count} files are" in note
        assert note.endswith(end)

    def test_parts_beside_train_and_test(self, tmp_path):
        for i, part in enumerate(("train", "test", "val")):
            alphabet(tmp_path / part, height=24 + i / 8)
        (note,) = load(ImageSet("letters", str(tmp_path))).notes
        assert note.endswith("only train and test are read, not val.")

    def test_training_pictures_that_are_in_the_test_too(self, tmp_path):
        """The test stays as it is, so that numbers on it can be compared."""
        np.savez(tmp_path / "a.npz", x_train=X, y_train=Y, x_test=X[:8], y_test=Y[:8])
        found = load(ImageSet("mine", str(tmp_path / "a.npz")))
        np.testing.assert_array_equal(found.train[0], X[8:])
        assert found.test is not None
        np.testing.assert_array_equal(found.test[0], X[:8])
        (note,) = found.notes
        assert note.endswith("a.npz: 8 training pictures are in the test, too, and left out.")

    def test_a_set_is_told_from_a_few_pictures_that_it_repeats(self, tmp_path):
        np.savez(tmp_path / "a.npz", x_train=X[Y], y_train=Y)
        few = r"6 training pictures or more; 0 has 1, .* 36 training pictures repeat others"
        with pytest.raises(InvalidData, match=few):
            load(ImageSet("mine", str(tmp_path / "a.npz")))

    def test_no_part_has_a_picture_of_another(self, tmp_path):
        np.savez(tmp_path / "a.npz", x_train=np.concatenate([X] * 3), y_train=np.tile(Y, 3))
        notes: list[str] = []
        data = datasets.image_set(f"mine={tmp_path / 'a.npz'}", notes.append)
        parts = [data.arrays[f"x_{part}"] for part in ("train", "val", "test")]
        assert sum(map(len, parts)) == 40
        assert len(np.unique(np.concatenate(parts), axis=0)) == 40
        assert [note.partition(": ")[2] for note in notes] == [
            "80 training pictures repeat others and are left out."
        ]


def test_a_set_is_split_as_the_digits_are_under_its_own_name(tmp_path):
    alphabet(tmp_path / "set", each=24)
    data = datasets.image_set(f"letters={tmp_path / 'set'}")
    assert (data.name, data.source) == ("digits", "letters")
    sizes = {part: len(data.arrays[f"y_{part}"]) for part in ("train", "val", "test")}
    assert sizes == {"train": 48, "val": 12, "test": 12}
    assert set(data.arrays["y_val"]) == set(data.arrays["y_test"]) == {0, 1, 2}
    assert data.arrays["classes"].tolist() == ["A", "B", "C"]
    assert 0 <= data.arrays["x_train"].min() < data.arrays["x_train"].max() <= 1
    data.save(tmp_path / "data.npz")
    again = datasets.Dataset.load(tmp_path / "data.npz")
    assert again.digest == data.digest
    assert again.arrays["classes"].tolist() == ["A", "B", "C"]


def test_every_split_has_each_class_of_a_small_set(tmp_path):
    alphabet(tmp_path / "set", "ABCDEFG", each=6)
    data = datasets.image_set(f"letters={tmp_path / 'set'}")
    for part in ("val", "test"):
        assert np.bincount(data.arrays[f"y_{part}"]).tolist() == [1] * 7
    assert np.bincount(data.arrays["y_train"]).tolist() == [4] * 7


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32])
def test_pixels_of_zeros_and_ones_are_paper_and_ink_whatever_their_type(tmp_path, kind):
    path = tmp_path / "two.npz"
    np.savez(path, x_train=(X > 127).astype(kind), y_train=Y)
    assert set(np.unique(load(ImageSet("mine", str(path))).train[0])) == {0, 255}
