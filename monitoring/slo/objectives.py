"""Reads what is promised, and refuses what cannot be promised."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec

Percent = Annotated[float, msgspec.Meta(gt=0, lt=100)]
Kind = Literal["availability", "latency", "detection"]

# Boundaries of the histograms behind each kind: a share "within" anything else cannot be computed.
BOUNDARIES: Final = {
    "latency": (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0),
    "detection": (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
}
SERVICES: Final = ("factory-core", "incident-event", "asset-management")


class ObjectivesError(Exception):
    """The file of objectives is wrong; the text names where and what is allowed."""


class Share(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The share of requests that must not fail, in percent."""

    objective: Percent


class Speed(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The share, in percent, that must be done `within` so many seconds."""

    objective: Percent
    within: float


class Promise(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What one service promises."""

    service: Literal["factory-core", "incident-event", "asset-management"]
    availability: Share
    latency: Speed
    detection: Speed | None = None


class Promises(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The file."""

    window: Literal["30d"]
    objectives: Annotated[list[Promise], msgspec.Meta(min_length=1)]


class Objective(msgspec.Struct, frozen=True):
    """One objective of one service; `budget` is the share that may be bad, 0..1."""

    service: str
    kind: Kind
    percent: float
    within: float | None = None

    @property
    def name(self) -> str:
        """What its series are labelled with: `factory-core-availability`."""
        return f"{self.service}-{self.kind}"

    @property
    def budget(self) -> float:
        """The share of events that may be bad."""
        return round(1 - self.percent / 100, 9)


def read_objectives(path: Path) -> list[Objective]:
    """The objectives declared in `path`, in its order.

    Raises:
        ObjectivesError: the file cannot be read, or says something that is not allowed.
    """
    try:
        promises = msgspec.yaml.decode(path.read_bytes(), type=Promises)
    except (OSError, msgspec.MsgspecError) as error:
        raise ObjectivesError(f"{path.name}: {error}") from error
    services = [promise.service for promise in promises.objectives]
    if sorted(services) != sorted(SERVICES):
        raise ObjectivesError(f"{path.name}: every service once, of {', '.join(SERVICES)}; found {services}")
    return [objective for promise in promises.objectives for objective in _of(promise, path)]


def _of(promise: Promise, path: Path) -> Iterator[Objective]:
    yield Objective(promise.service, "availability", promise.availability.objective)
    for kind, speed in (("latency", promise.latency), ("detection", promise.detection)):
        if speed is None:
            continue
        if speed.within not in BOUNDARIES[kind]:
            allowed = ", ".join(f"{boundary:g}" for boundary in BOUNDARIES[kind])
            raise ObjectivesError(
                f"{path.name}: {promise.service}.{kind}.within is {speed.within:g}, a boundary of the "
                f"histogram is needed: {allowed}"
            )
        yield Objective(
            promise.service, "latency" if kind == "latency" else "detection", speed.objective, speed.within
        )
