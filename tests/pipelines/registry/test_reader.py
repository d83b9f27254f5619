"""What is registered, read and never made: versions, the champion, the history."""

from dataclasses import asdict

import pytest
from mlflow import MlflowClient

from pipelines.errors import UnknownVersion
from pipelines.registry import history
from pipelines.registry.history import Event
from pipelines.registry.reader import MODEL_NAMES, RegistryReader
from serving import settings as serving_settings

MNIST, NAME = "mnist-digits", "offline-digits"


@pytest.fixture
def client(store) -> MlflowClient:
    return store.client


@pytest.fixture
def reader(store) -> RegistryReader:
    return RegistryReader(store.settings.tracking_uri)


def register(client: MlflowClient, name: str, *tags: dict[str, str]) -> None:
    """A registered model with a version for each of the tags."""
    client.create_registered_model(name)
    for about in tags:
        client.create_model_version(name, "file:///x", tags=about, await_creation_for=0)


def test_versions_are_listed_newest_first_with_their_aliases_and_tags(client, reader):
    register(client, NAME, {"decision": "promoted"}, *[{}] * 9, {"decision": "refused"})
    for alias, number in (("champion", "1"), ("previous", "1"), ("challenger", "11")):
        client.set_registered_model_alias(NAME, alias, number)
    found = reader.versions(NAME)
    assert [version.number for version in found] == [str(n) for n in range(11, 0, -1)]
    assert found[0].aliases == ("challenger",)
    assert found[-1].aliases == ("champion", "previous")
    assert (found[0].decision, found[-1].decision) == ("refused", "promoted")
    assert reader.version(NAME, "11") == found[0]


@pytest.mark.parametrize("number", ["7", "x", "0", ""])
def test_an_unknown_version_is_answered_with_the_known_ones(client, reader, number):
    register(client, NAME, {}, {})
    with pytest.raises(UnknownVersion) as unknown:
        reader.version(NAME, number)
    assert str(unknown.value) == f"{NAME} has no version {number!r}; its versions: 2, 1."


def test_of_a_model_without_versions_none_is_known(reader):
    with pytest.raises(UnknownVersion, match=r"has no version '1'; its versions: none\."):
        reader.version(NAME, "1")


def test_the_current_champion_is_of_mnist_if_there_is_one(client, reader):
    register(client, NAME, {})
    assert reader.current_champion() is None
    client.set_registered_model_alias(NAME, "champion", "1")
    register(client, MNIST, {}, {})
    assert str(reader.current_champion()) == "offline-digits version 1"
    client.set_registered_model_alias(MNIST, "champion", "2")
    assert str(reader.current_champion()) == "mnist-digits version 2"
    assert reader.champion(NAME).number == "1"


def test_a_champion_that_was_deleted_is_none(client, reader):
    register(client, NAME, {}, {})
    client.set_registered_model_alias(NAME, "champion", "2")
    client.delete_model_version(NAME, "2")
    assert reader.champion(NAME) is None
    assert [version.number for version in reader.versions(NAME)] == ["1"]


def test_registered_models_are_found_by_name(client, reader):
    register(client, NAME, {})
    register(client, "fashion-mnist", {}, {})
    found = reader.models()
    assert list(found) == ["fashion-mnist", NAME]
    assert found["fashion-mnist"].newest_version == 2


def test_the_history_is_read_newest_first(client, reader):
    register(client, NAME, {})
    events = [
        Event(f"2027-01-0{day}T00:00:00.000000+00:00", "1", history.PROMOTED, "hand", "ada", "why")
        for day in (1, 3, 2)
    ]
    for event in events:
        client.set_registered_model_tag(NAME, *history.as_tag(event))
    assert [event.time[:10] for event in reader.history(NAME)] == [
        "2027-01-03",
        "2027-01-02",
        "2027-01-01",
    ]
    assert asdict(reader.history(NAME)[-1]) == asdict(events[0])


def recorded_champion(client: MlflowClient, number: str) -> None:
    event = Event(
        "2027-01-01T00:00:00.000000+00:00", number, history.PROMOTED, "hand", "ada", "why"
    )
    client.set_registered_model_tag(NAME, *history.as_tag(event))
    client.set_registered_model_alias(NAME, "champion", number)


def test_another_champion_than_the_one_on_record_is_a_move_and_so_is_none(client, reader):
    register(client, NAME, {}, {})
    client.set_registered_model_alias(NAME, "champion", "2")
    assert reader.unrecorded_move(NAME) is None  # none is on record
    recorded_champion(client, "1")
    assert reader.unrecorded_move(NAME) is None
    client.set_registered_model_alias(NAME, "champion", "2")
    before, now = reader.unrecorded_move(NAME)
    assert (before.number, now.number) == ("1", "2")
    client.delete_registered_model_alias(NAME, "champion")
    before, now = reader.unrecorded_move(NAME)
    assert (before.number, now) == ("1", None)


def test_a_champion_after_a_recorded_removal_is_a_move(client, reader):
    register(client, NAME, {}, {})
    removal = Event(
        "2027-01-01T00:00:00.000000+00:00", "1", history.REMOVED, "elsewhere", "ada", "why", "1"
    )
    client.set_registered_model_tag(NAME, *history.as_tag(removal))
    assert reader.unrecorded_move(NAME) is None
    client.set_registered_model_alias(NAME, "champion", "2")
    before, now = reader.unrecorded_move(NAME)
    assert (before, now.number) == (None, "2")


def test_a_champion_that_was_deleted_is_no_move(client, reader):
    register(client, NAME, {}, {})
    recorded_champion(client, "1")
    client.delete_model_version(NAME, "1")
    assert reader.unrecorded_move(NAME) is None


def test_a_model_that_was_never_registered_has_no_versions_champion_or_history(reader):
    assert reader.versions(NAME) == reader.history(NAME) == []
    assert reader.champion(NAME) is None
    assert reader.models() == {}


def test_while_the_store_is_not_made_yet_there_is_nothing_and_nothing_is_made(tmp_path):
    reader = RegistryReader(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert reader.versions(NAME) == reader.history(NAME) == []
    assert (reader.models(), reader.champion(NAME), reader.current_champion()) == ({}, None, None)
    with pytest.raises(UnknownVersion):
        reader.version(NAME, "1")
    assert list(tmp_path.iterdir()) == []


def test_pipelines_and_service_look_for_the_champion_in_the_same_order():
    assert tuple(MODEL_NAMES.values()) == serving_settings.NAMES
