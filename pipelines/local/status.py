"""The state of a running `ann up`, for other commands: a file in the state folder."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, MutableMapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipelines.home import replacing
from pipelines.local import probes, temporary_server
from pipelines.local.services import PREFECT, Ports, endpoints
from pipelines.local.supervisor import Health, State
from pipelines.process_identity import has_ended, this_process
from pipelines.settings import Settings

NOT_STARTED = "not started: `ann up`"


@dataclass(frozen=True)
class ServiceStatus:
    """What `ann status` reports of one service."""

    name: str
    address: str
    healthy: bool
    message: str
    pid: int | None
    restarts: int


def prefect_of_running_stack(settings: Settings) -> str | None:
    """The Prefect server of this state folder's running `ann up`, if it answers."""
    note = read_state(settings)
    if note is None:
        return None
    url: str = note["prefect_api_url"]
    return url if probes.prefect(url, seconds=3)(0).healthy else None


def reach_prefect(settings: Settings, environ: MutableMapping[str, str] = os.environ) -> bool:
    """Set PREFECT_API_URL, before Prefect is imported.

    That of the environment, else that of `ann up`, else a temporary one on the same database.

    Returns:
        Whether it is a permanent one.
    """
    url = settings.prefect_api_url or prefect_of_running_stack(settings)
    if url is None:
        temporary_server.start(settings, environ)
        return False
    environ["PREFECT_API_URL"] = url
    return True


def is_up(settings: Settings) -> bool:
    """Whether `ann up` runs for this state folder."""
    return read_state(settings) is not None


def status(settings: Settings) -> list[ServiceStatus]:
    """Check every service; those that `ann up` would start count as not started without it."""
    note = read_state(settings)
    ports = Ports(**note["ports"]) if note else Ports()
    states = {name: State(**state) for name, state in (note or {"states": {}})["states"].items()}
    found = []
    for endpoint in endpoints(settings, ports):
        state = states.get(endpoint.name, State())
        if endpoint.managed and state.pid is None:
            message = note["messages"][endpoint.name] if endpoint.name in states else NOT_STARTED
            health = Health(False, message)
        else:
            health = endpoint.probe(state.started)
        found.append(
            ServiceStatus(
                endpoint.name,
                endpoint.address,
                health.healthy,
                health.message,
                state.pid,
                max(0, state.starts - 1),
            )
        )
    return found


def state_file(settings: Settings) -> Path:
    """The file that a running `ann up` keeps."""
    return settings.home / "up.json"


def write_state(settings: Settings, ports: Ports, states: Mapping[str, State]) -> None:
    """Record which services run where, for other commands."""
    prefect = next(each for each in endpoints(settings, ports) if each.name == PREFECT)
    document = {
        "pid": os.getpid(),
        "process": this_process(),
        "home": str(settings.home.resolve()),
        "ports": asdict(ports),
        "prefect_api_url": settings.prefect_api_url or f"{prefect.address}/api",
        "states": {
            name: {"pid": s.pid, "started": s.started, "starts": s.starts}
            for name, s in states.items()
        },
        "messages": {name: s.health.message for name, s in states.items()},
    }
    with replacing(state_file(settings)) as unfinished:
        unfinished.write_text(json.dumps(document))


def read_state(settings: Settings) -> Any:
    """What a running `ann up` recorded; None if none is running for this state folder.

    Raises:
        PermissionError: this user may not know.
    """
    try:
        note = json.loads(state_file(settings).read_text())
        home = str(settings.home.resolve())
        copied = note.get("home", home) != home  # from the folder that `ann up` really serves
        return None if copied or has_ended(note["process"]) else note
    except PermissionError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
