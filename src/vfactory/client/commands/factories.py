"""`vfactory factories`: the plants this system watches."""

from typing import Annotated

import typer

from vfactory.client.api import Json, PlantClient
from vfactory.client.commands.session import JsonOption, UrlOption, connected
from vfactory.client.errors import UsageError
from vfactory.client.output import instant, print_columns, print_fields, print_json

app = typer.Typer(no_args_is_help=True, help="Add and list factories.")
DEFAULT_FLOOR_M = (100.0, 60.0, 10.0)


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
    with connected(url) as client:
        factory = add_factory(client, name, timezone=timezone, floor_m=_read_floor(floor))
        if as_json:
            print_json(factory)
        else:
            _show(factory)


@app.command("list")
def list_(*, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """List the factories."""
    with connected(url) as client:
        factories = list(client.items("factory-core", "/v1/factories"))
        if as_json:
            print_json({"items": factories})
            return
        rows = [(f["name"], f["timezone"], _size(f), f["id"]) for f in factories]
        print_columns(("NAME", "TIME ZONE", "FLOOR", "ID"), rows)


def add_factory(
    client: PlantClient, name: str, *, timezone: str = "UTC", floor_m: tuple[float, ...] = DEFAULT_FLOOR_M
) -> Json:
    """Add a factory; `floor_m` is its width, depth and height in metres."""
    width, depth, height = floor_m
    floor = {"width_m": width, "depth_m": depth, "height_m": height}
    return client.post("factory-core", "/v1/factories", {"name": name, "timezone": timezone, "floor": floor})


def _read_floor(text: str | None) -> tuple[float, ...]:
    if text is None:
        return DEFAULT_FLOOR_M
    try:
        sizes = tuple(float(part) for part in text.lower().split("x"))
    except ValueError:
        sizes = ()
    if len(sizes) != len(DEFAULT_FLOOR_M):
        raise UsageError(f"--floor is width x depth x height in metres, such as 100x60x10; {text!r} is not")
    return sizes


def _size(factory: Json) -> str:
    floor = factory["floor"]
    return f"{floor['width_m']:g} x {floor['depth_m']:g} x {floor['height_m']:g} m"


def _show(factory: Json) -> None:
    print_fields(
        [
            ("factory", factory["name"]),
            ("id", factory["id"]),
            ("time zone", factory["timezone"]),
            ("floor", _size(factory)),
            ("created", instant(factory["created_at"])),
        ]
    )
