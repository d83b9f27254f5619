"""`ann predict`: the champion names what is in picture files."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from pipelines.cli import errors, predict
from pipelines.cli.main import main
from serving.errors import NoChampion
from serving.model.loaded_model import Answers
from serving.model.uncertainty import SURE


class Oracle:
    """A champion that answers seven."""

    name, version, data = "mnist-digits", "3", "mnist"

    def __init__(self, data: str = "mnist") -> None:
        self.data = data

    least_confidence = SURE
    labels = ()

    def answer(self, images: np.ndarray) -> Answers:
        self.seen = images
        seven = np.tile(np.eye(10)[7] * 0.91 + 0.0090004, (len(images), 1))
        return Answers(seven, np.ones(len(images)))


@pytest.fixture
def oracle(monkeypatch) -> type[Oracle]:
    monkeypatch.setattr("pipelines.registry.champion.fetch_champion", lambda *_: Oracle())
    return Oracle


def test_a_digit_is_read_with_its_probability_and_who_says_so(ann, oracle, seven):
    result = ann("predict", str(seven))
    assert result.exit_code == errors.DONE
    assert result.stdout == (
        f"{seven}: 7  (91.9%)\nanswered by mnist-digits version 3, trained on mnist\n"
    )


def test_a_model_of_other_pictures_names_the_class_of_a_picture_as_it_is(
    ann, monkeypatch, tmp_path
):
    letters = Oracle("letters")
    letters.labels = tuple("abcdefghij")
    monkeypatch.setattr("pipelines.registry.champion.fetch_champion", lambda *_: letters)
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "h.png")
    arguments = ("predict", "--model", "letters", str(tmp_path / "h.png"))
    assert ann(*arguments).stdout.startswith(f"{tmp_path / 'h.png'}: h  (91.9%)")
    np.testing.assert_allclose(letters.seen[0], pixels / 255, atol=1e-6)
    (answer,) = json.loads(ann(*arguments, "--json").stdout)
    assert (answer["class"], answer["label"], "digit" in answer) == (7, "h", False)


def test_programs_read_the_same_as_json(ann, oracle, seven):
    answers = json.loads(ann("predict", "--json", str(seven), str(seven)).stdout)
    assert len(answers) == 2
    assert answers[0].keys() == {"file", "digit", "probabilities", "model", "version", "data"} | {
        "reason",
        "uncertain",
    }
    assert (answers[0]["file"], answers[0]["digit"]) == (str(seven), 7)
    assert answers[0]["probabilities"] == [0.009] * 7 + [0.919] + [0.009] * 2  # rounded


def test_what_the_service_would_mark_is_marked(ann, oracle, tmp_path):
    speckles = tmp_path / "speckles.png"
    noise = np.random.default_rng(0).integers(0, 2, (28, 28), np.uint8) * 255
    Image.fromarray(noise).save(speckles)
    marked = f"{speckles}: 7  (91.9%)  uncertain: not one digit\n"
    assert ann("predict", str(speckles)).stdout.startswith(marked)
    assert json.loads(ann("predict", "--json", str(speckles)).stdout)[0]["uncertain"] is True


def test_a_bad_file_among_good_ones_costs_only_itself(ann, oracle, seven, tmp_path):
    text = tmp_path / "notes.txt"
    text.write_text("no picture")
    result = ann("predict", str(seven), str(text), str(tmp_path / "nothing"), str(seven))
    assert result.exit_code == errors.FAILED
    assert result.stdout.count(": 7  (91.9%)") == 2
    assert [line.split(": ")[1] for line in result.stderr.splitlines()] == [
        str(text),
        str(tmp_path / "nothing"),
    ]
    answers = json.loads(ann("predict", "--json", str(text), str(seven)).stdout)
    assert answers[0].keys() == {"file", "error"}
    assert answers[1]["digit"] == 7


@pytest.mark.parametrize("what", ["nothing", "a folder"])
def test_if_no_file_can_be_read_it_is_wrong_use(ann, oracle, tmp_path, what):
    (tmp_path / "a folder").mkdir()
    result = ann("predict", str(tmp_path / what))
    assert result.exit_code == errors.WRONG_USE
    assert f"{tmp_path / what}: cannot be read: " in result.stderr
    assert result.stdout == ""


def test_a_dash_is_standard_input(ann, oracle, seven):
    result = CliRunner().invoke(main, ["predict", "-"], input=seven.read_bytes())
    assert result.stdout.startswith("-: 7  (91.9%)\n")


def test_a_closed_standard_input_is_said_to_be_closed(tmp_path):
    script = f"exec '{sys.executable}' -m pipelines.cli predict - <&-"
    environ = os.environ | {"ANN_HOME": str(tmp_path)}
    refused = subprocess.run(["sh", "-c", script], env=environ, capture_output=True, text=True)
    assert refused.returncode == errors.WRONG_USE
    assert refused.stderr == "ann: -: standard input is closed; pipe an image to it.\n"


def test_not_more_is_read_than_a_picture_may_have(ann, oracle, tmp_path):
    huge = tmp_path / "huge.png"
    with huge.open("wb") as file:
        file.truncate(2**40)  # sparse: reading all of it would need a terabyte
    result = ann("predict", str(huge), "/dev/zero")
    assert result.exit_code == errors.WRONG_USE
    assert result.stderr.count("has more than 10,000,000 bytes") == 2


def test_without_an_mnist_champion_the_offline_digits_answer_and_say_so(ann, monkeypatch, seven):
    def fetch(uri, name, alias, home):
        if name == "mnist-digits":
            raise NoChampion("there is none")
        return Oracle("offline-digits")

    monkeypatch.setattr("serving.model.download.fetch", fetch)
    result = ann("predict", str(seven))
    assert result.exit_code == errors.DONE
    assert "OFFLINE DIGITS" in result.stderr


def test_without_any_champion_the_way_to_one_is_said(ann, seven):
    result = ann("predict", str(seven))
    assert result.exit_code == errors.FAILED
    assert "`ann run`" in result.stderr


def test_an_empty_model_is_not_the_digits(in_filled, seven):
    result = in_filled("predict", "--model", "", str(seven))
    assert result.exit_code == errors.WRONG_USE, result.output
    assert result.stderr == "ann: '' has no champion; `ann models` lists what is registered.\n"


@pytest.mark.parametrize(
    ("probability", "shown"),
    [(1.0, "> 99.9%"), (0.9995, "> 99.9%"), (0.9994, "99.9%"), (0.5, "50.0%")],
)
def test_no_answer_is_a_hundred_per_cent_sure(probability, shown):
    assert predict._percent(probability) == shown
