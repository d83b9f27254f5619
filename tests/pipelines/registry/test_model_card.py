"""The model card: the verdict first, then what a version is, how good, and its limits."""

import json

import pytest

from pipelines.registry.history import Event
from pipelines.registry.model_card import card, verdict
from pipelines.registry.versions import Version

PROMOTED = Event(
    "2026-11-27T12:00:00.000001+00:00", "3", "promoted", "gate", "ada", "significantly better.", "2"
)
FORCED = Event("2026-11-28T09:00:00.000001+00:00", "3", "promoted", "hand", "bob", "a demo")
TAGS = {
    "variant": "mnist_cnn",
    "seed": "4",
    "data": "mnist",
    "onnx_sha256": "ab" * 32,
    "decision": "promoted",
    "reasons": "All weights are finite numbers.\nIt is significantly better.",
    "val_accuracy": "0.9827",
    "robustness": "0.844",
    "only_challenger_right": "154",
    "only_champion_right": "63",
    "p_value": "5.6e-10",
    "robustness_by_corruption": json.dumps({"shift": 0.73, "blur": 0.972, "inversion": 0.226}),
}


def version(*aliases: str, **tags: str) -> Version:
    return Version("mnist-digits", "3", "run", aliases, TAGS | tags)


@pytest.mark.parametrize(
    ("found", "events", "line"),
    [
        (
            version("champion"),
            [PROMOTED],
            "**Champion**: promoted by the gate on 2026-11-27 (significantly better).",
        ),
        (version("previous"), [FORCED, PROMOTED], "**Previous**: promoted by bob on 2026-11-28"),
        (version(), [PROMOTED], "**Not in use**: promoted by the gate"),
        (
            version("champion"),
            [],  # of a store without a history
            "**Champion**: promoted. It is significantly better.",
        ),
        (version(decision="undecided", reasons=""), [], "**Not in use**: not judged yet."),
    ],
)
def test_the_first_line_is_the_verdict(found, events, line):
    assert verdict(found, events).startswith(line)
    assert card(found, events, {}).splitlines()[0] == verdict(found, events)


def test_an_import_is_no_verdict():
    imported = Event("2026-11-29T00:00:00+00:00", "3", "imported", "hand", "ada", "elsewhere")
    found = version(decision="undecided", reasons="", imported_version="mnist-digits/9")
    assert verdict(found, [imported]) == "**Not in use**: not judged yet."
    assert "Imported: mnist-digits/9 of another store." in card(found, [imported], {})


def test_it_says_what_the_version_is_how_good_and_what_it_cannot_read():
    text = card(version("champion"), [PROMOTED], {"test_accuracy": 0.9834})
    assert "`mnist_cnn`, seed 4" in text
    assert "Trained on MNIST" in text
    assert "98.27% of the validation digits correct; these decide." in text
    assert "98.34% of the test digits correct; these only report." in text
    assert "154 digits only this one classifies correctly, 63 only the champion" in text
    assert "inversion 23%, shift 73%." in text
    assert "blur" not in text  # it reads those
    assert "letters" in text


def test_from_ninety_percent_under_a_corruption_it_reads_digits():
    found = json.dumps({"blur": 0.9, "shift": 0.89})
    text = card(version(robustness_by_corruption=found), [], {})
    assert "with its accuracy: shift 89%." in text


def test_of_two_roles_the_first_is_the_verdict():
    assert verdict(version("champion", "phones"), [PROMOTED]).startswith("**Champion**")


def test_offline_digits_are_never_taken_for_mnist():
    assert "(not MNIST)" in card(version(data="offline-digits"), [], {})


def test_of_other_pictures_the_card_does_not_speak_of_digits():
    text = card(version(data="letters"), [], {"test_accuracy": 0.9, "calibration_error": 0.01})
    assert "90.00% of the test pictures correct" in text
    assert "Pictures under these corruptions" in text
    assert "digit" not in text.replace("mnist-digits", "")


def test_hashes_are_not_in_it():
    assert TAGS["onnx_sha256"] not in card(version(), [PROMOTED], {})


def test_corrections_that_it_was_trained_on_are_in_it():
    text = card(version(corrections_used="12"), [], {})
    assert "12 corrections by users" in text


def test_a_version_of_another_tool_has_a_card_too():
    foreign = Version("mnist-digits", "1", "", (), {})
    assert card(foreign, [], {}).startswith("**Not in use**: not judged yet.")


@pytest.mark.parametrize("found", ["98 %", "[0.5]", '{"blur": "bad", "shift": null}', ""])
def test_a_robustness_that_another_tool_wrote_is_left_out(found):
    text = card(version(robustness_by_corruption=found), [], {})
    assert "Digits under these corruptions" not in text
