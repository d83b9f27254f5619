"""The champion that answers: MNIST's first, then that of the offline digits."""

from typing import ClassVar

import pytest

from pipelines import settings
from pipelines.errors import WrongUse
from pipelines.registry.champion import fetch_champion
from serving.errors import NoChampion, RegistryUnavailable
from serving.model import download


class Registry:
    """Stands for the service's download: what it has by name, and what was asked for."""

    champions: ClassVar[dict[str, str | Exception]] = {}
    asked: ClassVar[list[tuple[str, str, str]]] = []

    @classmethod
    def fetch(cls, uri, name, alias, home):
        cls.asked.append((uri, name, alias))
        found = cls.champions.get(name, NoChampion(f"{name} has no champion."))
        if isinstance(found, Exception):
            raise found
        return found


@pytest.fixture
def registry(monkeypatch) -> type[Registry]:
    monkeypatch.setattr(download, "fetch", Registry.fetch)
    monkeypatch.setattr(Registry, "champions", {})
    monkeypatch.setattr(Registry, "asked", [])
    return Registry


@pytest.fixture
def found_settings(tmp_path):
    return settings.load({"ANN_HOME": str(tmp_path)})


def test_mnists_champion_answers_though_the_offline_digits_have_one(registry, found_settings):
    registry.champions.update({"mnist-digits": "of MNIST", "offline-digits": "offline"})
    assert fetch_champion(found_settings) == "of MNIST"
    assert registry.asked == [(found_settings.tracking_uri, "mnist-digits", "champion")]


def test_without_one_that_of_the_offline_digits_answers(registry, found_settings):
    registry.champions["offline-digits"] = "offline"
    assert fetch_champion(found_settings) == "offline"


def test_without_any_the_first_model_is_named(registry, found_settings):
    with pytest.raises(NoChampion, match="mnist-digits has no champion"):
        fetch_champion(found_settings)


def test_a_registry_that_does_not_answer_is_no_missing_champion(registry, found_settings):
    registry.champions |= {
        "mnist-digits": RegistryUnavailable("It does not answer."),
        "offline-digits": "offline",
    }
    with pytest.raises(RegistryUnavailable):
        fetch_champion(found_settings)


def test_a_model_that_is_named_answers_or_is_said_to_have_no_champion(registry, found_settings):
    registry.champions.update({"mnist-digits": "of MNIST", "letters": "of letters"})
    assert fetch_champion(found_settings, "letters") == "of letters"
    with pytest.raises(WrongUse, match=r"'other' has no champion; `ann models` lists"):
        fetch_champion(found_settings, "other")
    assert [name for _, name, _ in registry.asked] == ["letters", "other"]
