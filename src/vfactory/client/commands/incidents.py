"""`vfactory incidents`: lists, shows, reports, acknowledges and resolves incidents."""

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
from vfactory.client.references import factory_names, find_factory, find_incident_id, in_path

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
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """List incidents, newest first."""
    with connected(url, NAMES) as client:
        scope = find_factory(client, factory)["id"] if factory and not all_factories else None
        pages = client.items("incident-event", "/v1/incidents", factory=scope, status=status)
        checked_pages = each_checked(Incident, pages)
        incidents = [incident for incident, _ in zip(checked_pages, range(limit), strict=False)]
        if as_json:
            print_json({"items": incidents})
        else:
            _print_table(incidents, {} if scope else factory_names(client))


@app.command("show")
def show(incident: IncidentArgument, *, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Show one incident with its timeline."""
    with connected(url, NAMES) as client:
        _print(_read(client, find_incident_id(client, incident)), as_json=as_json)


@app.command("ack")
def ack(
    incident: IncidentArgument,
    *,
    reason: ReasonOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Acknowledge an incident: you have seen it and take it on."""
    _move(incident, "acknowledge", reason, url, as_json=as_json)


@app.command("resolve")
def resolve(
    incident: IncidentArgument,
    *,
    reason: ReasonOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Resolve an incident that somebody has acknowledged: the danger is over."""
    _move(incident, "resolve", reason, url, as_json=as_json)


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
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Report an incident by hand."""
    with connected(url, NAMES) as client:
        body: dict[str, object] = {
            "factory_id": find_factory(client, factory)["id"],
            "type": incident_type,
            "severity": severity,
            "title": title,
            "description": description,
            "occurred_at": occurred_at,
            "equipment": equipment,
        }
        headers = {"Idempotency-Key": str(uuid4())}
        made = client.post("incident-event", "/v1/incidents", body, headers=headers)
        _print(checked(Incident, made), as_json=as_json)


def _move(reference: str, move: str, reason: str | None, url: str | None, *, as_json: bool) -> None:
    with connected(url, NAMES) as client:
        incident_id = find_incident_id(client, reference)
        body: dict[str, object] = {} if reason is None else {"reason": reason}
        try:
            moved = client.post("incident-event", f"/v1/incidents/{in_path(incident_id)}/{move}", body)
        except RefusedError as error:
            raise _explain(error, incident_id) or error from error
        _print(checked(Incident, moved), as_json=as_json, reason=(move, reason))


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


def _print_table(incidents: list[Json], factories: dict[str, str]) -> None:
    rows = [
        (instant(i["occurred_at"]), i["severity"], i["status"], i["condition"], i["title"], i["id"])
        for i in incidents
    ]
    headers = ("OCCURRED", "SEVERITY", "STATUS", "CONDITION", "TITLE", "ID")
    print_with_factories(headers, rows, incidents, factories, words=("TITLE",))


def _print(incident: Json, *, as_json: bool, reason: tuple[str, str | None] = ("", None)) -> None:
    if as_json:
        print_json(incident)
        return
    timeline = incident.get("timeline") or []
    reasons = {**{entry["what"]: entry["reason"] for entry in timeline}, reason[0]: reason[1]}
    print_fields(_fields(incident, reasons))
    if timeline:
        typer.echo()
        print_columns(
            ("AT", "WHAT", "WHO", "REASON"),
            [(instant(e["at"]), e["what"], e["by"], e["reason"]) for e in timeline],
            words=("WHO", "REASON"),
        )


def _fields(incident: Json, reasons: dict[str, str | None]) -> list[tuple[str, object]]:
    return [
        ("incident", incident["title"]),
        ("id", incident["id"]),
        ("status", incident["status"]),
        ("severity", incident["severity"]),
        ("type", incident["type"]),
        ("occurred", instant(incident["occurred_at"])),
        ("measured" if incident.get("metric") else "equipment", measured(incident)),
        ("condition", incident["condition"]),
        ("cleared", instant(incident["cleared_at"])),
        ("occurrences", incident["occurrences"]),
        ("description", incident["description"] or None),
        ("acknowledged", _stamp(incident, "acknowledged", reasons.get("acknowledge"))),
        ("resolved", _stamp(incident, "resolved", reasons.get("resolve"))),
    ]


def _stamp(incident: Json, verb: str, reason: str | None) -> str | None:
    at = instant(incident[f"{verb}_at"])
    because = f": {reason}" if reason else ""
    return None if at is None else f"{at} by {incident[f'{verb}_by']}{because}"
