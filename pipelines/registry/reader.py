"""The registered versions and their history, for whatever only reads them."""

from __future__ import annotations

from mlflow_reader.entities import RegisteredModel
from pipelines.errors import UnknownVersion
from pipelines.registry import history
from pipelines.registry.history import Event
from pipelines.registry.versions import Version
from pipelines.tracking.reader import reader_of

MODEL_NAMES = {"mnist": "mnist-digits", "offline-digits": "offline-digits"}  # by data source
CHAMPION, CHALLENGER, PREVIOUS = "champion", "challenger", "previous"


class RegistryReader:
    """The registry at a tracking URI; empty while the embedded store is not made yet."""

    def __init__(self, uri: str) -> None:
        """Read the registry at an MLflow tracking URI."""
        self.uri = uri

    def models(self) -> dict[str, RegisteredModel]:
        """All registered models, by name."""
        reader = reader_of(self.uri)
        return {model.name: model for model in (reader.registered_models() if reader else ())}

    def versions(self, name: str) -> list[Version]:
        """Every version of a registered model, the newest first."""
        reader = reader_of(self.uri)
        found = reader.versions(name) if reader else []
        aliases = self._aliases(name) if found else {}
        return [Version.of(entry, aliases) for entry in found]

    def version(self, name: str, number: str) -> Version:
        """One version.

        Raises:
            UnknownVersion: there is no such version.
        """
        found = self._find(name, number)
        if found is None:
            known = ", ".join(version.number for version in self.versions(name)) or "none"
            raise UnknownVersion(f"{name} has no version {number!r}; its versions: {known}.")
        return found

    def champion(self, name: str) -> Version | None:
        """The version that serves, if any of that name was promoted and is not deleted."""
        return self._find(name, self._aliases(name).get(CHAMPION))

    def current_champion(self) -> Version | None:
        """The version that serves: of MNIST, or of the offline digits where there is none."""
        champions = (self.champion(name) for name in MODEL_NAMES.values())
        return next((champion for champion in champions if champion), None)

    def history(self, name: str) -> list[Event]:
        """Every decision about a registered model's versions, the newest first."""
        found = self._model(name)
        return history.of_tags(found.tags) if found else []

    def unrecorded_move(self, name: str) -> tuple[Version | None, Version | None] | None:
        """The champion on record and the one of now, where these differ; None if they do not.

        None, too, where no champion was ever on record, or where MLflow took the alias away as it
        deleted the version.
        """
        events, holder = self.history(name), self._aliases(name).get(CHAMPION)
        known = history.champion_after(events)
        if known == holder or not any(event.action in history.MOVES for event in events):
            return None
        before, now = self._find(name, known), self._find(name, holder)
        return (before, now) if now or (before and holder is None) else None

    def _find(self, name: str, number: str | None) -> Version | None:
        """A version; None if there is none, or if it was deleted while an alias names it."""
        reader = reader_of(self.uri)
        found = reader.version(name, number) if reader and number is not None else None
        return Version.of(found, self._aliases(name)) if found else None

    def _aliases(self, name: str) -> dict[str, str]:
        """The number that each alias names; the version may have been deleted."""
        found = self._model(name)
        return dict(found.aliases) if found else {}

    def _model(self, name: str) -> RegisteredModel | None:
        reader = reader_of(self.uri)
        return reader.registered_model(name) if reader else None
