import csv
import gzip
import struct

import numpy as np
import pytest
from PIL import Image, ImageDraw

from ann_models.digits.handwriting import write
from pipelines.errors import WrongUse
from pipelines.evaluation.labelled import NO_DIGIT, read

HANDS = write(20, 7)
BYTES = np.rint(HANDS.images * 255).astype(np.uint8)


def picture(path, size=(90, 120)):
    image = Image.new("L", size, 255)
    ImageDraw.Draw(image).line([(size[0] // 2, 15), (size[0] // 2, size[1] - 15)], 0, 9)
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def as_prepared(labelled) -> None:
    np.testing.assert_array_equal(labelled.labels, HANDS.labels)
    np.testing.assert_allclose(labelled.images, BYTES / 255, atol=0.2)
    assert labelled.faults == []


def test_a_folder_has_a_subfolder_a_class_and_in_it_one_a_writer(tmp_path):
    picture(tmp_path / "1" / "a.png")
    picture(tmp_path / "1" / "anna" / "b.png", size=(300, 200))
    picture(tmp_path / "none" / "dots.png")
    found = read(tmp_path)
    assert found.names == ["1/a.png", "1/anna/b.png", "none/dots.png"]
    assert found.labels.tolist() == [1, 1, NO_DIGIT]
    assert found.writers == ["", "anna", ""]
    assert found.images.shape == (3, 28, 28)


def test_what_cannot_be_read_is_one_sentence_each_and_the_rest_goes_on(tmp_path):
    picture(tmp_path / "1" / "good.png")
    picture(tmp_path / "seven" / "bad_label.png")
    (tmp_path / "1" / "broken.png").write_bytes(b"\x89PNG nothing")
    Image.new("L", (50, 50), 255).save(tmp_path / "1" / "blank.png")
    (tmp_path / "3").mkdir()
    (tmp_path / "notes.txt").write_text("nothing")
    (tmp_path / "1" / "moved.png").symlink_to(tmp_path / "nowhere.png")
    found = read(tmp_path)
    assert found.names == ["1/good.png"]
    text = "\n".join(found.faults)
    assert len(found.faults) == 6
    for part in (
        "1/broken.png: The 12 bytes cannot be read as a picture",
        "1/blank.png: Nothing is drawn",
        "1/moved.png: it cannot be read (No such file or directory)",
        "'seven'; expected a digit from 0 to 9",
        "3: the folder is empty",
        "notes.txt: it lies in no subfolder",
    ):
        assert part in text


def test_an_array_is_prepared_as_the_service_prepares_the_same_picture(tmp_path):
    image = Image.new("L", (200, 200), 60)  # a sheet on a table
    ImageDraw.Draw(image).polygon([(30, 10), (190, 30), (170, 190), (10, 170)], 240)
    ImageDraw.Draw(image).line([(100, 60), (100, 140)], 0, 9)
    (tmp_path / "own" / "1").mkdir(parents=True)
    image.save(tmp_path / "own" / "1" / "a.png")
    np.savez(tmp_path / "own.npz", images=np.asarray(image)[None], labels=[1])
    found = read(tmp_path / "own.npz").images
    np.testing.assert_array_equal(found, read(tmp_path / "own").images)
    assert found[0, :, :9].sum() == 0  # the 1 alone


@pytest.mark.parametrize("names", [("images", "labels"), ("x", "y"), ("x_test", "y_test")])
def test_an_npz_is_read(tmp_path, names):
    np.savez(tmp_path / "own.npz", **dict(zip(names, (BYTES, HANDS.labels), strict=True)))
    as_prepared(read(tmp_path / "own.npz"))


def test_an_npz_names_writers_and_may_hold_flat_rows_in_0_to_1(tmp_path):
    path = tmp_path / "own.npz"
    flat = HANDS.images.reshape(20, 784)
    np.savez(path, images=flat, labels=HANDS.labels, writers=HANDS.writers)
    found = read(path)
    as_prepared(found)
    assert found.writers == [str(writer) for writer in HANDS.writers]


@pytest.mark.parametrize(
    ("arrays", "fault"),
    [
        ({"writers": np.array("anna")}, "has 1 writers of 20 pictures"),
        ({"images": np.full((20, 784), "0.5")}, "has pixels of the type <U3; expected numbers"),
    ],
)
def test_an_npz_whose_arrays_do_not_fit_is_wrong_use(tmp_path, arrays, fault):
    path = tmp_path / "own.npz"
    np.savez(path, **{"images": HANDS.images, "labels": HANDS.labels} | arrays)
    with pytest.raises(WrongUse, match=fault):
        read(path)


@pytest.mark.parametrize("zipped", [False, True])
def test_idx_files_are_read_with_the_labels_beside_them(tmp_path, zipped):
    write_file = (
        (lambda p, b: p.write_bytes(gzip.compress(b))) if zipped else type(tmp_path).write_bytes
    )
    images, labels = tmp_path / "own-images-idx3-ubyte", tmp_path / "own-labels-idx1-ubyte"
    write_file(images, struct.pack(">HBBIII", 0, 8, 3, 20, 28, 28) + BYTES.tobytes())
    write_file(labels, struct.pack(">HBBI", 0, 8, 1, 20) + HANDS.labels.astype("u1").tobytes())
    as_prepared(read(images))
    as_prepared(read(tmp_path))


def test_a_csv_as_kaggles_is_read_and_a_short_row_named(tmp_path):
    path = tmp_path / "train.csv"
    pairs = zip(HANDS.labels, BYTES, strict=True)
    rows = [",".join(map(str, [label, *image.ravel()])) for label, image in pairs]
    head = ",".join(["label", *(f"pixel{i}" for i in range(784))])
    path.write_text("\n".join([head, *rows, "3,1,2"]) + "\n")
    found = read(path)
    assert found.labels.tolist() == HANDS.labels.tolist()
    assert found.faults == [
        "train.csv line 22: 2 pixels; expected numbers, as many as a square has, after the label."
    ]


def rows_of(labels) -> list[str]:
    pairs = zip(labels, BYTES, strict=False)
    return [",".join(map(str, [label, *image.ravel()])) for label, image in pairs]


@pytest.mark.parametrize(
    ("first", "label"),
    [("none", NO_DIGIT), ("No digit", NO_DIGIT), ("-1", NO_DIGIT), ("7.0", 7), ("\ufeff7", 7)],
)
def test_a_csv_without_a_header_begins_with_its_first_picture(tmp_path, first, label):
    (tmp_path / "own.csv").write_text("\n".join(rows_of([first, 3])), "utf-8")
    assert read(tmp_path / "own.csv").labels.tolist() == [label, 3]


def test_a_first_row_whose_label_is_no_digit_is_named_and_no_header(tmp_path):
    (tmp_path / "own.csv").write_text("\n".join(rows_of([12, 3])))
    found = read(tmp_path / "own.csv")
    assert found.labels.tolist() == [3]
    assert "own.csv line 1: the label is '12'" in found.faults[0]


@pytest.fixture
def csv_limit():
    """Python's own: the service raises it in processes that import it."""
    earlier = csv.field_size_limit(131_072)
    yield
    csv.field_size_limit(earlier)


@pytest.mark.parametrize("cell", ["7" * 200_000, '"' + "7" * 200_000])
def test_a_row_that_python_cannot_read_is_named_and_the_rest_goes_on(tmp_path, cell, csv_limit):
    one, other = rows_of([1, 3])
    (tmp_path / "own.csv").write_text("\n".join([one, cell, other]))
    found = read(tmp_path / "own.csv")
    assert found.labels.tolist() == [1, 3]
    assert found.names == ["own.csv line 1", "own.csv line 3"]
    (fault,) = found.faults
    assert fault.startswith("own.csv line 2: ") and "131072" in fault


@pytest.mark.parametrize("kind", [bool, np.uint8, np.int64, np.float32])
def test_pixels_of_0_and_1_are_read_whatever_their_type(tmp_path, kind):
    drawn = HANDS.images > 0.5
    np.savez(tmp_path / "float.npz", images=drawn.astype(np.float64), labels=HANDS.labels)
    np.savez(tmp_path / "own.npz", images=drawn.astype(kind), labels=HANDS.labels)
    found = read(tmp_path / "own.npz")
    assert found.faults == []
    np.testing.assert_array_equal(found.images, read(tmp_path / "float.npz").images)


def test_a_picture_that_is_nearly_black_is_not_taken_for_one_of_0_and_1(tmp_path):
    images = BYTES.copy()
    images[0] = 0
    images[0, 9:20, 14] = 1
    np.savez(tmp_path / "own.npz", images=images, labels=HANDS.labels)
    assert [fault[:9] for fault in read(tmp_path / "own.npz").faults] == ["own.npz 0"]


def test_negative_integers_are_no_pixels(tmp_path):
    images = (HANDS.images > 0.5).astype(np.int64)
    images[0, 0, 0] = -1
    np.savez(tmp_path / "own.npz", images=images, labels=HANDS.labels)
    with pytest.raises(WrongUse, match=r"own\.npz 0: its pixels are from -1 to 1"):
        read(tmp_path / "own.npz")


def test_suffixes_may_be_in_capitals(tmp_path):
    (tmp_path / "TEST.CSV").write_text("\n".join(rows_of(HANDS.labels)))
    as_prepared(read(tmp_path / "TEST.CSV"))
    np.savez(tmp_path / "own.npz", images=BYTES, labels=HANDS.labels)
    as_prepared(read((tmp_path / "own.npz").rename(tmp_path / "OWN.NPZ")))


def test_a_name_with_idx_in_it_makes_no_idx_file(tmp_path):
    (tmp_path / "test_idx.csv").write_text("\n".join(rows_of(HANDS.labels)))
    as_prepared(read(tmp_path / "test_idx.csv"))
    strokes = '.SEGMENT DIGIT 0 ? "1"\n.PEN_DOWN\n10 10\n10 200\n.PEN_UP\n'
    (tmp_path / "idx.txt").write_text(strokes)
    assert read(tmp_path / "idx.txt").labels.tolist() == [1]


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("gone.npz", None, "there is no"),
        ("notes.txt", b"hello", "has none of the forms"),
        ("own.npz", b"PK", "cannot be read as a .npz"),
        ("x-images-idx3-ubyte", b"\0\0\x08\x03", "there is no x-labels-idx1-ubyte"),
    ],
)
def test_what_has_none_of_the_forms_is_refused_with_what_is_expected(
    tmp_path, name, content, message
):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(WrongUse, match=message):
        read(tmp_path / name)


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(WrongUse, match="no picture can be read"):
        read(tmp_path)


def test_bad_pixels_and_labels_in_arrays_are_named(tmp_path):
    images = HANDS.images.copy()
    images[3, 0, 0] = np.nan
    images[4] *= 1000
    labels = HANDS.labels.copy()
    labels[5] = 12
    np.savez(tmp_path / "own.npz", images=images, labels=labels)
    found = read(tmp_path / "own.npz")
    assert len(found.images) == 17
    text = "\n".join(found.faults)
    assert "own.npz 3: some pixels are NaN" in text
    assert "own.npz 4: its pixels are from 0 to" in text
    assert "own.npz 5: the label is '12'" in text
