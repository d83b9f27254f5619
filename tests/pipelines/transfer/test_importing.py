"""A run out of a file is the same here, and stands for what it stood for there."""

import json
import zipfile

import numpy as np
import pytest
from click.testing import CliRunner

from ann_models.entry import Question
from pipelines.cli.main import main
from pipelines.transfer import bundle
from serving.model.download import fetch
from tests.support.two_stores import DIGITS, NAME, Store, forged, of

OWN = Question("width", "How wide?", "Compare the curves.")
IMAGES = DIGITS.arrays["x_test"]


def champion_run(store: Store) -> str:
    return store.registry.champion(NAME).run_id


# --- the same there -------------------------------------------------------------------------------


def test_a_run_has_its_parameters_metrics_data_artifacts_and_times_there(origin, target, file):
    there = target.bring_in(file).run_id
    here = champion_run(origin)
    before, after = origin.client.get_run(here), target.client.get_run(there)
    assert after.data.params == before.data.params
    assert target.history(there, "val_accuracy") == origin.history(here, "val_accuracy")
    assert len(target.history(there, "val_accuracy")) == 5
    assert np.isnan(after.data.metrics["never"])
    assert target.files(there) == origin.files(here)
    assert after.info.status == "FINISHED"
    assert (after.info.start_time, after.info.end_time) == (
        before.info.start_time,
        before.info.end_time,
    )
    (data,) = after.inputs.dataset_inputs
    assert data.dataset.digest == before.inputs.dataset_inputs[0].dataset.digest
    assert json.loads(data.dataset.source)["sha256"] == DIGITS.digest
    experiment = target.client.get_experiment(after.info.experiment_id)
    assert experiment.tags["question"] == "digits"
    assert len(after.outputs.model_outputs) == 2


def test_its_note_shows_its_own_pictures_and_it_stands_for_its_variant(origin, target, file):
    run_id = target.bring_in(file).run_id
    note = target.client.get_run(run_id).data.tags["mlflow.note.content"]
    assert f"run_uuid={run_id}" in note
    assert champion_run(origin) not in note
    assert [run.info.run_id for run in target.tracking.newest("digits")] == [run_id]


def test_a_version_answers_with_identical_probabilities_there(origin, target, file, tmp_path):
    (version,) = target.bring_in(file).versions
    target.registry.promote(version, "the round trip's end")
    before = fetch(origin.settings.tracking_uri, NAME, "champion", tmp_path / "one")
    after = fetch(target.settings.tracking_uri, NAME, "champion", tmp_path / "two")
    np.testing.assert_array_equal(after.predict(IMAGES), before.predict(IMAGES))
    model = target.registry.artifacts.keras_model(version)
    original = origin.registry.artifacts.keras_model(origin.registry.champion(NAME))
    for weight, expected in zip(model.get_weights(), original.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, expected)


def test_mlflows_own_loader_finds_the_model_under_its_new_name(target, file):
    import mlflow.pyfunc

    (version,) = target.bring_in(file).versions
    entry = target.client.get_model_version(NAME, version.number)
    model = mlflow.pyfunc.load_model(entry.source)
    assert model.predict(IMAGES[:2].astype(np.float32))["probabilities"].shape == (2, 10)
    assert model.metadata.run_id == version.run_id
    assert model.metadata.model_id in entry.source


def test_a_version_says_where_it_comes_from_and_nothing_is_promoted(origin, target, file):
    (version,) = target.bring_in(file).versions
    assert version.tags["imported_version"] == f"{NAME}/1"
    assert version.tags["imported_run_id"] == champion_run(origin)
    assert version.tags["imported_sha256"] == bundle.sha256(file)
    assert version.tags["origin_decision"] == "promoted"
    assert "There is no champion to compare it with." in version.tags["origin_reasons"]
    assert version.tags["git_commit"] == "c0ffee"
    assert version.decision == "undecided"
    assert target.registry.champion(NAME) is None
    assert target.registry.judge(version).promote


def test_the_same_file_again_makes_nothing_twice(target, file):
    first, second = target.bring_in(file), target.bring_in(file)
    assert (first.new, second.new) == (True, False)
    assert second.run_id == first.run_id
    assert [v.number for v in second.versions] == ["1"]
    assert len(target.registry.versions(NAME)) == 1


def test_every_step_of_a_curve_arrives(origin, target, file):
    run_id = target.bring_in(file).run_id
    for name in ("val_accuracy", "never"):
        assert len(target.history(run_id, name)) == len(origin.history(champion_run(origin), name))


def test_the_gates_opinions_are_those_of_its_origin_and_its_facts_stay(target, file):
    (version,) = target.bring_in(file).versions
    assert {"decision", "reasons"}.isdisjoint(version.tags)
    assert version.tags["origin_decision"] == "promoted"
    assert "onnx_ms" in version.tags
    assert "origin_onnx_ms" not in version.tags


def test_each_model_is_ready_and_belongs_to_the_run(target, file):
    imported = target.bring_in(file)
    run = target.client.get_run(imported.run_id)
    for output in run.outputs.model_outputs:
        model = target.client.get_logged_model(output.model_id)
        assert (str(model.status), model.source_run_id) == ("READY", imported.run_id)


# --- its question, and for what it stands ---------------------------------------------------------


def without(*keys: str):
    def change(document, folder) -> None:
        for key in keys:
            del document["run"]["tags"][key]

    return change


def overview(document, folder) -> None:
    without("variant", "seeds")(document, folder)


def trial(document, folder) -> None:
    of("Sweeps", "Sweeps")(document, folder)
    without("seeds")(document, folder)
    document["run"]["tags"]["set.epochs"] = "3"


@pytest.mark.parametrize(
    "change",
    [overview, trial, of("Retraining", "Retraining"), of("", "Default")],
    ids=["overview", "trial", "challenger", "another tool's"],
)
def test_a_run_that_is_none_of_a_variant_stands_for_none(file, target, tmp_path, change):
    forged(file, tmp_path / "forged.zip", change)
    run_id = target.bring_in(tmp_path / "forged.zip").run_id
    assert "latest" not in target.client.get_run(run_id).data.tags
    assert target.tracking.newest_by_variant() == {}
    assert target.bring_in(tmp_path / "forged.zip").run_id == run_id


def test_a_store_with_a_run_of_the_variant_goes_on_comparing_its_own(file, target):
    experiment = target.tracking.experiment("digits")
    with target.tracking.run(experiment, "mnist_ann", {"variant": "mnist_ann"}) as mine:
        pass
    target.tracking.make_newest(mine, "mnist_ann", experiment)
    target.bring_in(file)
    assert [run.info.run_id for run in target.tracking.newest("digits")] == [mine]


@pytest.mark.parametrize("status", ["FAILED", "KILLED"])
def test_a_run_that_failed_stands_for_nothing(file, target, tmp_path, status):
    def change(document, folder) -> None:
        document["run"]["status"] = status
        document["versions"] = []

    forged(file, tmp_path / "failed.zip", change)
    imported = target.bring_in(tmp_path / "failed.zip")
    assert target.client.get_run(imported.run_id).info.status == status
    assert imported.versions == target.tracking.newest("digits") == []


@pytest.fixture
def own(file, tmp_path):
    """The file of a run of a question of one's own, as a store with that question writes it."""
    store = Store(tmp_path / "another home")
    identity = store.tracking.add_question(OWN)
    note = store.client.get_experiment(identity).tags["mlflow.note.content"]

    def change(document, folder) -> None:
        document.update(question=OWN.key, experiment=OWN.title, note=note)

    forged(file, tmp_path / "own.zip", change)
    return tmp_path / "own.zip"


def test_a_question_of_ones_own_is_made_as_where_it_comes_from(own, target):
    run_id = target.bring_in(own).run_id
    (experiment,) = (e for e in target.tracking.experiments() if e.name == OWN.title)
    made = target.client.get_experiment(experiment.experiment_id).tags
    assert made["question"] == OWN.key
    assert made["mlflow.note.content"].startswith(OWN.look_at)
    assert made["mlflow.note.content"].count("](") == 1
    assert [run.info.run_id for run in target.tracking.newest(OWN.key)] == [run_id]
    assert target.tracking.newest_by_variant()["mnist_ann"].info.run_id == run_id


def test_an_overview_of_quick_looks_stays_among_them(file, target, tmp_path):
    def change(document, folder) -> None:
        overview(document, folder)
        document["experiment"] += " (quick look)"

    forged(file, tmp_path / "forged.zip", change)
    run = target.client.get_run(target.bring_in(tmp_path / "forged.zip").run_id)
    assert run.info.experiment_id == target.tracking.experiment("digits", quick=True)


def test_an_experiment_that_exists_keeps_its_tags(own, file, target, tmp_path):
    mine = target.tracking.add_question(Question(OWN.key, "My own title", "Look at mine."))
    watch = target.tracking.monitoring_experiment("Drift watch", "Mine.")
    before = [target.client.get_experiment(identity).tags for identity in (mine, watch)]
    imported = target.client.get_run(target.bring_in(own).run_id)
    assert imported.info.experiment_id == mine
    forged(file, tmp_path / "forged.zip", of("Drift watch", "Drift watch"))
    imported = target.client.get_run(target.bring_in(tmp_path / "forged.zip").run_id)
    assert imported.info.experiment_id == watch
    assert [target.client.get_experiment(i).tags for i in (mine, watch)] == before


@pytest.mark.parametrize("title", [OWN.title, "My own title"])
def test_an_import_into_an_experiment_that_was_deleted_restores_it(own, target, title):
    mine = target.tracking.add_question(Question(OWN.key, title, "Look at mine."))
    target.client.delete_experiment(mine)
    assert target.client.get_run(target.bring_in(own).run_id).info.experiment_id == mine


def test_an_import_into_a_deleted_monitoring_experiment_restores_it(file, target, tmp_path):
    watch = target.tracking.monitoring_experiment("Drift watch", "Mine.")
    target.client.delete_experiment(watch)
    forged(file, tmp_path / "forged.zip", of("Drift watch", "Drift watch"))
    imported = target.client.get_run(target.bring_in(tmp_path / "forged.zip").run_id)
    assert imported.info.experiment_id == watch


def test_a_file_whose_run_was_deleted_with_its_experiment_makes_nothing_twice(file, target):
    first = target.bring_in(file)
    target.client.delete_experiment(target.client.get_run(first.run_id).info.experiment_id)
    again = target.bring_in(file)
    assert (again.run_id, again.new) == (first.run_id, False)


# --- failures -------------------------------------------------------------------------------------


def test_an_import_that_fails_half_way_ends_as_failed_and_can_be_repeated(
    file, target, monkeypatch
):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as trouble:
        trouble.setattr(target.client, "log_model_artifacts", full)
        with pytest.raises(OSError, match="No space left"):
            target.bring_in(file)
    (run,) = target.tracking.runs()
    assert run.info.status == "FAILED"
    assert target.client.search_registered_models() == []
    again = target.bring_in(file)
    assert again.new
    assert [v.number for v in again.versions] == ["1"]


# --- the commands ---------------------------------------------------------------------------------


def test_the_commands_go_the_whole_way_and_ask_the_gate_only_if_told(
    origin, target, tmp_path, monkeypatch
):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)

    def ann(store, *words):
        environ = {"ANN_HOME": str(store.settings.home), "MLFLOW_TRACKING_URI": ""}
        return CliRunner().invoke(main, words, env=environ, catch_exceptions=False)

    file = str(tmp_path / "champion.zip")
    exported = ann(origin, "export", "champion", file)
    assert exported.exit_code == 0, exported.output
    assert f"{NAME}/1" in exported.stdout
    imported = ann(target, "import", file)
    assert f"{NAME} version 1: undecided" in imported.stdout
    assert "the gate was not run" in imported.stderr
    judged = ann(target, "import", file, "--judge", "--json")
    document = json.loads(judged.stdout)
    assert document["new"] is False
    assert document["versions"][0]["aliases"] == ["champion"]
    shown = ann(target, "models", "--name", NAME)
    assert f"imported: {NAME}/1, promoted there" in shown.stdout

    again = ann(origin, "export", "champion", file)
    assert again.exit_code == 2
    assert "is there already" in again.stderr
    with zipfile.ZipFile(file) as archive:
        assert "manifest.json" in archive.namelist()
