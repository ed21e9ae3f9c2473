"""Makes Grafana's JSON of the boards."""

import json
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as models

from monitoring.grafana.board import CHOSEN_JOBS, WIDTH, Board
from monitoring.grafana.dashboards import BOARDS
from monitoring.grafana.panel_json import PROMETHEUS, panel_json
from monitoring.grafana.variables import names_in

FOLDER: Final = Path("monitoring/grafana/generated")
RUNBOOKS: Final = "https://v-factory.example/docs/runbooks"
SERVICE_NAMES: Final = "label_values(vfactory_build_info, service)"
INSTANCES: Final = f"label_values(up{{{CHOSEN_JOBS}}}, instance)"
ROW_HEIGHT: Final = 1


def dashboards() -> dict[Path, str]:
    """The JSON of every board by the file it is kept in."""
    return {FOLDER / f"{board.uid}.json": render(board) for board in BOARDS}


def render(board: Board) -> str:
    """One board's JSON, the same for the same board."""
    document = json.loads(JSONEncoder(sort_keys=True, indent=2).encode(_dashboard(board).build()))
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _dashboard(board: Board) -> dashboard.Dashboard:
    made = (
        dashboard.Dashboard(board.title)
        .uid(board.uid)
        .description(board.description)
        .tags(list(board.tags))
        .readonly()
        .timezone("browser")
        .refresh("30s")
        .time("now-1h", "now")
        .tooltip(models.DashboardCursorSync.CROSSHAIR)
    )
    for variable in _variables(board):
        made.with_variable(variable)
    for annotation in _annotations():
        made.annotation(annotation)
    made.link(
        dashboard.DashboardLink("V-Factory")
        .type(models.DashboardLinkType.DASHBOARDS)
        .tags(["v-factory"])
        .as_dropdown(True)
        .include_vars(True)
        .keep_time(True)
    )
    _place(made, board)
    return made


def _place(made: dashboard.Dashboard, board: Board) -> None:
    """Give every row and panel its place; ids follow the order, so that a link to a panel stays."""
    y = number = 0
    for row in board.rows:
        number += 1
        made.with_row(
            dashboard.Row(row.title).id(number).grid_pos(models.GridPos(h=ROW_HEIGHT, w=WIDTH, x=0, y=y))
        )
        y += ROW_HEIGHT
        x = height = 0
        for panel in row.panels:
            if x + panel.width > WIDTH:
                x, y, height = 0, y + height, 0
            number += 1
            place = models.GridPos(h=panel.height, w=panel.width, x=x, y=y)
            made.with_panel(panel_json(panel).id(number).grid_pos(place))
            x, height = x + panel.width, max(height, panel.height)
        y += height


def _variables(board: Board) -> list[Any]:
    """The datasources and the service, and of the others those which the board's panels use."""
    asked = {name for panel in board.panels for one in panel.queries for name in names_in(one.expression)}
    found: list[Any] = [_source("datasource", "Prometheus")]
    if any(panel.source == "loki" for panel in board.panels):
        found.append(_source("loki", "Loki"))
    found.append(_choice("service", SERVICE_NAMES))
    if "instance" in asked:
        found.append(_choice("instance", INSTANCES))
    if "search" in asked:
        found.append(dashboard.TextBoxVariable("search").label("Lines with").default_value(""))
    if any(panel.runbooks for panel in board.panels):
        found.append(dashboard.TextBoxVariable("runbooks").label("Runbooks at").default_value(RUNBOOKS))
    return found


def _source(name: str, label: str) -> Any:
    """A datasource of the type that `label` is the name of; at first the provisioned one."""
    kind = label.lower()
    provisioned = models.VariableOption(selected=True, text=label, value=kind)
    return dashboard.DatasourceVariable(name).label(label).type(kind).current(provisioned)


def _choice(name: str, values: str) -> Any:
    """One, several or all of what Prometheus knows."""
    return (
        dashboard.QueryVariable(name)
        .label(name.capitalize())
        .datasource(PROMETHEUS)
        .query(values)
        .refresh(models.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .sort(models.VariableSort.ALPHABETICAL_ASC)
    )


def _annotations() -> list[Any]:
    starts = f"changes(process_start_time_seconds{{{CHOSEN_JOBS}}}[$__rate_interval]) > 0"
    opened = "sum(increase(vfactory_incidents_opened_total[$__rate_interval])) > 0"
    return [
        _annotation("Starts and deployments", starts, "blue"),
        _annotation("Incidents opened", opened, "red"),
    ]


def _annotation(name: str, expression: str, colour: str) -> Any:
    return (
        dashboard.AnnotationQuery()
        .name(name)
        .datasource(PROMETHEUS)
        .enable(True)
        .icon_color(colour)
        .expr(expression)
    )
