"""`vfactory events`: prints a factory's event stream, one line per event."""

from collections.abc import Iterable, Iterator
from typing import Annotated

import typer

from plant_client import Event, Reset, Subscription
from vfactory.client.commands.session import FactoryOption, JsonOption, UrlOption, connected
from vfactory.client.errors import UsageError
from vfactory.client.output import instant, print_json_line, printable
from vfactory.client.references import find_factory
from vfactory.commands.terminal import complain

_TIMES = ("occurred_at", "cleared_at", "at")
_FACTS = ("severity", "occurrences", "by", "reason")


def events(
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print events as they happen.")] = False,
    factory: FactoryOption = None,
    event_type: Annotated[
        list[str] | None, typer.Option("--type", help="Only this event type; repeatable.")
    ] = None,
    after: Annotated[
        int | None, typer.Option(min=0, help="Begin after the event with this seq; 0: with the first event.")
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after this many events.")] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a factory's events as they happen: incidents, cleared conditions, acknowledgements.

    A break of the connection is reported on stderr; the stream then resumes without gap or duplicate.
    """
    with connected(url) as client:
        if not follow and count is None:
            raise UsageError("use --follow to print events as they happen, or --count N to end after N")
        found = find_factory(client, factory)
        subscription = Subscription(
            found["id"],
            types=tuple(event_type or ()),
            after=after,
            on_connect=lambda: complain(f"listening to {printable(found['name'])}"),
            on_break=lambda end: complain(str(end)),
        )
        for number, event in enumerate(_tell_losses(client.follow(subscription)), start=1):
            if as_json:
                print_json_line(event.body)
            else:
                typer.echo(describe(event))
            if number == count:
                return


def _tell_losses(items: Iterable[Event | Reset]) -> Iterator[Event]:
    for item in items:
        if isinstance(item, Reset):
            complain(str(item))
        else:
            yield item


def describe(event: Event) -> str:
    """Return an event as one line: seq, type, time, title, facts, and the id of the incident or rule."""
    facts = event.payload
    happened = next((facts[name] for name in _TIMES if facts.get(name)), event.body.get("at"))
    told = [f"#{event.seq}", event.type.removesuffix(".v1"), instant(happened)]
    title = facts.get("title") or facts.get("name")
    told += [printable(title)] if title else []
    said = {name: facts[name] for name in _FACTS if facts.get(name) is not None}
    told += [
        f"{name} {printable(value)}"
        for name, value in said.items()
        if value != f"rule/{facts.get('rule_id')}"
    ]
    told += [f"{name} {facts[f'{name}_id']}" for name in ("incident", "rule") if facts.get(f"{name}_id")][:1]
    return printable("  ".join(str(part) for part in told))
