"""`vfactory readings`: lists readings, corrects them, and lists what was corrected."""

from datetime import datetime, tzinfo
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer

from plant_client import Json
from vfactory.client.commands.session import FactoryOption, JsonOption, UrlOption, connected
from vfactory.client.corrections import (
    Correction,
    make_correction,
    read_corrections,
    read_instant,
    send_corrections,
)
from vfactory.client.errors import EXIT_REFUSED, UsageError
from vfactory.client.output import instant, print_columns, print_fields, print_json, printable
from vfactory.client.references import find_factory, in_path
from vfactory.client.time_zones import TimeZoneOption, find_zone

app = typer.Typer(no_args_is_help=True, help="List readings, correct them, and list corrections.")

EquipmentOption = Annotated[str, typer.Option("--equipment", "-e", help="Tag of the machine.")]
AnyEquipmentOption = Annotated[str | None, typer.Option("--equipment", "-e", help="Tag of the machine.")]
MetricOption = Annotated[str, typer.Option("--metric", "-m", help="What was measured.")]
AnyMetricOption = Annotated[str | None, typer.Option("--metric", "-m", help="What was measured.")]
TIME = "A time, such as 2026-01-15T10:30:00Z; without an offset, in the time zone."


@app.command("list")
def list_(
    *,
    equipment: EquipmentOption,
    metric: MetricOption,
    factory: FactoryOption = None,
    since: Annotated[str | None, typer.Option("--from", help=f"The first time. {TIME}")] = None,
    before: Annotated[str | None, typer.Option("--to", help=f"The end, excluded. {TIME}")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, oldest first.")] = 50,
    time_zone: TimeZoneOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the readings of one metric of a machine, oldest first."""
    with connected(url) as client:
        found = find_factory(client, factory)
        zone = find_zone(time_zone, found)
        period = {
            name: read_instant(text, zone)
            for name, text in (("from", since), ("to", before))
            if text is not None
        }
        path = f"/v1/factories/{in_path(found['id'])}/readings"
        pages = client.items("factory-core", path, source=equipment, metric=metric, **period)
        readings = list(islice(pages, limit))
        if as_json:
            print_json({"items": readings})
            return
        print_columns(
            ("AT", "VALUE", "QUALITY"), [(_at(r, zone), _number(r["value"]), r["quality"]) for r in readings]
        )


@app.command("correct")
def correct(
    file: Annotated[
        Path | None,
        typer.Argument(help="A CSV file with columns out of source, metric, at, value, quality, reason."),
    ] = None,
    *,
    factory: FactoryOption = None,
    equipment: AnyEquipmentOption = None,
    metric: AnyMetricOption = None,
    at: Annotated[str | None, typer.Option("--at", help=f"The reading's time. {TIME}")] = None,
    value: Annotated[str | None, typer.Option(help="The right value.")] = None,
    quality: Annotated[
        str | None, typer.Option(help="The right quality: good, uncertain or bad. Default: it stays.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; it stays with the correction.")] = None,
    time_zone: TimeZoneOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Correct kept readings: one by options, or those of a file, where options stand for columns it lacks.

    What was kept before stays on record, with who corrected it, when and why. Incidents keep what they saw.
    """
    with connected(url) as client:
        found = find_factory(client, factory)
        zone = find_zone(time_zone, found)
        given = {"source": equipment, "metric": metric, "quality": quality, "reason": reason}
        if file is None:
            corrections = [make_correction({**given, "at": at, "value": value}, zone)]
        elif at is not None or value is not None:
            raise UsageError("--at and --value are for one reading; a file has them in its columns")
        else:
            corrections = read_corrections(file, given, zone)
        results = send_corrections(client, found, corrections)
        if as_json:
            print_json({"results": results})
        else:
            _tell(found, corrections, results, zone)
        if any(result["outcome"] == "rejected" for result in results):
            raise typer.Exit(EXIT_REFUSED)


@app.command("corrections")
def corrections_(
    *,
    factory: FactoryOption = None,
    equipment: AnyEquipmentOption = None,
    metric: AnyMetricOption = None,
    limit: Annotated[int, typer.Option(min=1, help="How many at most, oldest first.")] = 50,
    time_zone: TimeZoneOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the corrections of a factory's readings, oldest first."""
    with connected(url) as client:
        found = find_factory(client, factory)
        zone = find_zone(time_zone, found)
        path = f"/v1/factories/{in_path(found['id'])}/readings/corrections"
        made = list(islice(client.items("factory-core", path, source=equipment, metric=metric), limit))
        if as_json:
            print_json({"items": made})
            return
        rows = [
            (
                one["source"],
                one["metric"],
                _at(one, zone),
                *_change(one),
                instant(one["corrected_at"], zone),
                one["corrected_by"],
                one["reason"],
            )
            for one in made
        ]
        print_columns(("SOURCE", "METRIC", "AT", "WAS", "IS", "CORRECTED", "BY", "REASON"), rows)


def _tell(factory: Json, corrections: list[Correction], results: list[Json], zone: tzinfo) -> None:
    outcomes = [str(result["outcome"]) for result in results]
    counts = [(outcome, outcomes.count(outcome)) for outcome in ("corrected", "unchanged", "rejected")]
    typer.echo(f"Readings of {printable(factory['name'])}: {', '.join(f'{n} {name}' for name, n in counts)}")
    for correction, result in zip(corrections, results, strict=True):
        if result["outcome"] == "rejected":
            line = f"line {correction.line}: " if correction.line else ""
            typer.echo(f"  {line}{result['field']}: {printable(result['detail'])}", err=True)
    if len(results) == 1 and outcomes[0] != "rejected":
        body, result = corrections[0].body, results[0]
        now = {**body, "quality": body.get("quality") or result["old_quality"]}
        print_fields(
            [
                ("  reading", f"{body['source']} {body['metric']}"),
                ("  at", _at({**body}, zone)),
                ("  was", _shown(result["old_value"], result["old_quality"])),
                ("  is", _shown(now["value"], now["quality"])),
                ("  record", result["correction_id"]),
            ]
        )


def _change(correction: Json) -> tuple[str, str]:
    return (
        _shown(correction["old_value"], correction["old_quality"]),
        _shown(correction["value"], correction["quality"]),
    )


def _shown(value: object, quality: object) -> str:
    return _number(value) if quality == "good" else f"{_number(value)} {quality}"


def _number(value: object) -> str:
    """Return a number with every digit it has: who corrects it must see them."""
    return repr(value).removesuffix(".0")


def _at(reading: Json, zone: tzinfo) -> str:
    """Return a reading's time in a zone with every digit it has, as `--at` takes it."""
    return datetime.fromisoformat(str(reading["at"])).astimezone(zone).isoformat(" ").replace("+00:00", "Z")
