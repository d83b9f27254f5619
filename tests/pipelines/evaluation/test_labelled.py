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
