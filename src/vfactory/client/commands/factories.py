"""`vfactory factories`: adds and lists the plants that this system watches."""

import math
from typing import Annotated, Final

import typer

from plant_client import Json, PlantClient
from vfactory.client.answers import Factory, checked, each_checked
from vfactory.client.commands.session import JsonOption, UrlOption, connected
from vfactory.client.errors import UsageError
from vfactory.client.output import instant, print_columns, print_fields, print_json
from vfactory.client.time_zones import find_zone

app = typer.Typer(no_args_is_help=True, help="Add and list factories.")
_SIZES = ("width_m", "depth_m", "height_m")
NAMES: Final = {"name": "NAME", "timezone": "--timezone", "floor": "--floor"}


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The factory's name.")],
    *,
    timezone: Annotated[str, typer.Option(help="Its IANA time zone, such as Asia/Seoul.")] = "UTC",
    floor: Annotated[
        str | None, typer.Option(help="Width x depth x height in metres, such as 100x60x10.")
    ] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a factory."""
    with connected(url, NAMES) as client:
        factory = add_factory(client, name, timezone=timezone, floor=_read_floor(floor))
        if as_json:
            print_json(factory)
        else:
            _show(factory)


@app.command("list")
def list_(*, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """List the factories."""
    with connected(url) as client:
        factories = list(each_checked(Factory, client.items("factory-core", "/v1/factories")))
        if as_json:
            print_json({"items": factories})
            return
        rows = [(f["name"], f["timezone"], _size(f), f["id"]) for f in factories]
        print_columns(("NAME", "TIME ZONE", "FLOOR", "ID"), rows, words=("NAME",))


def add_factory(
    client: PlantClient, name: str, *, timezone: str = "UTC", floor: dict[str, float] | None = None
) -> Json:
    """Add a factory and return it; `floor` is width, depth and height in metres, None if unknown."""
    body = {"name": name, "timezone": timezone, "floor": floor}
    return checked(Factory, client.post("factory-core", "/v1/factories", body))


def _read_floor(text: str | None) -> dict[str, float] | None:
    if text is None:
        return None
    try:
        floor = dict(zip(_SIZES, (float(part) for part in text.lower().split("x")), strict=True))
    except ValueError as error:
        message = f"--floor is width x depth x height in metres, such as 100x60x10; {text!r} is not"
        raise UsageError(message) from error
    if not all(map(math.isfinite, floor.values())):
        raise UsageError(f"--floor must be finite numbers, not {text!r}")
    return floor


def _size(factory: Json) -> str | None:
    floor = factory["floor"]
    return None if floor is None else f"{' x '.join(f'{floor[name]:g}' for name in _SIZES)} m"


def _show(factory: Json) -> None:
    print_fields(
        [
            ("factory", factory["name"]),
            ("id", factory["id"]),
            ("time zone", factory["timezone"]),
            ("floor", _size(factory)),
            ("created", instant(factory["created_at"], find_zone(None, factory))),
        ]
    )
