"""Makes Grafana's JSON of a panel."""

from collections.abc import Sequence
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
from grafana_foundation_sdk.models import common as common_models
from grafana_foundation_sdk.models import dashboard as models
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from monitoring.grafana.board import Panel, Query

PROMETHEUS: Final = models.DataSourceRef(type_val="prometheus", uid="${datasource}")
LOKI: Final = models.DataSourceRef(type_val="loki", uid="${loki}")
_GRAFANA_UNITS: Final = {"cores": "short"}


def panel_json(panel: Panel) -> Any:
    """The builder of one panel, without its place."""
    made = _OF_KIND[panel.kind](panel)
    made.title(panel.title).description(_description(panel)).unit(_GRAFANA_UNITS.get(panel.unit, panel.unit))
    made.datasource(LOKI if panel.source == "loki" else PROMETHEUS)
    made.no_value("0" if panel.kind == "stat" and not panel.empty else "no data")
    for position, one in enumerate(panel.queries):
        made.with_target(_target(panel, one, "ABCDEFGH"[position]))
    if panel.thresholds:
        made.thresholds(_thresholds(panel.thresholds))
    made.links(_links(panel))
    return made


def _description(panel: Panel) -> str:
    return f"{panel.description} (May be empty: {panel.empty}.)" if panel.empty else panel.description


def _target(panel: Panel, one: Query, reference: str) -> Any:
    if panel.source == "loki":
        asked = loki.Dataquery().expr(one.expression).ref_id(reference)
        return asked.max_lines(500) if panel.kind == "logs" else asked.legend_format(one.legend)
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
        .show_legend(show_legend=True)
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
    return table.Panel().filterable(filterable=True)


def _bars(_: Panel) -> Any:
    return bargauge.Panel().min(0).reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))


def _logs(_: Panel) -> Any:
    return (
        logs.Panel()
        .show_time(show_time=True)
        .enable_log_details(enable_log_details=True)
        .sort_order(common_models.LogsSortOrder.DESCENDING)
    )


_OF_KIND: Final = {"timeseries": _timeseries, "stat": _stat, "table": _table, "bars": _bars, "logs": _logs}


def _thresholds(steps: Sequence[tuple[float, str]]) -> Any:
    low = [models.Threshold(value=None, color="green")]
    high = [models.Threshold(value=value, color=colour) for value, colour in steps]
    return dashboard.ThresholdsConfig().mode(models.ThresholdsMode.ABSOLUTE).steps(low + high)


def _links(panel: Panel) -> list[Any]:
    found = [(f"Runbook: {name}", f"${{runbooks}}/{name}.md") for name in panel.runbooks]
    found.append(("Logs of the service", "/d/vfactory-logs?${service:queryparam}&${__url_time_range}"))
    return [
        dashboard.DashboardLink(title)
        .type(models.DashboardLinkType.LINK)
        .url(url)
        .target_blank(target_blank=True)
        for title, url in found
    ]
