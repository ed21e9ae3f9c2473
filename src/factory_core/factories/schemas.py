"""The bodies of requests and answers about factories."""

from datetime import datetime
from functools import cache
from typing import Annotated, Self
from uuid import UUID
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

import contracts.factory_core
from factory_core.factories.models import Factory
from utils.http import FiniteFloat, Name, RequestModel, Text

known_timezones = cache(available_timezones)


def _known_timezone(name: str) -> str:
    if name not in known_timezones():
        raise ValueError("must be a time zone of the IANA database, such as Asia/Seoul or UTC")
    return name


Timezone = Annotated[
    Text,
    Field(max_length=64, description="A time zone of the IANA database", examples=["Asia/Seoul"]),
    AfterValidator(_known_timezone),
]
Extent = Annotated[FiniteFloat, Field(gt=0, le=100_000, description="Metres")]


class Floor(RequestModel):
    """The hall: width along X, depth along Z, height along Y."""

    width_m: Extent
    depth_m: Extent
    height_m: Extent

    def to_contract(self) -> contracts.factory_core.Floor:
        """Return the floor as events carry it."""
        return contracts.factory_core.Floor(self.width_m, self.depth_m, self.height_m)


class FactoryCreate(RequestModel):
    """A new factory."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Ulsan",
                    "timezone": "Asia/Seoul",
                    "floor": {"width_m": 120, "depth_m": 60, "height_m": 12},
                }
            ]
        }
    )

    name: Annotated[Name, Field(description="What people call it; unique without regard to case")]
    timezone: Timezone = "UTC"
    floor: Annotated[Floor | None, Field(description="The hall; null while its extents are unknown")] = None


class FactoryRead(BaseModel):
    """A factory."""

    id: Annotated[UUID, Field(description="Its id, made by the service")]
    name: Annotated[str, Field(description="What people call it")]
    timezone: Annotated[str, Field(description="A time zone of the IANA database")]
    floor: Annotated[Floor | None, Field(description="The hall; null while its extents are unknown")]
    layout_version: Annotated[int, Field(description="Grows with every change of the layout")]
    created_at: Annotated[datetime, Field(description="When it was created")]

    @classmethod
    def of(cls, factory: Factory) -> Self:
        """Return the answer for a row."""
        return cls(
            id=factory.id,
            name=factory.name,
            timezone=factory.timezone,
            floor=_floor(factory),
            layout_version=factory.layout_version,
            created_at=factory.created_at,
        )


def _floor(factory: Factory) -> Floor | None:
    width, depth, height = factory.floor_width_m, factory.floor_depth_m, factory.floor_height_m
    if width is None or depth is None or height is None:
        return None
    return Floor(width_m=width, depth_m=depth, height_m=height)
