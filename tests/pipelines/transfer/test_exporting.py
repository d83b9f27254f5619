"""What leaves a store in a file: a run with its models and versions, and nothing of this store."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest
from mlflow.entities import LoggedModelOutput
from mlflow.exceptions import MlflowException

from pipelines.errors import RegistryError, WrongUse
from pipelines.transfer import bundle, exporting
from tests.support.two_stores import DIGITS, NAME, Store


def champion_run(store: Store) -> str:
    return store.registry.champion(NAME).run_id


def ended_run(store: Store, status: str = "FINISHED") -> str:
    """A run without artifacts."""
    with store.tracking.run(store.tracking.experiment("neurons"), "relu", {}) as run_id:
        pass
    store.client.set_terminated(run_id, status, 1_700_000_000_000)
    return run_id


COMMAND = {"mlflow.source.name"}  # which may name files of this machine


@pytest.fixture
def manifest(file, tmp_path) -> bundle.Manifest:
    return bundle.unpack(file, tmp_path / "out")


def test_the_runs_own_words_and_numbers_are_in_the_manifest(origin, manifest):
    run, source = manifest.run, origin.client.get_run(champion_run(origin))
    assert (run.id, run.name, run.status) == (source.info.run_id, "mnist_ann", "FINISHED")
    assert (run.start, run.end) == (source.info.start_time, source.info.end_time)
    assert run.params == source.data.params
    names = [name for name, *_ in run.metrics]
    assert names == sorted(names)
    accuracies = [(value, step) for name, value, _, step in run.metrics if name == "val_accuracy"]
    assert len(accuracies) == 5
    assert accuracies[-1] == (0.9, 5)
    (data,) = run.inputs
    assert (data.digest, data.context) == (DIGITS.digest[:36], "training")
    assert (manifest.experiment, manifest.question) == (
        origin.client.get_experiment(source.info.experiment_id).name,
        "digits",
    )
    assert manifest.note


def test_what_says_something_of_this_store_alone_stays_here(origin, manifest):
    tags = origin.client.get_run(champion_run(origin)).data.tags
    assert tags.keys() - manifest.run.tags.keys() == {"process", "latest", "mlflow.user"}
    assert all(manifest.run.tags[name] == tags[name] for name in manifest.run.tags.keys() - COMMAND)
    assert not any("mlflow.modelVersions" in model.tags for model in manifest.models)


@pytest.mark.parametrize(
    ("said", "exported"),
    [
        ("points:/home/me/my points/a.csv", "points:a.csv"),
        ("held_out points:/home/me/a.csv", "held_out points:a.csv"),
        ("images:letters=/home/me/letters", "images:letters=letters"),
        ("cubic size=20 noise=0.1", "cubic size=20 noise=0.1"),
    ],
)
def test_files_of_this_machine_go_out_by_their_names(target, tmp_path, said, exported):
    path = said[said.find("/") :]
    about = {
        "set.data": path,
        "mlflow.source.name": f"ann run a --data {path} --table ~/b/mine.toml --set data=/c/d.csv",
        "pictures": "/home/me/photos",
    }
    with target.tracking.run(target.tracking.experiment("neurons"), "relu", about) as run_id:
        target.client.log_param(run_id, "data", said)
    target.export(run_id, tmp_path / "a.zip")
    manifest = bundle.unpack(tmp_path / "a.zip", tmp_path / "out")
    assert manifest.run.params == {"data": exported}
    name = path.rpartition("/")[2]
    found = manifest.run.tags
    assert (found["set.data"], found["pictures"]) == (name, "photos")
    command = f"ann run a --data {name} --table mine.toml --set data=d.csv"
    assert found["mlflow.source.name"] == command


def test_the_champions_version_has_its_tags_aliases_and_which_model_it_is_of(origin, manifest):
    (version,) = manifest.versions
    assert (version.name, version.number, version.aliases) == (NAME, "1", ["champion"])
    assert version.tags == origin.registry.champion(NAME).tags
    assert len(manifest.models) == 2
    (onnx,) = [name for name in manifest.files if name.endswith("model.onnx")]
    assert onnx.startswith(f"models/{version.model}/")
    assert manifest.files.keys() > {"run/curves.npz", "models/0/MLmodel", "models/1/MLmodel"}


@pytest.mark.parametrize("status", ["FINISHED", "FAILED", "KILLED"])
def test_a_run_without_artifacts_and_models_can_go_out_however_it_ended(target, tmp_path, status):
    run_id = ended_run(target, status)
    target.export(run_id, tmp_path / "a.zip")
    manifest = bundle.unpack(tmp_path / "a.zip", tmp_path / "out")
    assert (manifest.run.id, manifest.run.status) == (run_id, status)
    assert (manifest.models, manifest.versions, manifest.files) == ([], [], {})


def register(store: Store, run_id: str, name: str) -> None:
    store.client.create_registered_model(name)
    store.client.create_model_version(name, "file:///x", run_id, await_creation_for=0)


def test_a_version_of_another_tool_is_refused_with_the_tag_that_it_lacks(target, tmp_path):
    run_id = ended_run(target)
    register(target, run_id, NAME)
    lacking = rf"{NAME}/1 of run {run_id} has no tag .*_sha256: what another tool registered"
    with pytest.raises(WrongUse, match=lacking):
        target.export(run_id, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


@pytest.mark.parametrize("alias", ["champion", "previous", "challenger"])
def test_an_alias_names_mnists_version_where_there_is_one(target, alias):
    runs = {}
    for name in (NAME, "mnist-digits"):
        runs[name] = ended_run(target)
        register(target, runs[name], name)
        target.client.set_registered_model_alias(name, alias, "1")
        found = exporting._run_of(target.tracking, target.registry, alias)
        assert found.info.run_id == runs[name]


def test_a_version_is_named_by_model_and_number(target):
    runs = [ended_run(target) for _ in range(2)]
    register(target, runs[0], NAME)
    target.client.create_model_version(NAME, "file:///x", runs[1], await_creation_for=0)
    found = exporting._run_of(target.tracking, target.registry, f"{NAME}/2")
    assert found.info.run_id == runs[1]


def test_an_unavailable_server_is_no_missing_run(target, monkeypatch):
    def unavailable(run_id):
        raise MlflowException("the server is busy")

    monkeypatch.setattr(target.client, "get_run", unavailable)
    with pytest.raises(MlflowException, match="the server is busy"):
        target.export("0a1b", "a.zip")


def test_what_was_imported_can_be_exported_again(target, file, tmp_path):
    imported = target.bring_in(file)
    manifest = target.export(f"{NAME}/1", tmp_path / "again.zip")
    assert manifest.run.id == imported.run_id
    assert manifest.versions[0].tags["imported_version"] == f"{NAME}/1"


@pytest.mark.parametrize("subject", ["0a1b", "challenger", "no such thing"])
def test_an_unknown_subject_is_refused_with_what_can_be_named(origin, tmp_path, subject):
    with pytest.raises(WrongUse, match=r"there is no (run '|challenger yet)"):
        origin.export(subject, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_an_unfinished_run_is_not_exported(target, tmp_path):
    experiment = target.tracking.experiment("digits")
    run_id = target.client.create_run(experiment).info.run_id
    with pytest.raises(WrongUse, match="is RUNNING: it can be exported when it has ended"):
        target.export(run_id, tmp_path / "a.zip")


def test_a_version_of_an_image_data_set_is_refused_when_it_is_exported(target, tmp_path):
    experiment = target.tracking.experiment("digits")
    with target.tracking.run(experiment, "mnist_cnn", {}) as run_id:
        logged = target.client.create_logged_model(experiment, "mnist_cnn", run_id)
        target.client.log_outputs(run_id, [LoggedModelOutput(logged.model_id, step=0)])
        target.registry.add(logged, run_id, {"data": "fashion-mnist"})
    with pytest.raises(WrongUse, match=r"fashion-mnist/1 of run .*: only digit models"):
        target.export(run_id, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_an_artifact_that_no_import_takes_is_refused_when_it_is_exported(target, tmp_path):
    experiment = target.tracking.experiment("digits")
    with target.tracking.run(experiment, "mnist_cnn", {}) as run_id:
        target.client.log_text(run_id, "x", "mine/notes.csv")
    with pytest.raises(WrongUse, match=r"run/mine/notes\.csv is of a kind"):
        target.export(run_id, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_a_version_of_other_pictures_is_refused_as_what_is_not_exported():
    why = exporting._why_not(SimpleNamespace(name="letters"))
    assert why.endswith("only digit models are exported")


def remove(path: Path) -> None:
    path.unlink()


def alter(path: Path) -> None:
    path.write_bytes(b"altered")


@pytest.mark.parametrize(
    ("damage", "name", "message"),
    [
        (remove, "model.onnx", r"model\.onnx of .* is missing in the artifact"),
        (remove, "data/model.keras", r"data/model\.keras of .* is missing in the artifact"),
        (remove, "validation.npz", r"validation\.npz of .* is missing in the artifact"),
        (shutil.rmtree, ".", r"model\.onnx of .* is missing in the artifact"),
        (alter, "probe.npz", r"probe\.npz of .* altered or damaged"),
    ],
    ids=["model", "Keras model", "validation", "whole folder", "altered probe"],
)
def test_a_version_whose_files_are_gone_or_altered_is_not_exported(
    target, file, tmp_path, damage, name, message
):
    (version,) = target.bring_in(file).versions
    root = urlsplit(target.client.get_model_version_download_uri(version.name, version.number))
    damage(Path(root.path) / name)
    with pytest.raises(RegistryError, match=message):
        target.export(f"{version.name}/{version.number}", tmp_path / "again.zip")
    assert not (tmp_path / "again.zip").exists()
