"""Makes Grafana's JSON of the boards."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    logs,
    loki,
    prometheus,
    stat,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from monitoring.grafana.board import SERVICE, WIDTH, Board, Panel, Query
from monitoring.grafana.dashboards import BOARDS

FOLDER: Final = Path("monitoring/grafana/generated")
RUNBOOKS: Final = "https://v-factory.example/docs/runbooks"
SOURCE: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
LOGS: Final = models.DataSourceRef(type_val="loki", uid="${loki}")
SERVICE_NAMES: Final = "label_values(vfactory_build_info, service)"
INSTANCES: Final = 'label_values(up{job=~"v-factory-$service(-worker)?"}, instance)'
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
            made.with_panel(_panel(panel).id(number).grid_pos(place))
            x, height = x + panel.width, max(height, panel.height)
        y += height


def _variables(board: Board) -> list[Any]:
    reload = models.VariableRefresh.ON_TIME_RANGE_CHANGED
    found: list[Any] = [
        dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"),
        dashboard.QueryVariable("service")
        .label("Service")
        .datasource(SOURCE)
        .query(SERVICE_NAMES)
        .refresh(reload)
        .multi(True)
        .include_all(True)
        .sort(models.VariableSort.ALPHABETICAL_ASC),
        dashboard.QueryVariable("instance")
        .label("Instance")
        .datasource(SOURCE)
        .query(INSTANCES)
        .refresh(reload)
        .multi(True)
        .include_all(True)
        .sort(models.VariableSort.ALPHABETICAL_ASC),
        dashboard.TextBoxVariable("runbooks").label("Runbooks at").default_value(RUNBOOKS),
    ]
    if board.uses_loki:
        found.insert(1, dashboard.DatasourceVariable("loki").label("Loki").type("loki"))
    return found


def _annotations() -> list[Any]:
    starts = f"changes(process_start_time_seconds{{{SERVICE}}}[$__rate_interval]) > 0"
    opened = "sum(increase(vfactory_incidents_opened_total[$__rate_interval])) > 0"
    return [
        _annotation("Starts and deployments", starts, "blue"),
        _annotation("Incidents opened", opened, "red"),
    ]


def _annotation(name: str, expression: str, colour: str) -> Any:
    return (
        dashboard.AnnotationQuery()
        .name(name)
        .datasource(SOURCE)
        .enable(True)
        .icon_color(colour)
        .expr(expression)
    )


def _panel(panel: Panel) -> Any:
    made = _OF_KIND[panel.kind](panel)
    made.title(panel.title).description(_description(panel)).unit(_GRAFANA_UNITS.get(panel.unit, panel.unit))
    made.datasource(LOGS if panel.kind == "logs" else SOURCE)
    made.no_value("0" if panel.kind == "stat" and not panel.empty else "no data")
    for position, one in enumerate(panel.queries):
        made.with_target(_target(panel, one, "ABCDEFGH"[position]))
    if panel.thresholds:
        made.thresholds(_thresholds(panel.thresholds))
    made.links(_links(panel))
    return made


_GRAFANA_UNITS: Final = {"cores": "short"}


def _description(panel: Panel) -> str:
    return f"{panel.description} (May be empty: {panel.empty}.)" if panel.empty else panel.description


def _target(panel: Panel, one: Query, reference: str) -> Any:
    if panel.kind == "logs":
        return loki.Dataquery().expr(one.expression).ref_id(reference).max_lines(500)
    made = prometheus.Dataquery().expr(one.expression).legend_format(one.legend or "__auto").ref_id(reference)
    if panel.kind == "table":
        return made.instant().format(PromQueryFormat.TABLE)
    if panel.kind in {"stat", "bars"}:
        return made.instant()
    return made.range().exemplar("histogram_quantile" in one.expression)


def _timeseries(panel: Panel) -> Any:
    made = timeseries.Panel().line_width(1).fill_opacity(30 if panel.stacked else 10).min(0)
    made.show_points(common_models.VisibilityMode.NEVER)
    made.legend(
        common.VizLegendOptions()
        .display_mode(common_models.LegendDisplayMode.TABLE)
        .placement(common_models.LegendPlacement.BOTTOM)
        .show_legend(True)
        .calcs(["mean", "max", "lastNotNull"])
    )
    made.tooltip(common.VizTooltipOptions().mode(common_models.TooltipDisplayMode.MULTI))
    if panel.stacked:
        made.stacking(common.StackingConfig().mode(common_models.StackingMode.NORMAL))
    if panel.highest is not None:
        made.max(panel.highest)
    if panel.thresholds:
        made.thresholds_style(
            common.GraphThresholdsStyleConfig().mode(common_models.GraphThresholdsStyleMode.LINE)
        )
    return made


def _stat(_: Panel) -> Any:
    made = stat.Panel().graph_mode(common_models.BigValueGraphMode.NONE)
    made.color_mode(common_models.BigValueColorMode.BACKGROUND)
    return made.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))


def _table(_: Panel) -> Any:
    return table.Panel().filterable(True)


def _bars(_: Panel) -> Any:
    return bargauge.Panel().min(0).reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))


def _logs(_: Panel) -> Any:
    return (
        logs.Panel()
        .show_time(True)
        .enable_log_details(True)
        .sort_order(common_models.LogsSortOrder.DESCENDING)
    )


_OF_KIND: Final = {"timeseries": _timeseries, "stat": _stat, "table": _table, "bars": _bars, "logs": _logs}


def _thresholds(steps: Sequence[tuple[float, str]]) -> Any:
    low = [models.Threshold(value=None, color="green")]
    high = [models.Threshold(value=value, color=colour) for value, colour in steps]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(low + high)


def _links(panel: Panel) -> list[Any]:
    found = [("Logs of the service", "/d/vfactory-logs?${service:queryparam}&${__url_time_range}")]
    if panel.runbook:
        found.insert(0, (f"Runbook: {panel.runbook}", f"${{runbooks}}/{panel.runbook}.md"))
    return [
        dashboard.DashboardLink(title).type(models.DashboardLinkType.LINK).url(url).target_blank(True)
        for title, url in found
    ]
