"""The champion that answers: MNIST's, or that of the offline digits while there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.errors import WrongUse
from pipelines.settings import Settings

if TYPE_CHECKING:
    from serving.model.loaded_model import LoadedModel


def fetch_champion(settings: Settings, model: str | None = None) -> LoadedModel:
    """The champion of a model, verified; of none, as the digit service chooses it.

    Args:
        settings: this machine's.
        model: a registered model; None: the first of `serving.settings.NAMES` with a champion.

    Raises:
        NoChampion: no registered model has a champion.
        WrongUse: the named model has none.
        UnverifiedModel: its files are not what was registered.
        RegistryUnavailable: the registry does not answer and there is no last known good copy.
    """
    from serving.errors import NoChampion
    from serving.model.download import fetch
    from serving.settings import ALIAS, NAMES

    missing: list[NoChampion] = []
    for name in NAMES if model is None else [model]:
        try:
            return fetch(settings.tracking_uri, name, ALIAS, settings.home)
        except NoChampion as error:
            missing.append(error)
    if model is not None:
        raise without_champion(model)
    raise missing[0]


def without_champion(model: str) -> WrongUse:
    """The error of a model that was named and has no champion."""
    return WrongUse(f"{model!r} has no champion; `ann models` lists what is registered.")
