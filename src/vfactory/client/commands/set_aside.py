"""`vfactory set-aside`: lists events that could not be handled, and has them tried again."""

from typing import Annotated

import typer

from plant_client import Json
from vfactory.client.commands.session import FactoryOption, JsonOption, UrlOption, connected
from vfactory.client.output import instant, print_columns, print_json
from vfactory.client.references import find_factory

app = typer.Typer(
    no_args_is_help=True,
    help="List events that could not be handled, whose factories are watched without them, and retry them.",
)

PATH = "/v1/set-aside-events"
HEADER = ("SEQ", "EVENT", "AT", "ATTEMPTS", "RETRY", "FACTORY", "REASON")


@app.command("list")
def list_(*, factory: FactoryOption = None, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """List the events set aside, of one factory or of all."""
    with connected(url) as client:
        query = {} if factory is None else {"factory": find_factory(client, factory)["id"]}
        events = list(client.items("incident-event", PATH, **query))
        _print(events, as_json=as_json, empty="No event is set aside: every factory is watched in full.")


@app.command("retry")
def retry(
    *,
    factory: FactoryOption = None,
    seq: Annotated[int | None, typer.Option(min=1, help="One event's number; without it, all.")] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try a factory's events again; those that succeed leave the list within seconds."""
    with connected(url) as client:
        body = {"factory_id": find_factory(client, factory)["id"], "seq": seq}
        answer = client.post("incident-event", f"{PATH}/retry", body)
        _print(answer["items"], as_json=as_json, empty="")


def _print(events: list[Json], *, as_json: bool, empty: str) -> None:
    if as_json:
        print_json({"items": events})
    elif not events:
        typer.echo(empty)
    else:
        print_columns(HEADER, [_row(event) for event in events])


def _row(event: Json) -> tuple[object, ...]:
    is_wanted = "asked" if event["retry_requested_at"] else "-"
    about = (event["seq"], event["type"], instant(event["at"]), event["attempts"], is_wanted)
    return (*about, event["factory_id"], event["reason"])
