"""The events that Factory Core publishes to other services: one message type per kind of event.

Consumers ignore unknown fields, so a field may be added without a new version.
"""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

import msgspec

Quality = Literal["good", "uncertain", "bad"]


class Floor(msgspec.Struct, frozen=True):
    """The factory hall's extent in metres: X is the width, Z the depth, Y (up) the height."""

    width_m: float
    depth_m: float
    height_m: float


class FactoryCreated(msgspec.Struct, frozen=True):
    """A factory was created."""

    type: ClassVar[str] = "factory.created.v1"

    factory_id: UUID
    name: str
    timezone: str
    floor: Floor | None
    layout_version: int
    created_at: datetime


class EquipmentCreated(msgspec.Struct, frozen=True):
    """A machine was created in a factory; readings may name its tag as their source."""

    type: ClassVar[str] = "equipment.created.v1"

    equipment_id: UUID
    factory_id: UUID
    tag: str
    name: str
    kind: str
    created_at: datetime


class SeriesReadings(msgspec.Struct, frozen=True, omit_defaults=True):
    """The new readings of one (source, metric) in one batch, as columns of equal length.

    They are in the batch's order, which need not be the order of time.
    """

    source: str
    metric: str
    equipment_id: UUID
    at: list[datetime]
    value: list[float]
    quality: list[Quality] | None = None
    """One per reading; None if all are good."""


class ReadingsAccepted(msgspec.Struct, frozen=True):
    """Readings of a batch were accepted: those that were new, at least one.

    `batch_id` is the sender's name for the batch, unique in its factory. A batch has a second event if it
    came again, and readings that had been refused could be kept then.
    """

    type: ClassVar[str] = "readings.accepted.v1"

    batch_id: str
    accepted_at: datetime
    series: list[SeriesReadings]


class ReadingCorrected(msgspec.Struct, frozen=True):
    """The value or quality of an accepted reading was corrected; what was done because of it stays done."""

    type: ClassVar[str] = "reading.corrected.v1"

    correction_id: UUID
    factory_id: UUID
    equipment_id: UUID
    source: str
    metric: str
    at: datetime
    old_value: float
    old_quality: Quality
    value: float
    quality: Quality
    reason: str
    corrected_by: str
    corrected_at: datetime
