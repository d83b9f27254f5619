"""A store with registered versions, and a state folder that serving downloads them to."""

from pathlib import Path

from pipelines.registry.client import Registry
from serving.model.download import fetch
from serving.model.loaded_model import LoadedModel

NAME = "offline-digits"


class Workplace:
    """A store with two registered versions of which the first is champion, and a state folder."""

    def __init__(self, store: Path, home: Path) -> None:
        self.store = store
        self.home = home
        self.uri = f"sqlite:///{store / 'mlflow.db'}"
        self.registry = Registry(self.uri, store)

    def fetch(self, alias: str = "champion") -> LoadedModel:
        return fetch(self.uri, NAME, alias, self.home)

    @property
    def copy(self) -> Path:
        return self.home / "served" / NAME / "1"

    def artifact(self, file: str) -> Path:
        client = self.registry.client
        return Path(client.get_model_version_download_uri(NAME, "1"), file)
