"""Follows the alias in the registry: what it names is downloaded here and verified, then announced.

This runs beside the workers, so that MLflow's weight and its waiting are not theirs.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from serving.errors import NoChampion, RegistryUnavailable, UnverifiedModel
from serving.model import copies, download
from serving.settings import ALIAS, NAMES, NOT_ASKED, Settings

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

REFUSED_SECONDS = 60  # until a version that did not verify is tried again


@dataclass(frozen=True)
class Refusal:
    """A version that the alias names but that does not verify."""

    name: str
    version: str
    reason: str


@dataclass(frozen=True)
class Status:
    """What is to be served, and how sure that is.

    Attributes:
        name: the registered model; None while there is none.
        version: its version.
        registry_error: why the registry could not confirm it; None if it did.
        refused: what the alias names instead, if that does not verify.
    """

    name: str | None = None
    version: str | None = None
    registry_error: str | None = NOT_ASKED
    refused: Refusal | None = None


class Follower:
    """Looks at the alias; for one thread alone."""

    def __init__(self, settings: Settings) -> None:
        """Start from what served last."""
        self._settings = settings
        self._retry_at = 0.0
        self.status = Status()
        for name in NAMES:
            pointer = settings.home / "served" / name / f"last_good_{ALIAS}"
            if pointer.exists():
                self.status = Status(name, pointer.read_text())
                break

    def poll(self) -> Status:
        """Poll once and download what is new; a registry that is away takes some ten seconds.

        Nothing is raised: what went wrong is the status's `registry_error`.
        """
        try:
            self.status = self._poll()
        except (RegistryUnavailable, NoChampion) as error:
            self.status = replace(self.status, registry_error=str(error))
        except Exception as error:  # a poll that failed must not be the last one
            reason = f"the registry could not be asked ({type(error).__name__}: {error})."
            self.status = replace(self.status, registry_error=reason)
        return self.status

    def download(self, name: str, alias: str | None, number: str | None) -> str:
        """Download the version under an alias, or that of a number; return its number.

        Raises:
            NoChampion: the registry has none.
            UnverifiedModel: it is not what was registered.
            RegistryUnavailable: the registry does not answer.
        """
        uri, home = self._settings.tracking_uri, self._settings.home
        version = download.find_version(uri, name, alias, number)
        return download.download(uri, version, alias or "", home).version

    def _poll(self) -> Status:
        now, found = self.status, self._named_by_alias()
        key = found.name, str(found.version)
        if key == (now.name, now.version) and now.registry_error is None:
            return replace(now, refused=None)
        known_bad = now.refused and key == (now.refused.name, now.refused.version)
        if known_bad and time.monotonic() < self._retry_at:
            return replace(now, registry_error=None)
        settings = self._settings
        try:
            download.download(settings.tracking_uri, found, ALIAS, settings.home)
        except UnverifiedModel as error:
            self._retry_at = time.monotonic() + REFUSED_SECONDS
            return replace(now, registry_error=None, refused=Refusal(*key, str(error)))
        copies.keep_as_last_known_good(settings.home, key[0], ALIAS, key[1])
        return Status(*key, registry_error=None)

    def _named_by_alias(self) -> ModelVersion:
        missing = None
        for name in NAMES:
            try:
                return download.find_version(self._settings.tracking_uri, name, ALIAS)
            except NoChampion as error:
                missing = missing or error
        raise missing or NoChampion("no model is followed")
