"""The models that a worker answers with: the champion, and others that were asked for by name."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import replace
from typing import Protocol

from serving import metrics
from serving.errors import NotFound, NotReady, ServingError
from serving.model import copies, loaded_model
from serving.model.runner import ModelRunner
from serving.model.status import Listing, Refusal, Status
from serving.settings import ALIAS, NAMES, Settings

OTHERS = 8  # versions kept besides the champion
REMEMBERED_SECONDS = 2  # that a version cannot be had, or that the registry was polled for it
REMEMBERED = 1000
REFRESH_SECONDS = 2  # that a request waits for a poll
DEGRADED_SECONDS = 15  # without a confirmation by the registry; or so many polls, if that is longer
DEGRADED_POLLS = 5
SHOWN = 20  # versions in an error


class Registry(Protocol):
    """What a worker asks of the process that asks the registry."""

    def poll_now(self) -> None:
        """Have the registry polled without waiting."""

    async def download(self, name: str, version: str) -> None:
        """Have a version downloaded to this machine's disk."""


class Models:
    """What is served, and what is known of the registry.

    Attributes:
        current: what serves.
        status: what the last poll of the registry found.
    """

    def __init__(self, settings: Settings, registry: Registry) -> None:
        """Start with no model."""
        self._settings = settings
        self._registry = registry
        self.current: ModelRunner | None = None
        self.status = Status()
        self._confirmed: float | None = None
        self._started = time.monotonic()
        self._polled = asyncio.Event()
        self._refreshed = 0.0
        self._on_disk = copies.models_on_disk(settings.home)
        self._others: OrderedDict[tuple[str, str], ModelRunner] = OrderedDict()
        self._failures: OrderedDict[tuple[str, str], tuple[float, ServingError]] = OrderedDict()
        self._loading: dict[tuple[str, str], asyncio.Task[ModelRunner]] = {}

    def start(self) -> None:
        """Serve the last known good copy, if there is one that verifies."""
        home = self._settings.home
        for name in self.names():
            try:
                last = loaded_model.load_last_known_good(home, name, ALIAS)
            except ServingError as error:
                version = copies.last_known_good(home, name, ALIAS)
                self.status = replace(self.status, refused=Refusal(name, version, str(error)))
                continue
            if last is not None:
                return self._swap(ModelRunner(last, self._settings.mlflow_ui))
        return None

    async def follow(self, status: Status, age_seconds: float | None) -> None:
        """Take note of what the registry says; swap to the version it names, once it is ready.

        What answers a request is chosen once a request, so none sees two versions.

        Args:
            status: what the last poll found.
            age_seconds: how long ago the registry last confirmed; None if it never did.
        """
        name, version, current = status.name, status.version, self.current
        if name and version and (current is None or current.is_not(name, version, status.run_id)):
            try:
                self._swap(await asyncio.to_thread(self._load, name, version, ALIAS))
            except ServingError as error:
                status = replace(status, refused=Refusal(name, version, str(error)))
        self.status = status
        self._forget_replaced()
        self._confirmed = None if age_seconds is None else time.monotonic() - age_seconds
        self._polled.set()
        self._polled = asyncio.Event()
        self.tick()

    def tick(self) -> None:
        """Measure what changes by itself; to be called every second or so."""
        metrics.registry_up.set(self.status.registry_error is None)
        metrics.unverified.set(self.status.refused is not None)
        age = self.registry_age()
        metrics.registry_age.set(-1 if age is None else age)
        metrics.degraded.set(self.is_degraded())

    def registry_age(self) -> float | None:
        """Seconds since the registry last confirmed what serves; None if it never did."""
        return None if self._confirmed is None else time.monotonic() - self._confirmed

    def is_degraded(self) -> bool:
        """Whether that is too long ago to say that the champion serves."""
        limit = max(DEGRADED_SECONDS, DEGRADED_POLLS * self._settings.poll_seconds)
        return time.monotonic() - (self._confirmed or self._started) > limit

    def champion(self) -> ModelRunner:
        """The model that serves.

        Raises:
            NotReady: there is none yet.
        """
        if self.current is None:
            raise NotReady(f"There is no model to answer with yet: {self._why_not()}")
        return self.current

    def names(self) -> tuple[str, ...]:
        """The models that may be asked for: the digits', then those of other pictures."""
        return tuple(dict.fromkeys((*NAMES, *self.status.listings, *self._on_disk)))

    def versions(self, name: str) -> list[str]:
        """The numbers of a model's versions that may be asked for, the lowest first.

        Those that the registry had when it last answered; without it, those on this machine's disk.
        """
        listing = self.status.listings.get(name)
        if listing is None:
            return copies.versions_on_disk(self._settings.home, name)
        return list(listing.versions)

    def loaded(self) -> set[tuple[str, str]]:
        """Name and version of the models in memory."""
        current = {self.current.key} if self.current else set()
        return current | self._others.keys()

    async def find(
        self, name: str, version: str | None = None, label: str | None = None
    ) -> ModelRunner:
        """The named model's champion, or the version that is asked for.

        Raises:
            NotFound: there is no such model or version.
            RegistryUnavailable, UnverifiedModel: it cannot be had.
        """
        self.check_name(name)
        current = self.current
        if version is None and label is None:
            label = ALIAS
        if current and name == current.model.name and label == ALIAS:
            return current
        if label is not None:
            version = await self._labelled(name, label)
        assert version is not None
        if current and not current.is_not(name, version):
            return current
        await self.check_version(name, version)
        return await self._other(name, version)

    def check_name(self, name: str) -> None:
        """Refuse the name of a model that this service does not have.

        Raises:
            NotFound: it is one.
        """
        if name not in NAMES and name not in (names := self.names()):
            there = ", ".join(each for each in names if self.versions(each)) or "none yet"
            raise NotFound(f"There is no model {name[:100]!r}; this service has {there}.")

    async def check_version(self, name: str, version: str) -> None:
        """Refuse a version that a model of this service does not have.

        Raises:
            NotFound: it is one.
        """
        if (name, version) in self._others or self._may_exist(name, version):
            return
        await self._refresh()
        if not self._may_exist(name, version):
            raise NotFound(f"{name} has no version {version[:100]!r}; {self._what_exists(name)}.")

    def _may_exist(self, name: str, version: str) -> bool:
        if version in self.versions(name):
            return True
        listing = self.status.listings.get(name, Listing())
        is_number = version.isascii() and version.isdecimal() and version == version.lstrip("0")
        if not (is_number and listing.older) or len(version) > len(listing.versions[0]):
            return False
        return int(version) < int(listing.versions[0])

    async def _labelled(self, name: str, label: str) -> str:
        """The version that an alias names, as of the last poll."""
        found = self._aliases(name).get(label)
        if found is None:
            await self._refresh()
            found = self._aliases(name).get(label)
        if found is None:
            raise NotFound(f"{name} has no label {label[:100]!r}; {self._what_exists(name)}.")
        return found

    def _aliases(self, name: str) -> dict[str, str]:
        aliases = dict(self.status.listings.get(name, Listing()).aliases)
        last = copies.last_known_good(self._settings.home, name, ALIAS)
        return aliases or ({ALIAS: last} if last else {})

    def _what_exists(self, name: str) -> str:
        versions = self.versions(name)
        shown = ", ".join(versions[-SHOWN:])
        more = "… " if len(versions) > SHOWN else ""
        labels = ", ".join(list(self._aliases(name))[:SHOWN])
        parts = [
            f"versions {more}{shown}" if versions else "",
            f"labels {labels}" if labels else "",
        ]
        return "it has " + (" and ".join(filter(None, parts)) or "no version yet")

    async def _refresh(self) -> None:
        """Have the registry polled, as a version may be new; not for each who asks for nonsense."""
        now = time.monotonic()
        if self.status.registry_error is not None or now - self._refreshed < REMEMBERED_SECONDS:
            return
        self._refreshed = now
        self._registry.poll_now()
        try:
            await asyncio.wait_for(self._polled.wait(), REFRESH_SECONDS)
        except TimeoutError:
            pass

    def _swap(self, new: ModelRunner) -> None:
        old, self.current = self.current, new
        metrics.swapped(old, new)

    def _load(self, name: str, version: str, alias: str) -> ModelRunner:
        model = loaded_model.load(self._settings.home, name, version, alias)
        return ModelRunner(model, self._settings.mlflow_ui)

    async def _other(self, name: str, version: str) -> ModelRunner:
        """A version besides the champion; downloaded and loaded once for all who wait."""
        key = name, version
        runner = self._others.get(key)
        if runner is None:
            until, error = self._failures.get(key, (0.0, None))
            if error is not None and time.monotonic() < until:
                raise error
            task = self._loading.get(key)
            if task is None:
                task = self._loading[key] = asyncio.create_task(self._obtain(name, version))
                task.add_done_callback(lambda _: self._loading.pop(key))
            runner = await asyncio.shield(task)
        if key in self._others:
            self._others.move_to_end(key)
        return runner

    async def _obtain(self, name: str, version: str) -> ModelRunner:
        try:
            known = self.status.registry_error is None
            if known or version not in copies.versions_on_disk(self._settings.home, name):
                await self._registry.download(name, version)
            runner = await asyncio.to_thread(self._load, name, version, "")
        except ServingError as error:
            self._failures[name, version] = time.monotonic() + REMEMBERED_SECONDS, error
            if len(self._failures) > REMEMBERED:
                self._failures.popitem(last=False)
            raise
        self._others[name, version] = runner
        if len(self._others) > OTHERS:
            self._others.popitem(last=False)
        return runner

    def _forget_replaced(self) -> None:
        """Forget versions whose numbers are other models' now: the registry was reset, say."""
        for (name, version), runner in list(self._others.items()):
            listing = self.status.listings.get(name, Listing())
            run_id = dict(zip(listing.versions, listing.runs, strict=False)).get(version)
            if runner.is_not(name, version, run_id):
                del self._others[name, version]

    def _why_not(self) -> str:
        refused = self.status.refused
        return refused.reason if refused else str(self.status.registry_error)
