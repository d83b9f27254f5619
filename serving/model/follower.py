"""Follows the alias in the registry: downloads and verifies the version that it names.

It runs in a process of its own, so that its waiting is not the workers'.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import replace

from mlflow_reader.entities import RegisteredModel
from mlflow_reader.sqlite_store import state_of
from serving.errors import NoChampion, RegistryUnavailable, UnverifiedModel
from serving.model import copies, download
from serving.model.status import (
    LONGEST_NAME,
    Listing,
    Refusal,
    Status,
    at_start,
    bounded,
    shortened,
)
from serving.settings import ALIAS, NAMES, Settings

REFUSED_SECONDS = 60  # until a version that did not verify is tried again


class Follower:
    """Polls the alias; several threads may do so, since a poll may hang."""

    def __init__(self, settings: Settings) -> None:
        """Start from what served last."""
        self._settings = settings
        self._lock = threading.Lock()
        self._started = self._applied = 0  # the numbers of polls
        self._retry_at = 0.0
        self._read: tuple[int, ...] | None = None  # the state of the SQLite file that was read last
        self._downloaded: dict[str, tuple[str, str | None]] = {}  # other models' champions
        self._listed: dict[str, tuple[object, dict[str, str]]] = {}  # the run of each version
        self.status = at_start(settings.home)

    def poll(self) -> Status:
        """Poll once and download what is new; an unavailable registry takes some ten seconds.

        Nothing is raised: what went wrong is the status's `registry_error`. A poll that ends after
        a later one changes nothing.
        """
        with self._lock:
            self._started += 1
            number, now = self._started, self.status
        try:
            status = self._poll(now)
        except (RegistryUnavailable, NoChampion) as error:
            status = replace(now, registry_error=shortened(str(error)))
        except Exception as error:  # a poll that failed must not be the last one
            reason = f"the registry could not be asked ({type(error).__name__}: {error})."
            status = replace(now, registry_error=shortened(reason))
        with self._lock:
            if number > self._applied:
                self._applied, self.status = number, status
            return self.status

    def download(self, name: str, version: str) -> None:
        """Download and verify a version.

        Raises:
            NoChampion: the registry has none.
            UnverifiedModel: it is not what was registered.
            RegistryUnavailable: the registry does not answer.
        """
        uri = self._settings.tracking_uri
        found = download.find_version(uri, name, None, version)
        download.download(uri, found, "", self._settings.home)

    def _poll(self, now: Status) -> Status:
        """The same again while the registry's file is unchanged, else what the registry says."""
        state = state_of(self._settings.tracking_uri)
        if state is not None and state == self._read and now.registry_error is None:
            return now
        status = self._ask(now)
        done = status.refused is None and not self._others_left(status.name, status.listings)
        self._read = state if done else None
        return status

    def _ask(self, now: Status) -> Status:
        """Ask the registry; errors as of `download`."""
        uri, home = self._settings.tracking_uri, self._settings.home
        models = {name: download.find_model(uri, name) for name in NAMES}
        models |= {model.name: model for model in download.find_other_models(uri)}
        listings = bounded({name: self._listing(model) for name, model in models.items() if model})
        name = next((n for n in models if ALIAS in listings.get(n, Listing()).aliases), None)
        if name is None:
            raise download.no_version(uri, f"{NAMES[0]}@{ALIAS}")
        self._download_others(name, listings)
        version = listings[name].aliases[ALIAS]
        confirmed = replace(now, registry_error=None, listings=listings)
        same = (name, version) == (now.name, now.version)
        same = same and self._run_of(name, version) in (None, now.run_id)
        if same and now.registry_error is None:
            return replace(confirmed, refused=None)
        known_bad = now.refused and (name, version) == (now.refused.name, now.refused.version)
        if known_bad and time.monotonic() < self._retry_at:
            return confirmed
        try:
            found = download.find_version(uri, name, None, version)
            download.download(uri, found, ALIAS, home)
        except UnverifiedModel as error:
            self._retry_at = time.monotonic() + REFUSED_SECONDS
            return replace(confirmed, refused=Refusal(name, version, shortened(str(error))))
        copies.keep_as_last_known_good(home, name, ALIAS, version)
        return Status(name, version, None, None, listings, found.run_id)

    def _download_others(self, default: str, listings: Mapping[str, Listing]) -> None:
        """Have the champions of the other models on disk; one that fails says so when asked for."""
        for name, champion in self._others_left(default, listings).items():
            version = champion[0]
            self._downloaded[name] = champion  # first: a slow download holds up no other poll
            try:
                self.download(name, version)
            except UnverifiedModel:
                continue
            except (RegistryUnavailable, NoChampion, OSError):
                self._downloaded.pop(name, None)  # the next poll downloads it
                continue
            copies.keep_as_last_known_good(self._settings.home, name, ALIAS, version)

    def _others_left(
        self, default: str | None, listings: Mapping[str, Listing]
    ) -> dict[str, tuple[str, str | None]]:
        """Version and run of the other models' champions that are still to be downloaded."""
        found = {
            name: (version, self._run_of(name, version))
            for name, listing in listings.items()
            if name not in (default, *NAMES) and (version := listing.aliases.get(ALIAS))
        }
        return {name: c for name, c in found.items() if c[1] and self._downloaded.get(name) != c}

    def _listing(self, model: RegisteredModel) -> Listing:
        """The model's versions, listed again only when something about it has changed."""
        aliases = model.aliases
        state = (model.last_updated_timestamp, model.newest_version, tuple(sorted(aliases.items())))
        known = self._listed.get(model.name)
        if known is None or known[0] != state:
            runs = download.list_versions(self._settings.tracking_uri, model.name)
            known = self._listed[model.name] = state, runs
        short = {a: v for a, v in aliases.items() if len(a) <= LONGEST_NAME}
        return Listing(tuple(known[1]), short, tuple(known[1].values()))

    def _run_of(self, name: str, version: str) -> str | None:
        """The run that trained a listed version; None if that is deleted."""
        return self._listed[name][1].get(version)
