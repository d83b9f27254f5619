"""What a running `ann up` tells the commands beside it, by a note in the state folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipelines.home import replacing
from pipelines.local import probes, temporary_server
from pipelines.local.services import PREFECT, Ports, places
from pipelines.local.supervisor import Health, State
from pipelines.process_identity import has_ended, this_process
from pipelines.settings import Settings


@dataclass(frozen=True)
class Standing:
    """What `ann status` says of one part."""

    name: str
    address: str
    well: bool
    words: str
    pid: int | None
    restarts: int


def prefect_of_running_stack(settings: Settings) -> str | None:
    """The Prefect server of the `ann up` that runs for this state folder, if it answers."""
    note = read_note(settings)
    if note is None:
        return None
    url: str = note["prefect_api_url"]
    return url if probes.prefect(url, seconds=3)(0).well else None


def reach_prefect(settings: Settings, environ: MutableMapping[str, str] = os.environ) -> bool:
    """Name a Prefect server in PREFECT_API_URL, before Prefect is imported.

    That of the environment, else that of `ann up`, else a temporary one on the same database.

    Returns:
        Whether it is one that stays.
    """
    url = settings.prefect_api_url or prefect_of_running_stack(settings)
    if url is None:
        temporary_server.start(settings, environ)
        return False
    environ["PREFECT_API_URL"] = url
    return True


def is_up(settings: Settings) -> bool:
    """Whether `ann up` runs for this state folder."""
    return read_note(settings) is not None


def status(settings: Settings) -> list[Standing]:
    """Ask every part how it is; those that `ann up` would start count as not started without it."""
    note = read_note(settings)
    at = Ports(**note["ports"]) if note else Ports()
    states = {name: State(**state) for name, state in (note or {"states": {}})["states"].items()}
    standings = []
    for place in places(settings, at):
        state = states.get(place.name, State())
        if place.ours and state.pid is None:
            why = note["words"][place.name] if place.name in states else "not started: `ann up`"
            health = Health(False, why)
        else:
            health = place.probe(state.started)
        standings.append(
            Standing(
                place.name,
                place.address,
                health.well,
                health.words,
                state.pid,
                max(0, state.starts - 1),
            )
        )
    return standings


def note_file(settings: Settings) -> Path:
    """Where a running `ann up` leaves word of itself."""
    return settings.home / "up.json"


def write_note(settings: Settings, at: Ports, states: Mapping[str, State]) -> None:
    """Leave word of what runs where, for the commands that are typed beside it."""
    prefect = next(place for place in places(settings, at) if place.name == PREFECT)
    document = {
        "pid": os.getpid(),
        "process": this_process(),
        "ports": asdict(at),
        "prefect_api_url": settings.prefect_api_url or f"{prefect.address}/api",
        "states": {
            name: {"pid": s.pid, "started": s.started, "starts": s.starts}
            for name, s in states.items()
        },
        "words": {name: s.health.words for name, s in states.items()},
    }
    with replacing(note_file(settings)) as unfinished:
        unfinished.write_text(json.dumps(document))


def read_note(settings: Settings) -> Any:
    """What a living `ann up` has left word of; None if there is none."""
    try:
        note = json.loads(note_file(settings).read_text())
        return None if has_ended(note["process"]) else note
    except (OSError, ValueError, KeyError, TypeError):
        return None
