"""`ann evaluate`: which version is meant, and what a person reads of the outcome."""

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from pipelines.cli import evaluate as command
from pipelines.errors import WrongUse
from pipelines.evaluation import evaluate as evaluation
from pipelines.evaluation import labelled
from pipelines.evaluation.evaluate import Outcome
from pipelines.registry import client
from pipelines.registry.versions import Version
from pipelines.tracking.client import Tracking

MNIST, OFFLINE = "mnist-digits", "offline-digits"
OUTCOME = Outcome(
    *(MNIST, "3", 200, 0.95, 0.91, 0.975, 0.0625, 0.0125, 0.02, 10, 0.8),
    by_class={"7": (4, 3)},
    by_writer={"ada": (8, 2)},
    run_id="r9",
)


class Registry:
    """Versions by model, of run a1, a2, …; the champion is version 2."""

    def __init__(self, **versions: int) -> None:
        self.found = {
            name: [Version(name, str(n), f"a{n}{name}", (), {}) for n in range(count, 0, -1)]
            for name, count in versions.items()
        }
        self.asked: list[str] = []
        self.data_sets = SimpleNamespace(find=lambda name: None)
        self.artifacts = SimpleNamespace(onnx_bytes=lambda version: b"onnx")

    def versions(self, name: str) -> list[Version]:
        self.asked.append(name)
        return self.found.get(name, [])

    def version(self, name: str, number: str) -> Version:
        return next(version for version in self.found[name] if version.number == number)

    def champion(self, name: str) -> Version | None:
        return next((v for v in self.found.get(name, []) if v.number == "2"), None)


BOTH = {MNIST: 3, OFFLINE: 4}


def chosen(found: dict[str, int], *wanted: str | None) -> str:
    return str(command._version(Registry(**found), *wanted))


@pytest.mark.parametrize(
    ("found", "wanted", "version"),
    [
        (BOTH, (None, None, None), "mnist-digits version 2"),
        ({OFFLINE: 4}, (None, None, None), "offline-digits version 2"),
        ({MNIST: 1, OFFLINE: 4}, (None, None, None), "offline-digits version 2"),
        (BOTH, (OFFLINE, None, None), "offline-digits version 2"),
        (BOTH, (None, "3", None), "mnist-digits version 3"),
        (BOTH, (None, "4", None), "offline-digits version 4"),
        (BOTH, (OFFLINE, "3", None), "offline-digits version 3"),
        (BOTH, (None, None, "a1"), "mnist-digits version 1"),
        (BOTH, (None, None, "a"), "mnist-digits version 3"),
        (BOTH, (None, None, "a4"), "offline-digits version 4"),
        (BOTH, (None, None, f"a1{OFFLINE}"), "offline-digits version 1"),
    ],
)
def test_a_version_is_that_of_mnist_unless_only_the_other_has_it(found, wanted, version):
    assert chosen(found, *wanted) == version


@pytest.mark.parametrize(
    ("wanted", "sentence"),
    [
        (
            (None, "9", None),
            "there is no version '9' of mnist-digits or offline-digits; see `ann models`.",
        ),
        ((None, None, "f0"), "there is no version of run 'f0' of mnist-digits or offline-digits"),
        (("nosuch", None, None), "there is no champion of nosuch"),
        ((None, "1", "a1"), "--version and --run both name a version; give one of them."),
    ],
)
def test_a_version_that_is_not_there_is_named(wanted, sentence):
    with pytest.raises(WrongUse) as refusal:
        chosen(BOTH, *wanted)
    assert sentence in str(refusal.value)


# --- what is printed ------------------------------------------------------------------------------


def shown(capsys, **changes: Any) -> tuple[list[str], list[str]]:
    command._show(replace(OUTCOME, **changes))
    printed = capsys.readouterr()
    return printed.out.splitlines(), printed.err.splitlines()


def test_an_outcome_has_its_interval_what_is_marked_and_each_digit_and_writer(capsys):
    lines, faults = shown(capsys)
    assert lines == [
        "200 digits: 95.00% read correctly (95 % interval 91.00% to 97.50%), "
        "1.25% wrong and not marked, 6.25% marked.",
        "10 pictures of no digit: 80.00% marked.",
        "  digit 7: 3 of 4 (75.0%)",
        "  writer ada: 2 of 8 (25.0%)",
        "evaluated mnist-digits version 3; confusion matrix and errors are in MLflow's run r9 "
        "(`ann ui`).",
    ]
    assert faults == []


def test_pictures_of_one_kind_alone_have_no_line_of_the_other(capsys):
    lines, _ = shown(capsys, accuracy=None, by_class={}, by_writer={})
    assert [line.split(" ", 2)[1] for line in lines] == ["pictures", "mnist-digits"]
    lines, _ = shown(capsys, non_digits_marked=None, by_class={}, by_writer={})
    assert [line.split(" ", 2)[1] for line in lines] == ["digits:", "mnist-digits"]


def test_no_picture_being_right_is_an_outcome_too(capsys):
    lines, _ = shown(capsys, accuracy=0.0, non_digits_marked=0.0)
    assert lines[0].startswith("200 digits: 0.00% read correctly")
    assert lines[1] == "10 pictures of no digit: 0.00% marked."


@pytest.mark.parametrize(("count", "more"), [(10, ""), (11, "1 more"), (13, "3 more")])
def test_ten_faults_are_shown_and_the_others_counted(capsys, count, more):
    _, faults = shown(capsys, faults=[f"{i}.png: broken" for i in range(count)])
    assert faults[:10] == [f"ann: {i}.png: broken" for i in range(10)]
    assert faults[10:] == ([f"ann: … and {more} that cannot be read."] if more else [])


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def registry(monkeypatch) -> Registry:
    found = Registry(**BOTH)
    monkeypatch.setattr(client, "Registry", lambda *_: found)
    monkeypatch.setattr(Tracking, "open", lambda tracking: tracking)
    monkeypatch.setattr(labelled, "read", lambda path: f"pictures of {path.name}")

    def evaluate(onnx_bytes, version, pictures, name, tracking):
        assert (onnx_bytes, pictures) == (b"onnx", f"pictures of {name}")
        return replace(OUTCOME, version=version.number)

    monkeypatch.setattr(evaluation, "evaluate", evaluate)
    return found


def test_the_command_evaluates_the_version_that_is_asked_for(stored, registry, tmp_path):
    document = json.loads(
        stored("evaluate", str(tmp_path / "own"), "--version", "3", "--json").stdout
    )
    assert (document["version"], document["accuracy"]) == ("3", 0.95)
    assert "evaluated mnist-digits version 2" in stored("evaluate", str(tmp_path / "own")).stdout


def test_a_model_of_other_pictures_than_digits_is_refused_with_its_first_classes(
    stored, registry, tmp_path, monkeypatch
):
    def read(path):
        raise AssertionError("pictures are read for a model that is not evaluated")

    monkeypatch.setattr(labelled, "read", read)
    registry.data_sets.find = lambda name: SimpleNamespace(classes=tuple("abcdefg"))
    result = stored("evaluate", str(tmp_path))
    assert result.exit_code == 2
    assert "mnist-digits reads a, b, c, d, e…, not digits" in result.stderr
