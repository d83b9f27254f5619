"""A state folder whose registry moves its alias, and followers of it."""

from __future__ import annotations

from pathlib import Path

from pipelines.registry.client import Registry
from serving.model.follower import Follower
from serving.settings import load

NAME = "offline-digits"


class StateFolder:
    """A state folder with a copy of the store, and followers of it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.settings = load({"ANN_HOME": str(home)})
        self.registry = Registry(self.settings.tracking_uri, home)
        # A file may also be damaged after the promotion, which refuses damaged ones.
        self.registry.artifacts.verify = lambda version: None

    def follower(self) -> Follower:
        return Follower(self.settings)

    def promote(self, number: str) -> None:
        self.registry.promote(self.registry.version(NAME, number), "for the test")

    def falsify(self, number: str) -> None:
        """As if the version's file were another than the registered one."""
        self.registry.client.set_model_version_tag(NAME, number, "onnx_sha256", "0" * 64)

    @property
    def copies(self) -> set[str]:
        return {path.name for path in (self.home / "served" / NAME).glob("[0-9]*")}
