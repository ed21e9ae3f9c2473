"""The parts of a plant's answers that commands show, and the check that they are there."""

from collections.abc import Iterable, Iterator
from typing import Any, TypedDict

import msgspec

from plant_client import Json
from vfactory.client.errors import CommandError


class UnreadableAnswerError(CommandError):
    """The plant's answer lacks a field, or a field is of another type; the text names it."""


class Named(TypedDict):
    """A thing with an id and a name."""

    id: str
    name: str


class Floor(TypedDict):
    """A factory's size in metres."""

    width_m: float
    depth_m: float
    height_m: float


class Factory(Named):
    """A factory."""

    timezone: str
    floor: Floor | None
    created_at: str


class Equipment(Named):
    """A machine."""

    tag: str
    kind: str


class RuleState(TypedDict):
    """Where a rule stands."""

    condition: str
    evaluated_readings: int
    late_readings: int
    bad_readings: int
    last_reading_at: str | None
    active_since: str | None


class Rule(Named):
    """A rule."""

    factory_id: str
    equipment: str
    metric: str
    operator: str
    threshold: float
    on_delay_seconds: float
    deadband: float
    severity: int
    state: RuleState


class Incident(TypedDict):
    """An incident."""

    id: str
    factory_id: str
    title: str
    status: str
    severity: int
    type: str
    description: str
    equipment: str | None
    occurred_at: str
    condition: str | None
    cleared_at: str | None
    occurrences: int
    acknowledged_at: str | None
    acknowledged_by: str | None
    resolved_at: str | None
    resolved_by: str | None


class TimelineEntry(TypedDict):
    """One entry of an incident's timeline."""

    at: str
    what: str
    by: str
    reason: str | None


class IncidentWithTimeline(Incident):
    """An incident with its timeline."""

    timeline: list[TimelineEntry]


def checked(shape: Any, body: Json) -> Json:
    """Return an object of an answer, which has every field of the typed dictionary `shape`, and maybe more.

    Raises:
        UnreadableAnswerError: It lacks one, or one is of another type.
    """
    try:
        msgspec.convert(body, shape)
    except msgspec.ValidationError as error:
        what = f"{shape.__name__.lower()} {body.get('id', '')}".strip()
        raise UnreadableAnswerError(f"the plant's answer cannot be read: {what}: {error}") from error
    return body


def each_checked(shape: Any, bodies: Iterable[Json]) -> Iterator[Json]:
    """Yield each object of a list, checked like `checked`."""
    return (checked(shape, body) for body in bodies)
