"""`vfactory incidents`: lists, shows, reports, acknowledges and resolves incidents."""

from typing import Annotated
from uuid import uuid4

import typer

from plant_client import Json
from vfactory.client.commands.session import FactoryOption, JsonOption, UrlOption, connected
from vfactory.client.output import instant, print_columns, print_fields, print_json
from vfactory.client.references import find_factory

app = typer.Typer(no_args_is_help=True, help="List, show, report, acknowledge and resolve incidents.")
IncidentArgument = Annotated[str, typer.Argument(metavar="ID", help="The incident's id.")]
ReasonOption = Annotated[str | None, typer.Option("--reason", help="Reason for the incident's timeline.")]


@app.command("list")
def list_(
    *,
    factory: FactoryOption = None,
    status: Annotated[str | None, typer.Option(help="Only this status, such as reported.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, newest first.")] = 50,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a factory's incidents, newest first."""
    with connected(url) as client:
        found = find_factory(client, factory)
        pages = client.items("incident-event", "/v1/incidents", factory=found["id"], status=status)
        incidents = [incident for incident, _ in zip(pages, range(limit), strict=False)]
        if as_json:
            print_json({"items": incidents})
            return
        rows = [
            (instant(i["occurred_at"]), i["severity"], i["status"], i["condition"], i["title"], i["id"])
            for i in incidents
        ]
        print_columns(("OCCURRED", "SEVERITY", "STATUS", "CONDITION", "TITLE", "ID"), rows)


@app.command("show")
def show(incident: IncidentArgument, *, url: UrlOption = None, as_json: JsonOption = False) -> None:
    """Show one incident with its timeline."""
    with connected(url) as client:
        _print(client.get("incident-event", f"/v1/incidents/{incident}"), as_json=as_json)


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
    """Resolve an incident: the danger is over."""
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
    with connected(url) as client:
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
        _print(client.post("incident-event", "/v1/incidents", body, headers=headers), as_json=as_json)


def _move(incident: str, verb: str, reason: str | None, url: str | None, *, as_json: bool) -> None:
    with connected(url) as client:
        body: dict[str, object] = {} if reason is None else {"reason": reason}
        _print(client.post("incident-event", f"/v1/incidents/{incident}/{verb}", body), as_json=as_json)


def _print(incident: Json, *, as_json: bool) -> None:
    if as_json:
        print_json(incident)
        return
    print_fields(_fields(incident))
    timeline = incident.get("timeline") or []
    if timeline:
        typer.echo()
        print_columns(
            ("AT", "WHAT", "WHO", "REASON"),
            [(instant(e["at"]), e["what"], e["by"], e["reason"]) for e in timeline],
        )


def _fields(incident: Json) -> list[tuple[str, object]]:
    return [
        ("incident", incident["title"]),
        ("id", incident["id"]),
        ("status", incident["status"]),
        ("severity", incident["severity"]),
        ("type", incident["type"]),
        ("occurred", instant(incident["occurred_at"])),
        ("condition", incident["condition"]),
        ("cleared", instant(incident["cleared_at"])),
        ("occurrences", incident["occurrences"]),
        ("description", incident["description"] or None),
        ("acknowledged", _stamp(incident, "acknowledged")),
        ("resolved", _stamp(incident, "resolved")),
    ]


def _stamp(incident: Json, verb: str) -> str | None:
    at = instant(incident[f"{verb}_at"])
    return None if at is None else f"{at} by {incident[f'{verb}_by']}"
