"""What a route is: a method of a path, the protocol that it belongs to, and what is sent to it."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from serving.examples import Body
from serving.http import Request, Response

Endpoint = Callable[[Request], Awaitable[Response]]
Failure = Callable[[str, int, Request], Response]


@dataclass(frozen=True)
class Protocol:
    """A group of routes, and the form of their errors.

    Attributes:
        title: the heading in the documents.
        description: what speaks it.
        failure: gives an error the protocol's form.
        statuses: of the errors that it knows.
    """

    title: str
    description: str
    failure: Failure
    statuses: tuple[int, ...] = (400, 401, 403, 404, 408, 413, 415, 431, 503)


@dataclass(frozen=True)
class Route:
    """One method of a path.

    Attributes:
        name: in the metrics; routes that differ in the path alone share one.
        method: such as "POST".
        path: with the parameters in braces, as OpenAPI writes it.
        endpoint: gives the answer.
        protocol: its group.
        summary: one line for the documents; "" keeps the route out of them.
        body: what may be sent, by media type.
        query: the query's switches, and what each does.
        answer: an example of the answer; None if it is not JSON.
        schema: of the answer, where the example alone does not say enough.
        status: of the answer to the example.
        open: whether it needs no API key.
    """

    name: str
    method: str
    path: str
    endpoint: Endpoint
    protocol: Protocol
    summary: str = ""
    body: Mapping[str, Body] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    answer: Any = None
    schema: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    open: bool = False

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Of the whole path; its groups are the parameters."""
        return re.compile(
            re.sub(
                r"\{(\w+)\}",
                lambda found: f"(?P<{found[1]}>{'.+' if found[1] == 'file' else '[^/:]+'})",
                self.path,
            )
        )
