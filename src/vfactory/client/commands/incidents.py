"""`vfactory incidents`: lists, shows, reports, acknowledges and resolves incidents."""

from collections.abc import Mapping
from datetime import tzinfo
from types import MappingProxyType
from typing import Annotated, Final
from uuid import uuid4

import typer

from plant_client import Json, PlantClient, RefusedError
from vfactory.client.answers import Incident, IncidentWithTimeline, checked, each_checked
from vfactory.client.commands.factory_column import print_with_factories
from vfactory.client.commands.session import (
    AllFactoriesOption,
    FactoryOption,
    JsonOption,
    ScopeOption,
    UrlOption,
    connected,
)
from vfactory.client.errors import CommandError
from vfactory.client.output import instant, measured, print_columns, print_fields, print_json
from vfactory.client.references import find_factory, find_incident_id, in_path, known_factories
from vfactory.client.time_zones import TimeZoneOption, find_zone, zone_of

app = typer.Typer(no_args_is_help=True, help="List, show, report, acknowledge and resolve incidents.")
IncidentArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The incident's id, or at least 4 characters of its beginning.")
]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Reason for the incident's timeline.")]
NAMES: Final = {
    "type": "--type",
    "severity": "--severity",
    "title": "TITLE",
    "description": "--description",
    "equipment": "--equipment",
    "occurred_at": "--at",
    "status": "--status",
    "reason": "--reason",
    "incident_id": "ID",
    "id_prefix": "ID",
}
NO_REASONS: Final[Mapping[str, str | None]] = MappingProxyType({})
COMMANDS: Final = {"acknowledge": "ack", "resolve": "resolve"}
"""The commands by the moves that they make."""


class MoveRefusedError(CommandError):
    """The incident's status does not allow the move; the text says which moves it allows."""


@app.command("list")
def list_(
    *,
    factory: ScopeOption = None,
    all_factories: AllFactoriesOption = False,
    status: Annotated[str | None, typer.Option(help="Only this status, such as reported.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, newest first.")] = 50,
    time_zone: TimeZoneOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """List incidents, newest first."""
    with connected(url, NAMES) as client:
        find_zone(time_zone, None)  # a wrong one is told before anything is asked
        scope = find_factory(client, factory) if factory and not all_factories else None
        asked = {"factory": scope and scope["id"], "status": status}
        pages = client.items("incident-event", "/v1/incidents", **asked)
        checked_pages = each_checked(Incident, pages)
        incidents = [incident for incident, _ in zip(checked_pages, range(limit), strict=False)]
        if as_json:
            print_json({"items": incidents})
        else:
            known = known_factories(client) if scope is None else {scope["id"]: scope}
            _print_table(incidents, known, time_zone)


@app.command("show")
def show(
    incident: IncidentArgument,
    *,
    time_zone: TimeZoneOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one incident with its timeline."""
    with connected(url, NAMES) as client:
        found = _read(client, find_incident_id(client, incident))
        if as_json:
            print_json(found)
        else:
            _show(found, zone_of(client, time_zone, found["factory_id"]))


@app.command("ack")
def ack(
    incident: IncidentArgument,
    *,
    reason: ReasonOption = None,
    time_zone: TimeZoneOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Acknowledge an incident: you have seen it and take it on."""
    _move(incident, "acknowledge", reason, url, time_zone, as_json=as_json)


@app.command("resolve")
def resolve(
    incident: IncidentArgument,
    *,
    reason: ReasonOption = None,
    time_zone: TimeZoneOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Resolve an incident that somebody has acknowledged: the danger is over."""
    _move(incident, "resolve", reason, url, time_zone, as_json=as_json)


@app.command("report")
def report(
    title: Annotated[str, typer.Argument(help="What happened, in a few words.")],
    *,
    factory: FactoryOption = None,
    incident_type: Annotated[
        str, typer.Option("--type", help="Such as fall, fire, equipment, other.")
    ] = "other",
    severity: Annotated[int, typer.Option(help="1 (lowest) to 5 (highest).")] = 3,
    description: Annotated[str, typer.Option(help="Details for the people who work the incident.")] = "",
    equipment: Annotated[str | None, typer.Option("--equipment", "-e", help="Tag of the machine.")] = None,
    occurred_at: Annotated[str | None, typer.Option("--at", help="When, in RFC 3339; default: now.")] = None,
    time_zone: TimeZoneOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report an incident by hand."""
    with connected(url, NAMES) as client:
        found = find_factory(client, factory)
        zone = find_zone(time_zone, found)
        body: dict[str, object] = {
            "factory_id": found["id"],
            "type": incident_type,
            "severity": severity,
            "title": title,
            "description": description,
            "occurred_at": occurred_at,
            "equipment": equipment,
        }
        headers = {"Idempotency-Key": str(uuid4())}
        made = checked(Incident, client.post("incident-event", "/v1/incidents", body, headers=headers))
        if as_json:
            print_json(made)
        else:
            _show(made, zone)


def _move(
    reference: str, move: str, reason: str | None, url: str | None, time_zone: str | None, *, as_json: bool
) -> None:
    with connected(url, NAMES) as client:
        find_zone(time_zone, None)  # a wrong one is told before anything is changed
        incident_id = find_incident_id(client, reference)
        body: dict[str, object] = {} if reason is None else {"reason": reason}
        try:
            answer = client.post("incident-event", f"/v1/incidents/{in_path(incident_id)}/{move}", body)
        except RefusedError as error:
            raise _explain(error, incident_id) or error from error
        moved = checked(Incident, answer)
        if as_json:
            print_json(moved)
        else:
            _show(moved, zone_of(client, time_zone, moved["factory_id"]), {move: reason})


def _explain(error: RefusedError, incident_id: str) -> MoveRefusedError | None:
    """Return what a refused move means for the commands; None if it was refused for another reason."""
    status, moves = error.problem.get("incident_status"), error.problem.get("legal_moves")
    if not isinstance(status, str) or not isinstance(moves, list):
        return None
    possible = [f"vfactory incidents {COMMANDS[move]} {incident_id}" for move in moves if move in COMMANDS]
    then = f"possible now: {', or '.join(possible)}" if possible else "nothing can be done with it any more"
    return MoveRefusedError(f"the incident is {status.replace('_', ' ')}; {then}")


def _read(client: PlantClient, incident_id: str) -> Json:
    return checked(
        IncidentWithTimeline, client.get("incident-event", f"/v1/incidents/{in_path(incident_id)}")
    )


def _print_table(incidents: list[Json], known: dict[str, Json], time_zone: str | None) -> None:
    zones = {factory_id: find_zone(time_zone, factory) for factory_id, factory in known.items()}
    elsewhere = find_zone(time_zone, None)
    rows = [
        (
            instant(i["occurred_at"], zones.get(i["factory_id"], elsewhere)),
            i["severity"],
            i["status"],
            i["condition"],
            i["title"],
            i["id"],
        )
        for i in incidents
    ]
    headers = ("OCCURRED", "SEVERITY", "STATUS", "CONDITION", "TITLE", "ID")
    print_with_factories(headers, rows, incidents, known, words=("TITLE",))


def _show(incident: Json, zone: tzinfo, reasons: Mapping[str, str | None] = NO_REASONS) -> None:
    """Print an incident, with `reasons` for moves that its timeline does not tell."""
    timeline = incident.get("timeline") or []
    told = {**{entry["what"]: entry["reason"] for entry in timeline}, **reasons}
    print_fields(_fields(incident, zone, told))
    if timeline:
        typer.echo()
        print_columns(
            ("AT", "WHAT", "WHO", "REASON"),
            [(instant(e["at"], zone), e["what"], e["by"], e["reason"]) for e in timeline],
            words=("WHO", "REASON"),
        )


def _fields(incident: Json, zone: tzinfo, reasons: Mapping[str, str | None]) -> list[tuple[str, object]]:
    return [
        ("incident", incident["title"]),
        ("id", incident["id"]),
        ("status", incident["status"]),
        ("severity", incident["severity"]),
        ("type", incident["type"]),
        ("occurred", instant(incident["occurred_at"], zone)),
        ("measured" if incident.get("metric") else "equipment", measured(incident)),
        ("condition", incident["condition"]),
        ("cleared", instant(incident["cleared_at"], zone)),
        ("occurrences", incident["occurrences"]),
        ("description", incident["description"] or None),
        ("acknowledged", _stamp(incident, "acknowledged", zone, reasons.get("acknowledge"))),
        ("resolved", _stamp(incident, "resolved", zone, reasons.get("resolve"))),
    ]


def _stamp(incident: Json, verb: str, zone: tzinfo, reason: str | None) -> str | None:
    at = instant(incident[f"{verb}_at"], zone)
    because = f": {reason}" if reason else ""
    return None if at is None else f"{at} by {incident[f'{verb}_by']}{because}"
