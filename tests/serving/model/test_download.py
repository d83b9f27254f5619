"""Versions from a registry: found, downloaded once, and what an unavailable registry changes."""

import json
import os
import shutil
import sys
import time
from subprocess import run

import numpy as np
import pytest

from ann_models import datasets
from serving.errors import NoChampion, RegistryUnavailable, ServingError, UnverifiedModel
from serving.model import download
from serving.model.download import (
    fetch,
    find_model,
    find_other_models,
    find_version,
    list_versions,
)
from tests.support.promoted import network
from tests.support.workplace import NAME

DIGITS = datasets.digits("offline-digits")
IMAGES = DIGITS.arrays["x_test"][:20]


def test_the_copy_lies_in_the_state_folder(place):
    place.fetch()
    assert sorted(path.name for path in place.copy.iterdir()) == [
        "model.onnx",
        "probe.npz",
        "version.json",
    ]
    assert (place.copy.parent / "last_good_champion").read_text() == "1"


def test_a_version_that_is_here_already_is_not_downloaded_again(place):
    place.fetch()
    written = (place.copy / "model.onnx").stat().st_mtime_ns
    place.fetch()
    assert (place.copy / "model.onnx").stat().st_mtime_ns == written


def test_a_moved_alias_is_followed(place):
    place.fetch()
    place.registry.promote(place.registry.version(NAME, "2"), "for the test")
    assert place.fetch().version == "2"
    assert place.fetch("previous").version == "1"


def test_a_damaged_copy_is_downloaded_again(place):
    place.fetch()
    (place.copy / "model.onnx").write_bytes(b"damaged")
    assert place.fetch().registry_error is None


def test_a_missing_alias_says_how_to_get_a_champion(place):
    with pytest.raises(NoChampion, match=r"no offline-digits@challenger; .*`ann run`"):
        place.fetch("challenger")


def test_a_missing_model_says_how_to_get_a_champion(place):
    with pytest.raises(NoChampion, match="no mnist-digits@champion"):
        fetch(place.uri, "mnist-digits", "champion", place.home)


def test_the_last_good_copy_serves_when_the_server_is_gone_and_says_so(
    place, dead_server, monkeypatch
):
    # serving's own default, which the pipelines replace where both share a process
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    place.fetch()
    started = time.monotonic()
    champion = fetch(dead_server, NAME, "champion", place.home)
    assert time.monotonic() - started < 10
    assert champion.version == "1"
    assert f"registry at {dead_server} cannot be reached" in champion.registry_error
    np.testing.assert_allclose(champion.predict(IMAGES), network(seed=1)(IMAGES), atol=1e-5)


def test_the_last_good_copy_serves_when_the_store_is_deleted(place):
    place.fetch()
    (place.store / "mlflow.db").unlink()
    assert "there is no registry at sqlite:///" in place.fetch().registry_error
    assert not (place.store / "mlflow.db").exists()  # and no empty one is made by asking


def test_the_last_good_copy_serves_when_the_store_is_damaged(place):
    place.fetch()
    (place.store / "mlflow.db").write_bytes(b"damaged" * 1000)
    assert place.fetch().version == "1"


def test_the_last_good_copy_serves_when_the_new_champions_files_are_gone(place, tmp_path):
    place.fetch()
    two = place.registry.client.get_model_version_download_uri(NAME, "2")
    place.registry.promote(place.registry.version(NAME, "2"), "for the test")
    shutil.move(two, tmp_path / "elsewhere")
    try:
        champion = place.fetch()
    finally:
        shutil.move(tmp_path / "elsewhere", two)
    assert (champion.version, champion.registry_error is None) == ("1", False)


def test_without_a_last_good_copy_the_registrys_absence_is_an_error(place, dead_server):
    with pytest.raises(RegistryUnavailable, match=r"Is its server running.*MLFLOW_TRACKING_URI"):
        fetch(dead_server, NAME, "champion", place.home)
    assert issubclass(RegistryUnavailable, ServingError)


def test_a_damaged_last_good_copy_is_not_served(place, dead_server):
    place.fetch()
    manifest = json.loads((place.copy / "version.json").read_text())
    (place.copy / "version.json").write_text(json.dumps(manifest | {"onnx_sha256": "0" * 64}))
    with pytest.raises(UnverifiedModel):
        fetch(dead_server, NAME, "champion", place.home)


def test_serving_needs_no_tensorflow():
    script = (
        "import sys, serving.model.download; "
        "print([m for m in ('tensorflow', 'keras', 'ann_models', 'pipelines') if m in sys.modules])"
    )
    outcome = run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert outcome.stdout.strip() == "[]"


# What the registry is asked


def test_a_version_is_found_by_alias_or_by_number(place):
    by_alias = find_version(place.uri, NAME, "champion")
    assert (by_alias.name, by_alias.version) == (NAME, "1")
    assert find_version(place.uri, NAME, None, "2").version == "2"
    assert find_version(place.uri, NAME, "champion", "2").version == "1"


@pytest.mark.parametrize(
    ("alias", "number", "wanted"),
    [
        (None, "9", "version 9 of offline-digits"),
        (None, "x", "version x of offline-digits"),
        ("challenger", None, "offline-digits@challenger"),
        ("challenger", "1", "offline-digits@challenger"),
    ],
)
def test_a_version_that_is_not_there_is_named_with_the_way_to_one(place, alias, number, wanted):
    with pytest.raises(NoChampion) as missing:
        find_version(place.uri, NAME, alias, number)
    reason = f"has no {wanted}; train and promote a model with `ann run`."
    assert str(missing.value) == f"the registry at {place.uri} {reason}"


def test_no_error_names_the_registrys_password(dead_server):
    uri = dead_server.replace("://", "://admin:s3cret@")
    assert str(download.no_version(uri, "x")).startswith(f"the registry at {dead_server} has no x;")
    with pytest.raises(RegistryUnavailable) as unavailable:
        find_model(uri, NAME)
    assert "s3cret" not in str(unavailable.value)


def test_versions_are_listed_the_lowest_first_with_their_runs(place):
    run_id = place.registry.version(NAME, "1").run_id
    assert list(list_versions(place.uri, NAME).items()) == [("1", run_id), ("2", run_id)]
    assert list_versions(place.uri, "mnist-digits") == {}


def test_a_model_is_found_with_its_aliases(place):
    assert find_model(place.uri, NAME).aliases == {"champion": "1"}
    assert find_model(place.uri, "mnist-digits") is None


def test_models_of_image_data_sets_are_found_by_name_up_to_a_number(place, monkeypatch):
    monkeypatch.setattr(download, "MOST_OTHER_MODELS", 2)
    monkeypatch.setattr(download, "LONGEST_NAME", 5)
    client = place.registry.client
    for name in ("lotus", "ab", "letters", "abc"):
        client.create_registered_model(name, {"data_set": "{}"})
    client.create_registered_model("aaa", {"data_set": ""})
    assert [model.name for model in find_other_models(place.uri)] == ["ab", "abc"]
    monkeypatch.setattr(download, "MOST_OTHER_MODELS", 50)
    assert [model.name for model in find_other_models(place.uri)] == ["ab", "abc", "lotus"]


# The copy


def test_a_copy_says_what_it_is_of(place):
    place.fetch()
    version = place.registry.version(NAME, "1")
    run = place.registry.client.get_run(version.run_id)
    assert json.loads((place.copy / "version.json").read_text()) == {
        "name": NAME,
        "version": "1",
        "data": "offline-digits",
        "run_id": version.run_id,
        "onnx_sha256": version.tags["onnx_sha256"],
        "experiment_id": run.info.experiment_id,
    }


def test_a_copy_of_a_version_of_no_run_has_no_experiment(place):
    client = place.registry.client
    version = place.registry.version(NAME, "1")
    source = client.get_model_version(NAME, "1").source
    client.create_model_version(NAME, source, None, dict(version.tags))
    client.set_registered_model_alias(NAME, "champion", "3")
    champion = place.fetch()
    assert (champion.version, champion.experiment_id) == ("3", "")


@pytest.mark.parametrize("manifest", ["", "[]", "{}", "of another registry"])
def test_a_copy_of_something_else_is_downloaded_again(place, manifest):
    place.fetch()
    kept = place.copy / "version.json"
    right = kept.read_text()
    run_id = json.loads(right)["run_id"]
    kept.write_text(right.replace(run_id, manifest) if "other" in manifest else manifest)
    stale = place.copy / "hidden_layer.npz"
    stale.write_bytes(b"of another version")
    assert place.fetch().registry_error is None
    assert kept.read_text() == right
    assert not stale.exists()
    assert {path.name for path in place.copy.parent.iterdir()} == {"1", "last_good_champion"}


def test_a_copy_that_is_used_counts_as_used_lately(place):
    place.fetch()
    os.utime(place.copy, (1, 1))
    place.fetch()
    assert place.copy.stat().st_mtime > 1


@pytest.mark.parametrize("tag", ["onnx_sha256", "data"])
def test_a_version_that_another_program_registered_is_refused(place, tag):
    place.registry.client.delete_model_version_tag(NAME, "1", tag)
    with pytest.raises(UnverifiedModel, match=r"offline-digits version 1 has no tag .*promote one"):
        place.fetch()
    assert not place.copy.exists()


def test_a_database_that_holds_no_store_is_an_unavailable_registry(tmp_path):
    with pytest.raises(RegistryUnavailable) as refused:
        download.find_model(f"sqlite+pysqlite:///{tmp_path}/empty.db", NAME)
    assert "let the first run make one there. Is its server running" in str(refused.value)
