"""`vfactory rules`: adds, lists and shows alarm rules, which turn readings into incidents."""

from datetime import tzinfo
from typing import Annotated, Final

import typer

from plant_client import Json, PlantClient, PlantError
from vfactory.client.answers import Rule, checked, each_checked
from vfactory.client.commands.factory_column import print_with_factories
from vfactory.client.commands.numbers import finite
from vfactory.client.commands.session import (
    AllFactoriesOption,
    FactoryOption,
    JsonOption,
    ScopeOption,
    UrlOption,
    connected,
)
from vfactory.client.errors import UsageError
from vfactory.client.output import instant, print_fields, print_json, printable
from vfactory.client.references import find_equipment, find_factory, find_rule, in_path, known_factories
from vfactory.client.time_zones import TimeZoneOption, find_zone, zone_of
from vfactory.commands.terminal import complain

app = typer.Typer(no_args_is_help=True, help="Add, list and show alarm rules.")
NAMES: Final = {
    "name": "--name",
    "equipment": "--equipment",
    "metric": "--metric",
    "on_delay_seconds": "--for",
    "deadband": "--deadband",
    "lateness_seconds": "--lateness",
    "severity": "--severity",
    "incident_type": "--type",
    "rule_id": "RULE",
}


@app.command("add")
def add(
    *,
    equipment: Annotated[str, typer.Option("--equipment", "-e", help="Tag of the machine.")],
    metric: Annotated[str, typer.Option("--metric", "-m", help="Metric, exactly as in the readings.")],
    factory: FactoryOption = None,
    above: Annotated[
        float | None,
        typer.Option(
            callback=finite,
            help="True while the value is greater than this.",
        ),
    ] = None,
    below: Annotated[
        float | None,
        typer.Option(
            callback=finite,
            help="True while the value is less than this.",
        ),
    ] = None,
    on_delay: Annotated[
        float,
        typer.Option(
            "--for", callback=finite, help="Seconds it must stay true before the condition is active."
        ),
    ] = 0.0,
    deadband: Annotated[
        float,
        typer.Option(
            callback=finite, help="How far beyond the limit the value must return before the condition ends."
        ),
    ] = 0.0,
    lateness: Annotated[
        float,
        typer.Option(
            callback=finite, help="Seconds by which a reading may be older than the newest and still count."
        ),
    ] = 60.0,
    severity: Annotated[int, typer.Option(help="1 (lowest) to 5 (highest).")] = 3,
    incident_type: Annotated[str, typer.Option("--type", help="Type of the incidents.")] = "equipment",
    name: Annotated[str | None, typer.Option(help="Default: the condition in words.")] = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add a threshold rule on one metric of one machine."""
    names = {**NAMES, "threshold": "--below" if above is None else "--above"}
    with connected(url, names) as client:
        operator, threshold = _condition(above, below)
        found = find_factory(client, factory)
        # With a mistyped tag the rule would never fire, and nothing would show it.
        find_equipment(client, found, equipment)
        body: dict[str, object] = {
            "factory_id": found["id"],
            "name": name or f"{equipment} {metric} {operator} {threshold:g}",
            "kind": "threshold",
            "equipment": equipment,
            "metric": metric,
            "operator": operator,
            "threshold": threshold,
            "on_delay_seconds": on_delay,
            "deadband": deadband,
            "lateness_seconds": lateness,
            "severity": severity,
            "incident_type": incident_type,
        }
        rule = checked(Rule, client.post("incident-event", "/v1/rules", body))
        if as_json:
            print_json(rule)
        else:
            _show(rule, find_zone(None, found))
        _tell_unmeasured(client, found["id"], equipment, metric)


@app.command("list")
def list_(
    *,
    factory: ScopeOption = None,
    all_factories: AllFactoriesOption = False,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """List rules."""
    with connected(url, NAMES) as client:
        scope = find_factory(client, factory)["id"] if factory and not all_factories else None
        rules = list(each_checked(Rule, client.items("incident-event", "/v1/rules", factory=scope)))
        if as_json:
            print_json({"items": rules})
        else:
            _print_table(rules, {} if scope else known_factories(client))


@app.command("show")
def show(
    rule: Annotated[
        str, typer.Argument(help="The rule's id or the beginning of it, or its name if that is unique.")
    ],
    *,
    factory: ScopeOption = None,
    time_zone: TimeZoneOption = None,
    url: UrlOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a rule: its condition, its state, and how many readings it has evaluated."""
    with connected(url, NAMES) as client:
        found = find_rule(client, factory, rule)
        if as_json:
            print_json(found)
        else:
            _show(found, zone_of(client, time_zone, found["factory_id"]))


def describe(rule: Json) -> str:
    """Return a rule's condition in words: `pump-1 Accelerometer1RMS > 0.5 for 5 s, deadband 1`."""
    condition = f"{rule['equipment']} {rule['metric']} {rule['operator']} {rule['threshold']:g}"
    delay = f" for {rule['on_delay_seconds']:g} s" if rule["on_delay_seconds"] else ""
    deadband = f", deadband {rule['deadband']:g}" if rule["deadband"] else ""
    return f"{condition}{delay}{deadband}"


def status(rule: Json) -> str:
    """Return where a rule stands: `no data` until it has evaluated a reading."""
    state = rule["state"]
    return str(state["condition"]) if state["evaluated_readings"] else "no data"


def _print_table(rules: list[Json], known: dict[str, Json]) -> None:
    rows = [(r["name"], describe(r), r["severity"], status(r), r["id"]) for r in rules]
    headers = ("NAME", "CONDITION", "SEVERITY", "STATE", "ID")
    print_with_factories(headers, rows, rules, known, words=("NAME", "CONDITION"))


def _tell_unmeasured(client: PlantClient, factory_id: str, equipment: str, metric: str) -> None:
    """Say that no reading has come: with a mistyped metric the rule never fires."""
    path = f"/v1/factories/{in_path(factory_id)}/readings"
    try:
        page = client.get("factory-core", path, source=equipment, metric=metric, limit=1)
    except PlantError:
        return  # the rule is made, and nothing more is known
    if page.get("items") == []:
        complain(
            f"no reading of {printable(equipment)} {printable(metric)} has come yet; the rule has no data "
            "until one does. Is the metric written exactly as in the readings?"
        )


def _condition(above: float | None, below: float | None) -> tuple[str, float]:
    if above is not None and below is None:
        return ">", above
    if below is not None and above is None:
        return "<", below
    raise UsageError("use either --above LIMIT or --below LIMIT")


def _show(rule: Json, zone: tzinfo) -> None:
    state = rule["state"]
    print_fields(
        [
            ("rule", rule["name"]),
            ("id", rule["id"]),
            ("condition", describe(rule)),
            ("severity", rule["severity"]),
            ("state", status(rule)),
            ("active since", instant(state["active_since"], zone)),
            ("evaluated readings", f"{state['evaluated_readings']:,}"),
            ("late readings", f"{state['late_readings']:,}"),
            ("bad readings", f"{state['bad_readings']:,}"),
            ("last reading", instant(state["last_reading_at"], zone)),
        ]
    )
