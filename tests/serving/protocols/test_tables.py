"""Columns are found by their names, whatever their order; CSV as pandas and Excel write it."""

import base64
import io
import json
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from serving.errors import InvalidDigits
from serving.protocols.tables import pixel_order
from tests.support.small_service import Service, a_one, answers_of, png_of

IMAGES = np.stack([a_one(), a_one().T])
FLAT = IMAGES.reshape(2, 784)
EXPECTED = answers_of(1, IMAGES)

NAMINGS = {
    "numbers from 0": [str(n) for n in range(784)],
    "numbers from 1": [str(n) for n in range(1, 785)],
    "pixel0": [f"pixel{n}" for n in range(784)],
    "pixel_1": [f"pixel_{n}" for n in range(1, 785)],
    "1x1": [f"{row}x{column}" for row in range(1, 29) for column in range(1, 29)],
    "r0c0": [f"r{row}c{column}" for row in range(28) for column in range(28)],
    "x0y0": [f"x{column}y{row}" for row in range(28) for column in range(28)],
    "y0_x0": [f"y{row}_x{column}" for row in range(28) for column in range(28)],
    "Col0_Row0": [f"Col{column}_Row{row}" for row in range(28) for column in range(28)],
    "pixel_x1_y1": [f"pixel_x{column}_y{row}" for row in range(1, 29) for column in range(1, 29)],
    "(0, 0)": [f"({row}, {column})" for row in range(28) for column in range(28)],
}


def frame(naming: str = "pixel0") -> pd.DataFrame:
    return pd.DataFrame(FLAT, columns=NAMINGS[naming])


def score(service: Service, body: object, kind: str = "application/json"):
    content = json.dumps(body) if kind == "application/json" else body
    return service.post("/invocations", content=content, headers={"content-type": kind})


def check(answer) -> None:
    assert answer.status_code == 200, answer.text
    got = [row["probabilities"] for row in answer.json()["predictions"]]
    np.testing.assert_allclose(got, EXPECTED, atol=1e-6)


@pytest.mark.parametrize("naming", NAMINGS)
def test_the_order_of_named_columns_means_nothing(service: Service, naming):
    table = frame(naming)
    shuffled = table[np.random.default_rng(0).permutation(table.columns)]
    check(score(service, {"dataframe_split": shuffled.to_dict("split")}))
    check(score(service, {"dataframe_records": shuffled.to_dict("records")}))
    check(score(service, shuffled.to_csv(index=False), "text/csv"))


def test_records_whose_keys_a_program_has_sorted_are_read_by_name(service: Service):
    body = json.dumps({"dataframe_records": frame().to_dict("records")}, sort_keys=True)
    assert body.index("pixel10") < body.index("pixel2")
    check(service.post("/invocations", content=body, headers={"content-type": "application/json"}))


def test_other_columns_are_ignored_as_mlflows_server_does(service: Service):
    table = frame().assign(label=7)
    check(score(service, {"dataframe_split": table.to_dict("split")}))
    check(score(service, table.to_csv(), "text/csv"))  # with the index, in a column without a name
    named = pd.DataFrame({"id": [1, 2], "images": IMAGES.tolist()})
    check(score(service, {"dataframe_records": named.to_dict("records")}))


def test_a_table_without_names_is_read_by_position(service: Service):
    check(score(service, {"dataframe_split": {"data": FLAT.tolist()}}))
    check(score(service, frame().to_csv(index=False, header=False), "text/csv"))


def excel(table: pd.DataFrame) -> bytes:
    """Semicolons, decimal commas, quotes, CRLF and a byte-order mark."""
    text = table.to_csv(index=False, sep=";", decimal=",", lineterminator="\r\n", quoting=1)
    return text.encode("utf-8-sig")


def semicolons(table: pd.DataFrame, **options: object) -> bytes:
    return table.to_csv(index=False, sep=";", decimal=",", **options).encode()


CSV = {
    "booleans": (frame() > 0.5).to_csv(index=False),
    "booleans without a header": (frame() > 0.5).to_csv(index=False, header=False),
    "booleans of R": (frame() > 0.5).to_csv(index=False).replace("True", "TRUE"),
    "Excel without names": semicolons(frame(), header=False),
    "Excel without names, in quotes": semicolons(frame(), header=False, quoting=1),
    "semicolons and lists in a cell": b"images;label\n"
    + b"".join(b"%s;1\n" % json.dumps(image).encode() for image in IMAGES.tolist()),
    "commas and a semicolon in a name": frame().assign(**{"a;b": 1}).to_csv(index=False).encode(),
    "CRLF": frame().to_csv(index=False, lineterminator="\r\n").encode(),
    "byte-order mark": frame().to_csv(index=False).encode("utf-8-sig"),
    "quotes": frame().to_csv(index=False, quoting=1).encode(),
    "blanks": frame().to_csv(index=False).replace(",", ", ").encode(),
    "blank lines": frame().to_csv(index=False).replace("\n", "\n\n").encode() + b"\n\n",
    "Excel": excel(frame()),
    "Excel's Unicode text": frame().to_csv(index=False, sep="\t").encode("utf-16"),
    "Excel with its separator": b"sep=;\r\n" + semicolons(frame()),
    "Excel's separator, a tab": b"sep=\t\n" + frame().to_csv(index=False, sep="\t").encode(),
    "Excel of Windows": excel(frame().assign(Größe=7)).decode("utf-8-sig").encode("cp1252"),
    "lists in a cell": pd.DataFrame({"images": IMAGES.tolist()}).to_csv(index=False).encode(),
}


@pytest.mark.parametrize("content", CSV.values(), ids=CSV)
def test_csv_is_read_as_programs_write_it(service: Service, content):
    check(score(service, content, "text/csv"))


@pytest.mark.parametrize(
    "form",
    [
        "row{r}_{c}",
        "r{r}:{c}",
        "y{r}x{c}",
        "{r}_col{c}",
        "{r},x{c}",
        "{r}_{c}",
        "{c}_row{r}",
        "{c} r{r}",
        "{c},y{r}",
        "col{c}_{r}",
        "column{c}r{r}",
        "x{c}:{r}",
    ],
)
def test_the_name_of_one_axis_says_which_number_is_whose(form):
    by_columns = [form.format(r=row, c=column) for column in range(28) for row in range(28)]
    expected = [28 * column + row for row in range(28) for column in range(28)]
    assert pixel_order(by_columns) == expected


def renamed(**names: str) -> dict:
    return {"dataframe_split": frame().rename(columns=names).to_dict("split")}


def sent(columns: list, data: list) -> dict:
    return {"dataframe_split": {"columns": columns, "data": data}}


WRONG = {
    "three names": sent(["a", "b", "c"], FLAT.tolist()),
    "a pixel twice": sent(["pixel0", *NAMINGS["pixel0"][:783]], FLAT.tolist()),
    "a pixel of another name": renamed(pixel1="label"),
    "a column too many of one pixel": sent(
        ["pixel7", *NAMINGS["pixel0"]], [[0.5, *FLAT[0].tolist()]]
    ),
    "two sets of pixels": sent(
        [*NAMINGS["r0c0"], *NAMINGS["pixel0"]], [[*image, *image] for image in FLAT.tolist()]
    ),
    "two columns of images": sent(["images", "images"], [[i, i] for i in IMAGES.tolist()]),
    "a column of images and a set of pixels": sent(
        ["images", *NAMINGS["pixel0"]], [[image, *image] for image in FLAT.tolist()]
    ),
    "names that mean nothing": sent([chr(0x4E00 + n) for n in range(784)], FLAT.tolist()),
    "names that are no texts": sent([None] * 784, FLAT.tolist()),
    "names that are lists": sent([["pixel", n] for n in range(784)], FLAT.tolist()),
    "names that are nested deep": sent(json.loads("[" * 900 + "]" * 900), FLAT.tolist()),
    "columns that are no list": sent({"a": 1}, FLAT.tolist()),
    "one column of another name": sent(["pictures"], [[image] for image in IMAGES.tolist()]),
    "a ragged row": sent(NAMINGS["pixel0"], [FLAT[0].tolist(), FLAT[1].tolist()[:-1]]),
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_names_that_do_not_say_which_pixel_is_where_are_refused(service: Service, body):
    answer = score(service, body)
    assert answer.status_code == 400
    assert len(answer.text) < 1500
    assert "column" in answer.json()["message"]


def families(count: int) -> list[str]:
    """As many kinds of names as pixels in each, of which the last is missing."""
    return [f"{'abcdefghij'[kind]}{n}" for kind in range(count) for n in (*range(783), 999)]


def test_names_of_many_kinds_are_looked_at_in_a_moment():
    names = [f"{chr(0x4E00 + n)}1" for n in range(4_900)]
    started = time.process_time()
    for wrong in (names, families(10), ["9" * 5_000_000]):
        with pytest.raises(InvalidDigits):
            pixel_order(wrong)
    assert time.process_time() - started < 0.8


def test_of_two_sets_of_pixels_the_first_columns_are_named():
    with pytest.raises(InvalidDigits, match=r"several sets of pixels, .* 'mask0' and 'pixel0'"):
        pixel_order([f"{kind}{n}" for n in range(784) for kind in ("mask", "pixel")])


def test_a_doubled_pixel_is_named():
    with pytest.raises(InvalidDigits, match="Two columns are named 'pixel7'; send one"):
        pixel_order(["pixel7", *NAMINGS["pixel0"]])


def test_doubled_columns_that_are_no_pixels_are_ignored(service: Service):
    names = ["label", *NAMINGS["pixel0"], "label"]
    check(score(service, sent(names, [[1, *image, 2] for image in FLAT.tolist()])))


def test_a_column_of_784_numbers_is_one_image(service: Service):
    lines = "\n".join(map(str, FLAT[0]))
    rows = score(service, lines, "text/csv").json()["predictions"]
    np.testing.assert_allclose([row["probabilities"] for row in rows], EXPECTED[:1], atol=1e-6)
    assert "[1, 785]" in score(service, "0.5\n" + lines, "text/csv").json()["message"]


@pytest.mark.parametrize("first", [0, 1])
def test_two_header_lines_of_numbers_are_no_images(service: Service, first):
    levels = pd.MultiIndex.from_product([range(first, first + 28)] * 2)
    answer = score(service, pd.DataFrame(FLAT, columns=levels).to_csv(index=False), "text/csv")
    assert answer.status_code == 400
    assert "two header lines, as pandas writes a MultiIndex" in answer.json()["message"]


UMLAUT = frame().assign(Größe=7).to_csv(index=False)


@pytest.mark.parametrize(
    ("charset", "encoding"),
    [
        ("windows-1252", "cp1252"),
        ("ISO-8859-1", "latin-1"),
        ("utf-8", "utf-8-sig"),
        ("utf-16le", "utf-16-le"),
        ("utf-8", "utf-16"),  # the mark is certain
    ],
)
def test_a_table_is_read_in_the_charset_that_is_named(service: Service, charset, encoding):
    check(score(service, UMLAUT.encode(encoding), f"text/csv; charset={charset}"))


@pytest.mark.parametrize(
    ("charset", "reason"),
    [
        ("utf-8", "no CSV table in utf-8"),
        ("punycode", "charset 'punycode' is not read"),
        ("iso-8859-12", "charset 'iso-8859-12' is not read"),
    ],
)
def test_a_table_in_another_charset_is_refused_with_what_to_do(service: Service, charset, reason):
    answer = score(service, UMLAUT.encode("cp1252"), f"text/csv; charset={charset}")
    assert answer.status_code == 400
    assert reason in answer.json()["message"]
    assert 'save the table as "CSV UTF-8"' in answer.json()["message"]


TOO_MUCH = {
    "columns": ",".join(f"a{n}" for n in range(11_000)) + "\n" + ",".join(["0"] * 11_000),
    "cells": (",".join(["0"] * 10_000) + "\n") * 201,
    "blank lines": "a,b\n" + "\r" * 2_100_000,
}


@pytest.mark.parametrize("content", TOO_MUCH.values(), ids=TOO_MUCH)
def test_a_table_of_too_many_columns_or_cells_is_413(service: Service, content):
    answer = score(service, content, "text/csv")
    assert answer.status_code == 413
    assert "send" in answer.json()["message"]


AS_TEXT = base64.b64encode(png_of(a_one())).decode()
WRITTEN = {
    "base64": AS_TEXT,
    "a data: URL": f"data:image/png;base64,{AS_TEXT}",
    "a text in JSON": json.dumps(AS_TEXT),
    "an object": json.dumps({"b64": AS_TEXT}),
}


@pytest.mark.parametrize("cell", WRITTEN.values(), ids=WRITTEN)
def test_a_cell_may_hold_a_picture(service: Service, cell):
    seen = service.post("/predict", content=png_of(a_one()), headers={"content-type": "image/png"})
    table = pd.DataFrame({"images": [cell] * 2, "label": [1, 1]}).to_csv(index=False)
    rows = score(service, table, "text/csv").json()["predictions"]
    assert len(rows) == 2
    np.testing.assert_allclose(rows[1]["probabilities"], seen.json()["probabilities"], atol=1e-6)


def test_a_picture_in_a_cell_may_be_as_large_as_one_in_json(service: Service):
    """Larger than the 128 KiB that Python's csv module reads by itself."""
    drawing = np.random.default_rng(0).integers(240, 256, (600, 600)).astype(np.uint8)
    drawing[100:500, 280:320] = 0
    file = io.BytesIO()
    Image.fromarray(drawing).save(file, "PNG")
    cell = base64.b64encode(file.getvalue()).decode()
    assert len(cell) > 2**17
    table = pd.DataFrame({"images": [cell]}).to_csv(index=False)
    answer = score(service, table, "text/csv")
    assert answer.status_code == 200, answer.text


def test_a_cell_that_is_no_json_is_named_by_its_row(service: Service):
    table = pd.DataFrame({"images": [json.dumps(IMAGES[0].tolist()), "[1, 2"]}).to_csv(index=False)
    reason = score(service, table, "text/csv").json()["message"]
    assert reason.startswith("Row 2's images is no JSON: ")


WRONG_CSV = {
    "empty": b"",
    "a header alone": frame().head(0).to_csv(index=False).encode(),
    "a word": frame().to_csv(index=False).replace("1.0", "one", 1).encode(),
    "an empty cell": frame().to_csv(index=False).replace("1.0", "", 1).encode(),
    "a cell of megabytes": b"a,b\n" + b"x" * 9_000_000,
    "an open quote": b'a,b\n"1,2',
    "no text": b"a,b\n\xff\xfe\xfd",
    "too many rows": b"a\n" + b"1\n" * 2500,
}


@pytest.mark.parametrize("content", WRONG_CSV.values(), ids=WRONG_CSV)
def test_what_is_no_table_is_refused_in_a_short_sentence(service: Service, content):
    answer = score(service, content, "text/csv")
    assert answer.status_code in (400, 413)
    assert len(answer.text) < 1500


def test_names_that_are_nested_as_deep_as_json_goes_are_refused(service: Service):
    body = '{"dataframe_split":{"columns":%s,"data":[[0]]}}' % ("[" * 1_020 + "]" * 1_020)
    answer = service.post(
        "/invocations", content=body, headers={"content-type": "application/json"}
    )
    assert (answer.status_code, "column" in answer.json()["message"]) == (400, True)


def test_a_frame_with_nan_is_refused_and_says_so(service: Service):
    table = frame()
    table.iloc[0, 0] = np.nan
    stream = io.StringIO()
    table.to_csv(stream, index=False, na_rep="nan")
    assert "A pixel is NaN" in score(service, stream.getvalue(), "text/csv").json()["message"]
