"""`vfactory equipment`: adds and lists a factory's machines."""

from typing import Annotated, Final

import typer

from plant_client import Json, PlantClient
from vfactory.client.answers import Equipment, checked, each_checked
from vfactory.client.commands.session import FactoryOption, JsonOption, UrlOption, connected
from vfactory.client.output import print_columns, print_fields, print_json
from vfactory.client.references import find_factory, in_path

app = typer.Typer(no_args_is_help=True, help="Add and list a factory's machines.")
NAMES: Final = {"tag": "TAG", "name": "--name", "kind": "--kind"}


@app.command("add")
def add(
    tag: Annotated[
        str, typer.Argument(help="The tag that its readings name as source; unique in the factory.")
    ],
    *,
    factory: FactoryOption = None,
    name: Annotated[str | None, typer.Option(help="A name for people; default: the tag.")] = None,
    kind: Annotated[str, typer.Option(help="Its kind, such as press, tank, sensor.")] = "other",
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a machine to a factory."""
    with connected(url, NAMES) as client:
        equipment = add_equipment(client, find_factory(client, factory), tag, name=name, kind=kind)
        if as_json:
            print_json(equipment)
        else:
            print_fields(
                [
                    ("equipment", equipment["tag"]),
                    ("id", equipment["id"]),
                    ("name", equipment["name"]),
                    ("kind", equipment["kind"]),
                ]
            )


@app.command("list")
def list_(*, factory: FactoryOption = None, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """List a factory's machines."""
    with connected(url) as client:
        path = f"/v1/factories/{in_path(find_factory(client, factory)['id'])}/equipment"
        equipment = list(each_checked(Equipment, client.items("factory-core", path)))
        if as_json:
            print_json({"items": equipment})
            return
        rows = [(e["tag"], e["name"], e["kind"], e["id"]) for e in equipment]
        print_columns(("TAG", "NAME", "KIND", "ID"), rows, words=("NAME",))


def add_equipment(
    client: PlantClient, factory: Json, tag: str, *, name: str | None = None, kind: str = "other"
) -> Json:
    """Add a machine to a factory and return it; by default its name is its tag."""
    body = {"tag": tag, "name": name or tag, "kind": kind}
    path = f"/v1/factories/{in_path(factory['id'])}/equipment"
    return checked(Equipment, client.post("factory-core", path, body))
