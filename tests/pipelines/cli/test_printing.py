"""What a person reads at the end of a command."""

import json
from pathlib import Path
from typing import Any

import pytest

from pipelines.cli.printing import (
    leaderboard_table,
    metrics_table,
    print_report,
    print_version,
    warn_of_offline_digits,
)
from pipelines.cli.terminal import print_table
from pipelines.flows.report import JobReport, VariantResult
from pipelines.maintenance.leaderboard import LeaderboardEntry
from pipelines.registry.versions import Version
from pipelines.settings import Settings

SERVER = Settings(Path("home"), "http://mlflow:5000", None)
ENTRY: dict[str, Any] = {
    "name": "mnist_ann",
    "run_id": "r1",
    "data": "mnist",
    "test_images": 10_000,
    "seeds": 3,
    "val_accuracy_mean": 0.981,
    "test_accuracy_mean": 0.979,
    "test_accuracy_std": 0.0012,
    "parameters": 1_234_567,
    "train_seconds": 12.4,
    "onnx_ms": 0.0314,
    "ece": 0.004,
    "robustness": 0.876,
    "hands_accuracy_mean": 0.543,
    "non_digits_marked": 0.987,
}


def cells(table: Any) -> list[list[str]]:
    return [list(row) for row in zip(*(column.cells for column in table.columns), strict=True)]


# --- tables ---------------------------------------------------------------------------------------


def test_a_rows_numbers_have_their_units_and_its_remark_comes_last():
    metrics = {
        "final_train_loss": 0.012345,
        "spread/final_train_loss": 0.00123,
        "val_accuracy": 0.98765,
        "test_accuracy": 0.9,
        "train_seconds": 12.34,
    }
    (row,) = cells(metrics_table([("mnist_ann", metrics, "FAILED")]))
    assert row == ["mnist_ann", "0.0123", "0.0012", "98.77%", "90.00%", "12.3", "FAILED"]


def test_what_was_not_measured_is_left_empty_and_zero_is_a_number():
    (row,) = cells(metrics_table([("relu_shapes", {"test_accuracy": 0.0}, "")]))
    assert row == ["relu_shapes", "", "", "", "0.00%", "", ""]


def test_a_network_on_the_leaderboard_has_its_errors_and_costs():
    (row,) = cells(leaderboard_table([LeaderboardEntry(**ENTRY)]))
    assert row == [
        *("mnist_ann", "3", "98.10%", "97.90%", "0.12%", "210", "1,235 k", "12", "0.031"),
        *("0.40%", "87.6%", "54.3%", "98.7%"),
    ]


def test_of_one_seed_without_a_version_there_is_neither_spread_nor_time():
    lacking = {"test_accuracy_std": None, "onnx_ms": None, "robustness": None}
    lacking |= {"hands_accuracy_mean": None, "non_digits_marked": None}
    (row,) = cells(leaderboard_table([LeaderboardEntry(**ENTRY | lacking)]))
    assert [row[i] for i in (4, 8, 10, 11, 12)] == [""] * 5


def test_errors_on_the_offline_digits_are_marked_with_their_number():
    offline = ENTRY | {"data": "offline-digits", "test_images": 300, "test_accuracy_mean": 0.97}
    (row,) = cells(leaderboard_table([LeaderboardEntry(**offline)]))
    assert row[5] == "9/300 OFFLINE"


def test_tables_are_narrow_and_have_a_line_for_each_row(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    print_table(metrics_table([("a", {}, ""), ("b", {}, "")]))
    print_table(leaderboard_table([LeaderboardEntry(**ENTRY)]))
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert len(lines) == 5
    assert lines[0] == "variant training loss ± val. acc. test acc. s"
    assert lines[4].startswith("mnist_ann 3     98.10% 97.90% 0.12% 210    1,235 k 12 0.031 0.40%")


def test_the_offline_digits_are_not_to_be_compared(capsys):
    warn_of_offline_digits()
    assert capsys.readouterr().out.startswith("OFFLINE DIGITS: not MNIST; do not compare")


# --- a job ----------------------------------------------------------------------------------------


def report(**more: Any) -> JobReport:
    rows = [
        VariantResult("relu_shapes", "finished", "r1", metrics={"final_train_loss": 0.5}),
        VariantResult("xor_mlp", "failed", error="the training diverged"),
    ]
    return JobReport("flow run", **{"data": None, "quick": False, "rows": rows} | more)


def printed(capsys, found: JobReport, settings: Settings = SERVER) -> str:
    print_report(found, settings, as_json=False)
    return capsys.readouterr().out


def test_a_failed_row_is_marked_and_its_error_follows_the_table(capsys):
    lines = printed(capsys, report()).splitlines()
    assert [line.rstrip().endswith("FAILED") for line in lines[1:3]] == [False, True]
    assert lines[3] == "xor_mlp: the training diverged"
    assert "NOT results" not in lines[4]


def test_a_quick_look_and_offline_digits_say_so(capsys):
    shown = printed(capsys, report(quick=True, data="offline-digits"))
    assert "A quick look: these numbers are NOT results." in shown
    assert "The digits are the OFFLINE DIGITS, not MNIST." in shown
    shown = printed(capsys, report(data="mnist"))
    assert "NOT" not in shown
    assert "OFFLINE" not in shown


def test_the_gates_sentences_and_the_pages_are_printed(capsys):
    found = report(decisions=["version 2 is promoted."], views={"neurons": "#/a", "digits": "#/b"})
    lines = printed(capsys, found).splitlines()
    assert "version 2 is promoted." in lines
    assert lines[-2:] == ["  http://mlflow:5000/#/a", "  http://mlflow:5000/#/b"]
    assert "Compare in MLflow's UI:" in lines


def test_of_the_embedded_store_the_ui_is_started_first(capsys, tmp_path):
    embedded = Settings(tmp_path, f"sqlite:///{tmp_path}/mlflow.db", None)
    assert "(start it with `ann ui`):" in printed(capsys, report(), embedded)


@pytest.mark.parametrize(
    ("model", "way"),
    [
        ("mnist-digits", "`ann predict FILE.png`"),
        ("offline-digits", "`ann predict FILE.png`"),
        ("fashion-mnist", "`ann predict --model fashion-mnist FILE.png`"),
    ],
)
def test_with_a_champion_the_next_steps_are_named(capsys, model, way):
    shown = printed(capsys, report(champion={"name": model, "version": "1"}))
    assert "Next: `ann up`" in shown
    assert way in shown
    assert "Next:" not in printed(capsys, report())


def test_programs_read_one_document_and_nothing_else(capsys):
    found = report(data="mnist", champion={"name": "mnist-digits", "version": "1"})
    print_report(found, SERVER, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document.keys() == {"pipeline_run_id", "data", "rows", "champion"}
    assert (document["data"], document["champion"]["version"]) == ("mnist", "1")
    assert document["rows"][1]["error"] == "the training diverged"


# --- a version ------------------------------------------------------------------------------------


def shown(capsys, *aliases: str, **tags: str) -> list[str]:
    print_version(Version("mnist-digits", "3", "r1", aliases, {"variant": "mnist_ann"} | tags))
    return capsys.readouterr().out.splitlines()


def test_a_version_has_its_aliases_decision_accuracy_and_reasons(capsys):
    tags = {"decision": "refused", "val_accuracy": "0.9123", "reasons": "It is worse.\nAnd slow."}
    assert shown(capsys, "challenger", "previous", **tags) == [
        "mnist-digits version 3 [challenger, previous]",
        "  mnist_ann: refused, 91.23% of the validation digits",
        "    It is worse.",
        "    And slow.",
    ]


def test_the_accuracy_of_a_version_for_other_pictures_is_of_pictures(capsys):
    line = "  mnist_ann: refused, 91.23% of the validation pictures"
    assert line in shown(capsys, data="letters", decision="refused", val_accuracy="0.9123")


def test_a_version_that_nobody_judged_is_undecided(capsys):
    assert shown(capsys) == ["mnist-digits version 3", "  mnist_ann: undecided"]


@pytest.mark.parametrize(
    ("tags", "line"),
    [
        ({"shadow": "agrees."}, "    shadow mode: agrees."),
        ({"forced_reason": "smaller"}, "    forced: smaller"),
        ({"imported_version": "mnist-digits/7"}, "    imported: mnist-digits/7, undecided there"),
        (
            {"imported_version": "mnist-digits/7", "origin_decision": "promoted"},
            "    imported: mnist-digits/7, promoted there",
        ),
    ],
)
def test_what_is_special_about_a_version_is_a_line(capsys, tags, line):
    assert shown(capsys, **tags)[2:] == [line]
