"""The models that a worker answers with: the champion, and others that were asked for by name."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from typing import Any, Protocol

from serving import errors, metrics
from serving.errors import NotFound, NotReady, ServingError
from serving.model import loaded_model
from serving.model.runner import ModelRunner
from serving.settings import ALIAS, NAMES, NOT_ASKED, Settings

OTHERS = 3  # versions kept beside the champion
REMEMBERED_SECONDS = 2  # what a label names, and that a version is not there
REMEMBERED = 1000


class Registry(Protocol):
    """Who downloads versions from the registry to this machine's disk."""

    async def ask(self, message: dict[str, Any]) -> dict[str, Any]:
        """Answer {"download": name, "alias", "version"} with {"version"} or {"error", "kind"}."""


class Models:
    """What is served, and what is known of the registry."""

    def __init__(self, settings: Settings) -> None:
        """Start with no model."""
        self._settings = settings
        self.registry: Registry | None = None
        self.current: ModelRunner | None = None
        self.status: dict[str, Any] = {"registry_error": NOT_ASKED}
        self._others: OrderedDict[tuple[str, str], ModelRunner] = OrderedDict()
        self._answers: OrderedDict[tuple[str, str, str], tuple[float, str | Exception]] = (
            OrderedDict()
        )
        self._asked: dict[tuple[str, str, str], asyncio.Task[str]] = {}

    def start(self) -> None:
        """Serve the last known good copy, if there is one that verifies."""
        for name in NAMES:
            try:
                last = loaded_model.load_last_known_good(self._settings.home, name, ALIAS)
            except ServingError as error:
                self.status["refused"] = {"name": name, "reason": str(error)}
                continue
            if last is not None:
                return self._swap(ModelRunner(last, self._settings.mlflow_ui))
        return None

    async def follow(self, status: dict[str, Any]) -> None:
        """Take note of what the registry says; swap to the version it names, once it is ready.

        What answers a request is chosen once a request, so none sees two versions.
        """
        name, version = status["name"], status["version"]
        if name and (self.current is None or self.current.is_not(name, version)):
            try:
                self._swap(await asyncio.to_thread(self._load, name, version, ALIAS))
            except ServingError as error:
                status["refused"] = {"name": name, "version": version, "reason": str(error)}
        self.status = status
        metrics.registry_up.set(status["registry_error"] is None)
        metrics.unverified.set(status["refused"] is not None)

    def champion(self) -> ModelRunner:
        """The model that serves.

        Raises:
            NotReady: there is none yet.
        """
        if self.current is None:
            raise NotReady(f"There is no model to answer with yet: {self._why_not()}")
        return self.current

    async def find(
        self, name: str, version: str | None = None, label: str | None = None
    ) -> ModelRunner:
        """The named model's champion, or the version that is asked for.

        Raises:
            NotFound: there is no such model or version.
            RegistryUnavailable, UnverifiedModel: it cannot be had.
        """
        if name not in NAMES:
            raise NotFound(
                f"There is no model {name[:100]!r}; this service has {', '.join(NAMES)}."
            )
        current = self.current
        if version is None and label is None:
            label = ALIAS
        if current and name == current.model.name:
            serves = label == ALIAS or version == current.model.version
            if serves:
                return current
        if version is not None and not (version.isdecimal() and version.isascii()):
            raise NotFound(f"{name} has no version {version[:100]!r}; versions are whole numbers.")
        number = await self._number(name, version, label)
        if current and not current.is_not(name, number):
            return current
        return await self._other(name, number)

    def _swap(self, new: ModelRunner) -> None:
        old, self.current = self.current, new
        metrics.swapped(old, new)

    def _load(self, name: str, number: str, alias: str) -> ModelRunner:
        return ModelRunner(
            loaded_model.load(self._settings.home, name, number, alias), self._settings.mlflow_ui
        )

    async def _other(self, name: str, number: str) -> ModelRunner:
        runner = self._others.get((name, number))
        if runner is None:
            runner = await asyncio.to_thread(self._load, name, number, "")
            self._others[name, number] = runner
            if len(self._others) > OTHERS:
                self._others.popitem(last=False)
        self._others.move_to_end((name, number))
        return runner

    async def _number(self, name: str, version: str | None, label: str | None) -> str:
        """Ask the registry which version is meant, and download it; once for all who wait."""
        if version is not None and (name, version) in self._others:
            return version
        key = name, version or "", label or ""
        known = self._answers.get(key)
        if known is None or known[0] < time.monotonic():
            task = self._asked.get(key)
            if task is None:
                task = self._asked[key] = asyncio.create_task(self._ask(*key))
                task.add_done_callback(lambda _: self._asked.pop(key))
            try:
                found: str | Exception = await asyncio.shield(task)
            except ServingError as error:
                found = error
            known = time.monotonic() + REMEMBERED_SECONDS, found
            self._answers[key] = known
            if len(self._answers) > REMEMBERED:
                self._answers.popitem(last=False)
        if isinstance(known[1], Exception):
            raise known[1]
        return known[1]

    async def _ask(self, name: str, version: str, label: str) -> str:
        if self.registry is None:
            raise NotReady("The registry cannot be asked yet.")
        question = {"download": name, "alias": label or None, "version": version or None}
        reply = await self.registry.ask(question)
        if "error" in reply:
            raise getattr(errors, reply["kind"])(reply["error"])
        return reply["version"]

    def _why_not(self) -> str:
        refused = self.status.get("refused")
        return refused["reason"] if refused else self.status["registry_error"]
