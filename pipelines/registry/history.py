"""The history of a registered model: every decision and what led to it, append-only.

Each event is a tag of the registered model in MLflow. Its key begins with the time and is never
written twice, so that nothing is overwritten; its value is JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from pipelines.tracking import tags

PROMOTED, REFUSED, ROLLED_BACK, IMPORTED = "promoted", "refused", "rolled back", "imported"
RETRAINED, DRIFTED = "retrained", "drifted"
MOVED, REMOVED = "made champion elsewhere", "removed as champion elsewhere"
GATE, HAND, RUN, ELSEWHERE = "gate", "hand", "run", "elsewhere"
MOVES = (PROMOTED, ROLLED_BACK, MOVED, REMOVED)  # of the champion
LONGEST_REASON = 1000  # characters; MLflow's database has room for 5000 of a whole event


@dataclass(frozen=True)
class Event:
    """One decision about a version.

    Attributes:
        time: ISO 8601, UTC.
        version: the number of the version that it is about.
        action: "promoted", "refused", "rolled back" (to this version), "imported", "retrained"
            (this version learned from corrections), "drifted" (requests, while it served), "made
            champion elsewhere" or "removed as champion elsewhere" (in MLflow's UI, say).
        by: "gate", "hand", "elsewhere", or "run" of a flow that decides nothing.
        user: who ran the command.
        reason: the gate's sentence, the person's, or what the run found.
        champion: the number of the champion before, "" if there was none.
    """

    time: str
    version: str
    action: str
    by: str
    user: str
    reason: str
    champion: str = ""

    @property
    def whose(self) -> str:
        """Who decided, to follow the action; "" of a run and where nobody knows."""
        return {GATE: " by the gate", RUN: "", ELSEWHERE: ""}.get(self.by, f" by {self.user}")


def now(earlier: Sequence[Event] = ()) -> str:
    """The time of an event that happens now; its text sorts by time.

    Args:
        earlier: the events on record, newest first. Where the clock was set back, or another
            machine's is ahead, the time is a microsecond after the newest one's: the order says
            which version is champion.
    """
    time = datetime.now(UTC)
    if earlier:
        with suppress(ValueError, OverflowError):  # another tool's
            newest = datetime.fromisoformat(earlier[0].time).astimezone(UTC)
            time = max(time, newest + timedelta(microseconds=1))
    return time.isoformat(timespec="microseconds")


def as_tag(event: Event) -> tuple[str, str]:
    """The key, which no other event has, and the value of an event's tag."""
    stamp = "".join(c for c in event.time if c.isalnum() or c == ".")
    shortened = asdict(event) | {"reason": event.reason[:LONGEST_REASON]}
    return f"{tags.HISTORY}{stamp}-{uuid4().hex[:8]}", json.dumps(shortened, ensure_ascii=False)


def of_tags(found: Mapping[str, str]) -> list[Event]:
    """The events among a registered model's tags, newest first; unreadable ones are left out."""
    events = []
    for key in sorted(found, reverse=True):
        if key.startswith(tags.HISTORY) and (event := _parse(found[key])):
            events.append(event)
    return events


def champion_after(events: Iterable[Event]) -> str | None:
    """The number of the version that the newest move on record left as champion.

    Args:
        events: the newest first.
    """
    moves = (e for e in events if e.action in MOVES)
    newest = next(moves, None)
    return newest.version if newest and newest.action != REMOVED else None


def _parse(value: str) -> Event | None:
    known = {field.name for field in fields(Event)}
    try:
        content = json.loads(value)
        return Event(**{name: str(text) for name, text in content.items() if name in known})
    except (ValueError, TypeError, AttributeError):
        return None  # written by another tool, or by a later version of this project
