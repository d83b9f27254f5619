"""What is to be served and how sure that is, as one process reports it to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from serving.model import copies
from serving.settings import ALIAS, NAMES, NOT_ASKED

LONGEST_TEXT = 2000  # characters of an error: a proxy may answer with megabytes
MOST_VERSIONS = 1000  # of a model; the newest
MOST_ALIASES = 100
LONGEST_NAME = 256
MOST_BYTES = 700_000  # of all listings, as a message has them


@dataclass(frozen=True)
class Refusal:
    """A version that the alias names but that does not verify; None where it is not known which."""

    name: str
    version: str | None
    reason: str


@dataclass(frozen=True)
class Listing:
    """What the registry has of a model.

    Attributes:
        versions: the numbers of its versions, the lowest first.
        aliases: the version that each names.
        runs: the run that trained each of the versions; a number alone may come again.
        older: whether it has older versions than these.
    """

    versions: tuple[str, ...] = ()
    aliases: Mapping[str, str] = field(default_factory=dict)
    runs: tuple[str, ...] = ()
    older: bool = False

    def newest(self, most: int) -> Listing:
        """With at most so many versions, the newest, and aliases, the champion's being kept."""
        aliases = sorted(self.aliases.items(), key=lambda alias: alias[0] != ALIAS)
        return Listing(
            self.versions[-most:],
            dict(aliases[: min(most, MOST_ALIASES)]),
            self.runs[-most:],
            self.older or len(self.versions) > most,
        )


@dataclass(frozen=True)
class Status:
    """What is to be served, and how sure that is.

    Attributes:
        name: the registered model; None while there is none.
        version: its version.
        registry_error: why the registry could not confirm it; None if it did.
        refused: what the alias names instead, if that does not verify.
        listings: what the registry had of each model when it last answered.
        run_id: the run that trained the version; None while the registry has not said.
    """

    name: str | None = None
    version: str | None = None
    registry_error: str | None = NOT_ASKED
    refused: Refusal | None = None
    listings: Mapping[str, Listing] = field(default_factory=dict)
    run_id: str | None = None

    @classmethod
    def from_fields(cls, fields: Mapping[str, Any]) -> Status:
        """The status that was sent as nested mappings."""
        refused = fields["refused"]
        return cls(
            name=fields["name"],
            version=fields["version"],
            registry_error=fields["registry_error"],
            refused=refused and Refusal(**refused),
            listings={
                name: Listing(
                    tuple(listing["versions"]),
                    listing["aliases"],
                    tuple(listing["runs"]),
                    listing["older"],
                )
                for name, listing in fields["listings"].items()
            },
            run_id=fields["run_id"],
        )


def bounded(listings: Mapping[str, Listing]) -> dict[str, Listing]:
    """The listings, each with as many versions and aliases as a message has room for."""
    most = MOST_VERSIONS
    found = {name: listing.newest(most) for name, listing in listings.items()}
    while most > 1 and len(orjson.dumps(found)) > MOST_BYTES:
        most //= 2
        found = {name: listing.newest(most) for name, listing in found.items()}
    return found


def shortened(text: str) -> str:
    """An error's text, so that a message that carries it is never too long."""
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def at_start(home: Path) -> Status:
    """What served last, not yet confirmed."""
    for name in (*NAMES, *copies.models_on_disk(home)):
        version = copies.last_known_good(home, name, ALIAS)
        if version is not None:
            return Status(name, version)
    return Status()
