"""The zone in which a command shows times: that of `--time-zone`, of the environment, or the factory's."""

import os
import re
from datetime import UTC, timedelta, timezone, tzinfo
from typing import Annotated, TypeAlias
from zoneinfo import ZoneInfo

import typer

from plant_client import Json, PlantClient, PlantError
from vfactory.client.errors import UsageError
from vfactory.client.references import in_path

TIME_ZONE_VARIABLE = "VFACTORY_TIME_ZONE"
TimeZoneOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--time-zone",
        help=f"Zone of the times shown, such as Asia/Seoul; default: {TIME_ZONE_VARIABLE}, or the factory's.",
    ),
]


class ZoneError(ValueError):
    """The name of a time zone is not known."""


def read_zone(name: str) -> tzinfo:
    """Return the time zone of an IANA name (`Asia/Seoul`), of `UTC`, or of an offset (`+09:00`).

    Raises:
        ZoneError: No such time zone is known on this machine.
    """
    if name.upper() in {"UTC", "Z"}:
        return UTC
    offset = re.fullmatch(r"([+-])(\d{2}):?(\d{2})", name)
    if offset:
        sign, hours, minutes = offset.groups()
        distance = timedelta(hours=int(hours), minutes=int(minutes))
        if distance >= timedelta(days=1):
            raise ZoneError(f"{name!r} is not an offset from UTC: it must be below 24 hours")
        return timezone(-distance if sign == "-" else distance)
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        message = (
            f"{name!r} is not a time zone: use an IANA name such as Asia/Seoul, or an offset such as +09:00"
        )
        raise ZoneError(message) from error


def find_zone(given: str | None, factory: Json | None) -> tzinfo:
    """Return the zone in which to show a factory's times; UTC without a factory.

    Raises:
        UsageError: `given`, or the environment's zone, is not known.
    """
    variable = os.environ.get(TIME_ZONE_VARIABLE, "").strip() or None
    for name, origin in ((given, "--time-zone"), (variable, TIME_ZONE_VARIABLE)):
        if name is not None:
            try:
                return read_zone(name)
            except ZoneError as error:
                raise UsageError(f"{origin} {error}") from error
    return factory_zone(factory)


def zone_of(client: PlantClient, given: str | None, factory_id: object) -> tzinfo:
    """Return the zone in which to show the times of something in a factory; UTC if the plant cannot tell it.

    Raises:
        UsageError: `given`, or the environment's zone, is not known.
    """
    zone = find_zone(given, None)
    if given or os.environ.get(TIME_ZONE_VARIABLE, "").strip():
        return zone
    try:
        return factory_zone(client.get("factory-core", f"/v1/factories/{in_path(factory_id)}"))
    except PlantError:
        return UTC


def factory_zone(factory: Json | None) -> tzinfo:
    """Return a factory's own zone; UTC without a factory, or if this machine does not know the zone."""
    try:
        return UTC if factory is None else read_zone(str(factory.get("timezone", "UTC")))
    except ZoneError:
        return UTC
