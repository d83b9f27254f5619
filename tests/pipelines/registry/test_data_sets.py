"""One entry an image data set: kept with its registered model, never that of other pictures."""

from dataclasses import replace

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INTERNAL_ERROR
from mlflow.store.model_registry.dbmodels.models import SqlRegisteredModelTag

from pipelines.errors import WrongUse
from pipelines.registry.client import Registry
from pipelines.registry.data_sets import DataSetEntry, DataSets

LETTERS = DataSetEntry("letters", "letters=/home/me/letters", ("A", "B"), "a" * 64)


@pytest.fixture
def registry(store, tmp_path) -> Registry:
    return Registry(store.settings.tracking_uri, tmp_path)


def test_an_entry_is_found_as_it_was_kept(registry):
    assert registry.data_sets.find("letters") is None
    registry.make("letters")
    registry.data_sets.keep(LETTERS)
    assert registry.data_sets.find("letters") == LETTERS


def test_class_names_of_any_script_have_the_room_that_latin_ones_have(registry):
    cyrillic = replace(LETTERS, classes=tuple(f"буква{i:03}" for i in range(300)))
    registry.data_sets.check(cyrillic)
    registry.make("letters")
    registry.data_sets.keep(cyrillic)
    assert registry.data_sets.find("letters") == cyrillic
    kept = registry.client.get_registered_model("letters").tags["data_set"]
    assert len(kept) < SqlRegisteredModelTag.__table__.c.value.type.length


def test_a_class_whose_folder_is_not_named_in_utf_8_is_kept(registry):
    odd = replace(LETTERS, classes=("A", "\udce9t\udce9"))
    registry.make("letters")
    registry.data_sets.keep(odd)
    assert registry.data_sets.find("letters") == odd


LONG = replace(LETTERS, classes=tuple(f"{i:03}" + "x" * 40 for i in range(150)))


def test_class_names_that_a_servers_database_cannot_hold_are_refused_before_the_training():
    room = SqlRegisteredModelTag.__table__.c.value.type.length
    elsewhere = DataSets(MlflowClient("http://127.0.0.1:9"))
    with pytest.raises(WrongUse, match=rf"150 classes.*{room:,}.*shorter names"):
        elsewhere.check(LONG)


def test_sqlite_has_room_for_class_names_of_any_length(registry):
    registry.make("letters")
    registry.data_sets.keep(LONG)
    assert registry.data_sets.find("letters") == LONG


def test_the_same_pictures_may_move(registry):
    registry.make("letters")
    registry.data_sets.keep(LETTERS)
    moved = replace(LETTERS, found_at="letters=/elsewhere")
    registry.data_sets.keep(moved)
    assert registry.data_sets.find("letters") == moved


def test_other_pictures_under_its_name_are_refused_with_a_remedy(registry):
    registry.make("letters")
    registry.data_sets.keep(LETTERS)
    other = replace(LETTERS, sha256="b" * 64)
    with pytest.raises(
        WrongUse, match=r"other pictures or names of classes than before: SHA-256 b{12}.*letters-2"
    ):
        registry.data_sets.keep(other)
    assert registry.data_sets.find("letters") == LETTERS


def test_a_model_of_another_origin_is_not_taken_over(registry):
    registry.client.create_registered_model("letters")
    registry.client.create_model_version("letters", "/somewhere")
    with pytest.raises(WrongUse, match="no image data set belongs to"):
        registry.data_sets.check(LETTERS)


def test_a_registry_that_fails_is_no_digit_model(registry, monkeypatch):
    def fails(_):
        raise MlflowException("no answer", INTERNAL_ERROR)

    monkeypatch.setattr(registry.client, "get_registered_model", fails)
    with pytest.raises(MlflowException, match="no answer"):
        registry.data_sets.find("letters")


def test_a_registered_model_without_an_entry_is_a_digit_model(registry):
    registry.client.create_registered_model("mnist-digits")
    assert registry.data_sets.find("mnist-digits") is None
