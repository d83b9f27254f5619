"""Register, judge, promote and roll back, on a real MLflow store."""

import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest

from pipelines.errors import RegistryError, TrackingUnavailable, WrongUse
from pipelines.registry import history
from pipelines.tracking import provenance
from tests.support.registry_bench import (
    BETTER_ONLY,
    GOOD,
    NAME,
    WORSE,
    Workbench,
    nearest_mean,
)

# The gate decides


def test_the_first_sound_model_becomes_champion_and_a_worse_one_does_not(three):
    assert three.registry.judge(three[1]).promote
    assert not three.registry.judge(three[3], BETTER_ONLY).promote

    worse, unjudged, best = three.registry.versions(NAME)
    assert (best.number, best.decision, best.aliases) == ("1", "promoted", ("champion",))
    assert (unjudged.number, unjudged.decision, unjudged.aliases) == ("2", "undecided", ())
    assert (worse.number, worse.decision, worse.aliases) == ("3", "refused", ("challenger",))
    assert "significantly worse" in worse.reasons[-1]
    assert worse.metrics["p_value"] < 0.05 < worse.metrics["val_accuracy"]
    assert worse.metrics["onnx_ms"] > 0


def test_a_better_model_becomes_champion_and_the_old_one_is_previous(three):
    three.registry.promote(three[3], "the first")
    assert three.registry.judge(three[1], BETTER_ONLY).promote
    assert three.aliases() == {"champion": 1, "previous": 3}


def test_the_same_model_again_is_refused(three):
    three.registry.promote(three[1], "the first")
    decision = three.registry.judge(three[2], BETTER_ONLY)
    assert not decision.promote
    assert decision.numbers["p_value"] == 1


def test_judging_the_champion_again_changes_nothing(three):
    first = three.registry.judge(three[1])
    before = three.registry.versions(NAME)
    again = three.registry.judge(three[1])
    assert again.promote
    assert [r.message for r in again.reasons] == [r.message for r in first.reasons]
    assert three.registry.versions(NAME) == before


def test_a_diverged_model_is_on_record_as_refused(empty):
    model = nearest_mean(GOOD)
    model.set_weights([np.full_like(w, np.nan) for w in model.get_weights()])
    empty.registry.judge(empty.register(model))
    assert empty[1].decision == "refused"
    assert empty[1].reasons == ["Some weights are NaN or infinite: the training diverged."]
    assert empty.aliases() == {"challenger": 1}


def test_a_model_of_the_wrong_shape_is_on_record_as_refused(empty):
    empty.registry.judge(empty.register(nearest_mean(GOOD, outputs=9)))
    assert empty[1].decision == "refused"
    assert "(300, 9), not (300, 10)" in empty[1].reasons[-1]
    assert empty.aliases() == {"challenger": 1}


# A person decides


def test_a_forced_promotion_needs_a_reason_and_records_it(three):
    three.registry.judge(three[1])
    three.registry.judge(three[3], BETTER_ONLY)
    with pytest.raises(WrongUse, match="needs a reason"):
        three.registry.promote(three[3], "  ")
    assert three.aliases() == {"champion": 1, "challenger": 3}

    three.registry.promote(three[3], "demonstration")
    assert three.aliases() == {"champion": 3, "previous": 1}
    assert (three[3].decision, three[3].tags["forced_reason"]) == ("forced", "demonstration")
    assert "significantly worse" in three[3].reasons[-1]  # the gate's reasons stay


def test_promoting_twice_keeps_the_right_previous(three):
    for number in (1, 2, 2):
        three.registry.promote(three[number], "a person's choice")
    assert three.aliases() == {"champion": 2, "previous": 1}


def test_a_rollback_restores_the_previous_champion_and_a_second_one_undoes_it(three):
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")
    assert three.registry.rollback(NAME).number == "1"
    assert three.aliases() == {"champion": 1, "previous": 2}
    assert "to version 1" in three[2].tags["rolled_back"]
    assert three.registry.rollback(NAME).number == "2"


class YearsBack(datetime):
    """A clock that was set back."""

    @classmethod
    def now(cls, tz=None) -> datetime:
        return datetime(2020, 1, 1, tzinfo=tz)


def test_a_clock_that_was_set_back_changes_no_decision(three, monkeypatch):
    registry = three.registry
    registry.promote(three[2], "a demonstration")
    monkeypatch.setattr(history, "datetime", YearsBack)
    registry.promote(three[1], "the clock is years back")
    assert registry.unrecorded_move(NAME) is None
    registry.promote(three[3], "again")
    assert registry.rollback(NAME).number == "1"
    assert [event.version for event in registry.history(NAME)[:3]] == ["1", "3", "1"]


def test_a_rollback_without_a_previous_champion_says_so(three):
    with pytest.raises(RegistryError, match="no previous champion"):
        three.registry.rollback(NAME)
    three.registry.promote(three[1], "the first")
    with pytest.raises(RegistryError, match=r"champion: version 1, previous: version None"):
        three.registry.rollback(NAME)


def file(home: Path, number: int, name: str) -> Path:
    """A version's file, where a test registers its own: those of `three` are all tests'."""
    found = sorted((home / "artifacts").rglob(name), key=lambda path: path.stat().st_mtime_ns)
    return found[number - 1]


def test_a_version_without_its_files_is_not_made_champion(empty, tmp_path):
    version = empty.register(nearest_mean(GOOD))
    file(tmp_path, 1, "model.onnx").unlink()
    with pytest.raises(RegistryError, match=r"model\.onnx of offline-digits version 1 cannot be"):
        empty.registry.promote(version, "a person's choice")
    assert (empty.aliases(), empty.registry.history(NAME)) == ({}, [])
    assert empty[1].decision == "undecided"


def test_a_version_whose_files_were_altered_is_not_made_champion(empty, tmp_path):
    version = empty.register(nearest_mean(GOOD))
    file(tmp_path, 1, "model.onnx").write_bytes(b"altered")
    with pytest.raises(RegistryError, match="altered or damaged"):
        empty.registry.promote(version, "a person's choice")
    assert empty.aliases() == {}


def test_a_previous_champion_without_its_files_is_not_returned_to(empty, tmp_path):
    for examples in (WORSE, GOOD):
        empty.registry.promote(empty.register(nearest_mean(examples)), "a person's choice")
    file(tmp_path, 1, "probe.npz").unlink()
    with pytest.raises(RegistryError, match=r"probe\.npz of offline-digits version 1 cannot be"):
        empty.registry.rollback(NAME)
    assert empty.aliases() == {"champion": 2, "previous": 1}


def test_a_rollback_does_not_wait_for_an_artifact_store_that_is_unavailable(three, monkeypatch):
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")

    def verify(version):
        raise TrackingUnavailable("the artifact store does not answer")

    monkeypatch.setattr(three.registry.artifacts, "verify", verify)
    with pytest.raises(TrackingUnavailable):
        three.registry.promote(three[1], "its files cannot be verified")
    assert three.registry.rollback(NAME).number == "1"
    assert three.aliases() == {"champion": 1, "previous": 2}


def test_a_deleted_champion_is_rolled_back_from(three):
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")
    three.client.delete_model_version(NAME, "2")
    assert three.registry.champion(NAME) is None
    assert three.registry.current_champion() is None
    assert three.registry.rollback(NAME).number == "1"
    assert three.aliases() == {"champion": 1}
    assert "in place of a deleted version" in three.registry.history(NAME)[0].reason


def dangling(bench: Workbench, alias: str, number: int) -> None:
    """An alias that names a version which is not there, as some registries leave it."""
    with closing(sqlite3.connect(bench.registry.home / "mlflow.db")) as database, database:
        database.execute(
            "INSERT OR REPLACE INTO registered_model_aliases (workspace, name, alias, version) "
            "VALUES ('default', ?, ?, ?)",
            (NAME, alias, number),
        )


def test_a_champion_alias_without_a_version_is_no_champion_and_can_be_rolled_back_from(three):
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")
    dangling(three, "champion", 9)
    assert three.registry.champion(NAME) is None
    assert three.registry.rollback(NAME).number == "1"
    assert three.aliases() == {"champion": 1}


def test_a_champion_alias_without_a_version_is_replaced_by_the_next_promotion(three):
    three.registry.promote(three[3], "the first")
    dangling(three, "champion", 9)
    assert three.registry.judge(three[1], BETTER_ONLY).promote
    assert three.aliases() == {"champion": 1}


def test_a_deleted_previous_champion_is_not_returned_to_and_nothing_is_moved(three):
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")
    dangling(three, "previous", 9)
    with pytest.raises(RegistryError, match="previous: version 9, which was deleted"):
        three.registry.rollback(NAME)
    assert three.aliases() == {"champion": 2, "previous": 9}


def test_every_decision_is_appended_to_the_history(three, monkeypatch):
    monkeypatch.setenv("LOGNAME", "ada")
    provenance.user.cache_clear()
    three.registry.judge(three[1])
    three.registry.judge(three[3], BETTER_ONLY)
    three.registry.promote(three[3], "a demonstration")
    three.registry.promote(three[2], "another")
    three.registry.promote(three[3], "and again")
    three.registry.rollback(NAME)
    provenance.user.cache_clear()
    events = three.registry.history(NAME)[::-1]
    assert [(e.version, e.action, e.by, e.champion) for e in events] == [
        ("1", "promoted", "gate", ""),
        ("3", "refused", "gate", "1"),
        ("3", "promoted", "hand", "1"),
        ("2", "promoted", "hand", "3"),
        ("3", "promoted", "hand", "2"),
        ("2", "rolled back", "hand", "3"),
    ]
    assert {event.user for event in events} == {"ada"}
    assert "corrupted digits" in events[1].reason
    assert [event.reason for event in events[2:5]] == ["a demonstration", "another", "and again"]
    assert [event.time for event in events] == sorted(event.time for event in events)


def moves(bench: Workbench) -> list[tuple[str, str, str]]:
    return [(e.version, e.action, e.champion) for e in bench.registry.history(NAME)[::-1]]


def test_a_champion_set_in_mlflow_is_on_record_and_rolled_back_from(three):
    """Its client and UI move the alias alone: `previous` still names version 1."""
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")
    three.client.set_registered_model_alias(NAME, "champion", "3")
    assert three.registry.rollback(NAME).number == "2"
    assert three.aliases() == {"champion": 2, "previous": 3}
    assert moves(three)[2:] == [("3", "made champion elsewhere", "2"), ("2", "rolled back", "3")]


def test_a_promotion_records_the_move_before_it(three):
    three.registry.promote(three[1], "the first")
    three.client.set_registered_model_alias(NAME, "champion", "3")
    assert three.registry.judge(three[2], BETTER_ONLY).promote
    assert three.aliases() == {"champion": 2, "previous": 3}
    assert moves(three)[1:] == [("3", "made champion elsewhere", "1"), ("2", "promoted", "3")]


def test_a_champion_whose_alias_was_taken_away_is_returned_to(three):
    for number in (1, 2):
        three.registry.promote(three[number], "a person's choice")
    three.client.delete_registered_model_alias(NAME, "champion")
    assert three.registry.rollback(NAME).number == "2"
    assert moves(three)[2:] == [
        ("2", "removed as champion elsewhere", "2"),
        ("2", "rolled back", ""),
    ]


def test_a_champion_set_in_mlflow_after_it_was_taken_away_is_on_record(three):
    three.registry.promote(three[1], "the first")
    three.client.delete_registered_model_alias(NAME, "champion")
    three.registry.record_move(NAME)
    three.client.set_registered_model_alias(NAME, "champion", "1")
    three.registry.record_move(NAME)
    assert moves(three)[1:] == [
        ("1", "removed as champion elsewhere", "1"),
        ("1", "made champion elsewhere", ""),
    ]
    assert verdicts(three)[0] == "Champion"


def test_a_move_is_recorded_once_and_described(three):
    three.registry.promote(three[1], "the first")
    three.client.set_registered_model_alias(NAME, "champion", "2")
    for _ in range(2):
        three.registry.record_move(NAME)
    assert moves(three)[1:] == [("2", "made champion elsewhere", "1")]
    described = three.client.get_model_version(NAME, "2").description
    assert described.startswith("**Champion**: made champion elsewhere on ")


def test_a_model_of_which_no_champion_is_on_record_is_left_alone(three):
    three.client.set_registered_model_alias(NAME, "champion", "2")
    three.registry.record_move(NAME)
    assert three.registry.history(NAME) == []


def test_the_description_begins_with_the_verdict_and_the_card_is_among_the_files(empty, tmp_path):
    version = empty.register(nearest_mean(GOOD))
    entry = empty.client.get_model_version(NAME, "1")
    assert entry.description.startswith("**Not in use**: not judged yet.")
    empty.registry.judge(version)
    entry = empty.client.get_model_version(NAME, "1")
    assert entry.description.startswith("**Champion**: promoted by the gate on ")
    assert version.tags["onnx_sha256"] not in entry.description
    (card,) = (tmp_path / "artifacts").rglob("model_card.md")
    assert card.read_text(encoding="utf-8") == entry.description


def test_a_version_is_the_output_of_its_run_whose_measurements_are_in_its_description(empty):
    empty.client.log_metric(empty.run_id, "test_accuracy", 0.9125)
    empty.register(nearest_mean(GOOD))
    entry = empty.client.get_model_version(NAME, "1")
    assert "91.25% of the test digits correct" in entry.description
    (output,) = empty.client.get_run(empty.run_id).outputs.model_outputs
    assert output.step == 0


@pytest.mark.parametrize("run_id", [None, "0" * 32], ids=["without a run", "of a run that is gone"])
def test_a_version_of_which_no_run_is_there_is_described_all_the_same(three, run_id):
    three.registry.promote(three[1], "the first")
    three.client.create_model_version(NAME, "file:///elsewhere", run_id)
    three.client.set_registered_model_alias(NAME, "champion", "4")
    three.registry.record_move(NAME)
    described = three.client.get_model_version(NAME, "4").description
    assert described.startswith("**Champion**: made champion elsewhere on ")


def verdicts(bench: Workbench) -> list[str]:
    """The first word of every version's description, version 1 first."""
    found = [bench.client.get_model_version(NAME, str(number)) for number in (1, 2, 3)]
    return [(entry.description or "").partition(":")[0].strip("*") for entry in found]


def test_who_loses_an_alias_is_described_again_as_who_gains_it(three):
    three.registry.judge(three[1])
    three.registry.judge(three[2], BETTER_ONLY)
    assert verdicts(three)[:2] == ["Champion", "Challenger"]
    three.registry.judge(three[3], BETTER_ONLY)
    assert verdicts(three) == ["Champion", "Not in use", "Challenger"]
    three.registry.promote(three[2], "another")
    assert verdicts(three) == ["Previous", "Champion", "Challenger"]
    three.registry.promote(three[3], "and another")
    assert verdicts(three) == ["Not in use", "Previous", "Champion"]
    three.registry.rollback(NAME)
    assert verdicts(three) == ["Not in use", "Champion", "Previous"]


def test_a_decision_stands_though_its_card_cannot_be_stored(empty, tmp_path):
    version = empty.register(nearest_mean(GOOD))
    (card,) = (tmp_path / "artifacts").rglob("model_card.md")
    card.unlink()
    card.mkdir()  # no file can be written there
    empty.registry.promote(version, "the first")
    assert empty.aliases() == {"champion": 1}
    assert empty.client.get_model_version(NAME, "1").description.startswith("**Champion**")


def test_a_registration_that_cannot_write_its_files_leaves_no_version(empty, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(empty.client, "log_model_artifacts", full)
    with pytest.raises(OSError, match="No space left"):
        empty.register(nearest_mean(GOOD))
    assert empty.client.search_model_versions() == []
