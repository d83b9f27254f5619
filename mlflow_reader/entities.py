"""What is read, with the names that MLflow's own entities have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

PAGE = 1000  # entries of an answer
# Error codes of a run, model or version that does not exist, or whose number is none.
MISSING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


class StoreUnavailable(Exception):
    """The server does not answer as MLflow does, or the database cannot be read."""


@dataclass(frozen=True)
class Experiment:
    """An active experiment."""

    experiment_id: str
    name: str
    artifact_location: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class RunInfo:
    """What identifies a run; times are milliseconds since 1970, 0 if unknown."""

    run_id: str
    run_name: str
    experiment_id: str
    status: str
    start_time: int
    end_time: int
    lifecycle_stage: str
    artifact_uri: str


@dataclass(frozen=True)
class RunData:
    """What was logged to a run: the last value of each metric, parameters, tags."""

    metrics: Mapping[str, float]
    params: Mapping[str, str]
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Run:
    """A run."""

    info: RunInfo
    data: RunData


@dataclass(frozen=True)
class RegisteredModel:
    """A registered model.

    Attributes:
        name: such as "mnist-digits".
        tags: its own, not its versions'.
        aliases: the number of the version that each names; that version may be deleted.
        last_updated_timestamp: milliseconds since 1970.
        newest_version: the highest number of a version that is not deleted; 0 without one.
    """

    name: str
    tags: Mapping[str, str]
    aliases: Mapping[str, str]
    last_updated_timestamp: int
    newest_version: int


@dataclass(frozen=True)
class ModelVersion:
    """A version of a registered model, created that many milliseconds after 1970.

    `run_id` is "" if no run trained it.
    """

    name: str
    version: str
    run_id: str
    tags: Mapping[str, str]
    creation_timestamp: int


def search_filter(tags: Mapping[str, str | None], status: str) -> str:
    """MLflow's filter of runs with these tags, None being any value, and this status."""
    conditions = [f"attributes.status = '{status}'"] if status else []
    for key, value in tags.items():
        conditions.append(f"tags.`{key}` != ''" if value is None else f"tags.`{key}` = '{value}'")
    return " AND ".join(conditions)


def name_filter(name: str) -> str:
    """MLflow's filter of the versions of one registered model, whose name may have a quote."""
    quote = '"' if "'" in name else "'"
    return f"name = {quote}{name}{quote}"
