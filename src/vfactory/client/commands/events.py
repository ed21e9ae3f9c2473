"""`vfactory events`: prints a factory's event stream, one line per event."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Final

import typer

from contracts.incident_event import EVENT_TYPES
from plant_client import Event, Json, PlantClient, Reset, Subscription
from utils.clock import utc_now
from vfactory.client.commands.session import FactoryOption, JsonOption, UrlOption, connected
from vfactory.client.errors import UsageError
from vfactory.client.output import instant, measured, print_event, print_json_line, printable
from vfactory.client.references import find_factory
from vfactory.client.time_zones import TimeZoneOption, find_zone
from vfactory.commands.terminal import complain

_TIMES = ("occurred_at", "cleared_at", "at")
_FACTS = ("severity", "occurrences", "by", "reason")
_VERSION = re.compile(r"\.v\d+\Z")
NAMES: Final = {"types": "--type", "Last-Event-ID": "--after"}


def _shown(event_type: str) -> str:
    """Return a type as it is printed: without its version."""
    return _VERSION.sub("", event_type)


def _complete_type(incomplete: str) -> list[str]:
    return sorted(name for name in map(_shown, EVENT_TYPES) if name.startswith(incomplete))


def events(
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Print events as they happen.")] = False,
    factory: FactoryOption = None,
    event_type: Annotated[
        list[str] | None,
        typer.Option(
            "--type",
            help="Only this event type, such as incident.reported; repeatable.",
            autocompletion=_complete_type,
        ),
    ] = None,
    after: Annotated[
        int | None, typer.Option(min=0, help="Begin after the event with this seq; 0: with the first event.")
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(
            help="End with the last event there is (now) or before a time in RFC 3339; begins with the first "
            "event unless --after is given."
        ),
    ] = None,
    count: Annotated[int | None, typer.Option(min=1, help="End after this many events.")] = None,
    time_zone: TimeZoneOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Print a factory's events as they happen: incidents, cleared conditions, acknowledgements.

    A break of the connection is reported on stderr; the stream then resumes without gap or duplicate.
    """
    with connected(url, NAMES) as client:
        if not follow and count is None and until is None:
            raise UsageError(
                "use --follow to print events as they happen, --until now to end with the last one there is, "
                "or --count N to end after N"
            )
        types, end = read_types(event_type or ()), None if until is None else _read_end(until)
        found = find_factory(client, factory)
        zone = find_zone(time_zone, found)
        if end is None:
            chosen = _follow(client, found, after, types)
        else:
            chosen = _until(end, client, found, after or 0, types)
        for number, event in enumerate(chosen, start=1):
            if as_json:
                print_json_line(event.body)
            else:
                print_event(describe(event, zone))
            if number == count:
                return


@dataclass(frozen=True)
class _End:
    """Where to stop: before the first event that was recorded after `at`."""

    at: datetime

    def is_before(self, event: Event) -> bool:
        recorded = _read_time(str(event.body.get("at")))
        return recorded is not None and recorded > self.at


def _follow(client: PlantClient, factory: Json, after: int | None, types: Sequence[str]) -> Iterator[Event]:
    subscription = Subscription(
        factory["id"],
        types=tuple(types),
        after=after,
        on_connect=lambda: complain(f"listening to {printable(factory['name'])}"),
        on_break=lambda end: complain(str(end)),
    )
    for item in client.follow(subscription):
        if isinstance(item, Reset):
            complain(str(item))
        else:
            yield item


def _until(
    end: _End, client: PlantClient, factory: Json, after: int, types: Sequence[str]
) -> Iterator[Event]:
    """Yield the events there are; all types are asked for, so that the last event is always met."""
    head = client.head(factory["id"])
    if after >= head:
        return
    subscription = Subscription(factory["id"], after=after, on_break=lambda end: complain(str(end)))
    for item in client.follow(subscription):
        if isinstance(item, Reset):
            complain(str(item))
        elif item.seq > head or end.is_before(item):
            return
        elif not types or item.type in types:
            yield item
        if (subscription.position or 0) >= head:
            return


def read_types(given: Iterable[str]) -> list[str]:
    """Return the full names of event types that are given as they are printed, or with their version.

    Raises:
        UsageError: There is no such type.
    """
    wanted: list[str] = []
    for word in (word.strip() for text in given for word in text.split(",")):
        known = sorted(one for one in EVENT_TYPES if word in {one, _shown(one)})
        if not known and _VERSION.search(word):
            known = [word]  # of a newer plant, which decides
        if not known:
            choices = ", ".join(_complete_type(""))
            raise UsageError(f"--type: there is no event type {word!r}; choose from: {choices}")
        wanted += known
    return wanted


def _read_end(text: str) -> _End:
    if text == "now":
        return _End(datetime.max.replace(tzinfo=UTC))
    at = _read_time(text)
    if at is None:
        raise UsageError(
            f"--until is now, or a time with a zone in RFC 3339 such as 2026-01-15T10:30:00Z, not {text!r}"
        )
    if at > utc_now():
        raise UsageError("--until lies in the future; use --follow, which ends with Ctrl-C")
    return _End(at)


def _read_time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if at.tzinfo is None else at


def describe(event: Event, zone: tzinfo = UTC) -> list[str]:
    """Return an event in parts: seq, type, time, title, measured value, facts, id of the incident or rule."""
    facts = event.payload
    happened = next((facts[name] for name in _TIMES if facts.get(name)), event.body.get("at"))
    told = [f"#{event.seq}", _shown(event.type), instant(happened, zone)]
    title = facts.get("title") or facts.get("name")
    told += [title] if title else []
    value = measured(facts)
    told += [value] if value else []
    said = {name: facts[name] for name in _FACTS if facts.get(name) is not None}
    told += [
        f"{name} {printable(value)}"
        for name, value in said.items()
        if value != f"rule/{facts.get('rule_id')}"
    ]
    told += [f"{name} {facts[f'{name}_id']}" for name in ("incident", "rule") if facts.get(f"{name}_id")][:1]
    return [printable(part) for part in told]
