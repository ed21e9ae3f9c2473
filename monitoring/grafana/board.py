"""What a dashboard is made of here: rows of panels, each with its queries and its reason to be empty."""

from dataclasses import dataclass, field
from typing import Final, Literal

Kind = Literal["timeseries", "stat", "table", "bars", "logs"]
Source = Literal["prometheus", "loki"]
Unit = Literal[
    "reqps",
    "s",
    "percentunit",
    "bytes",
    "short",
    "cores",
    "ops",
    "dateTimeFromNow",
    "none",
    "binBps",
    "string",
]

WIDTH: Final = 24
NEEDS_KUBERNETES: Final = "only Kubernetes tells this (cAdvisor, kube-state-metrics)"
NEEDS_LOKI: Final = "log lines come from Loki"
NOTHING_WENT_WRONG: Final = "stays empty while nothing of the kind happens"
NEEDS_REPLICA: Final = "there is no replica"

CHOSEN_JOBS: Final = 'job=~"v-factory-$service(-worker)?"'
"""Selects what the variable `service` of every dashboard chooses."""
SERVICE: Final = f'{CHOSEN_JOBS}, instance=~"$instance"'
"""The same, of these what `instance` chooses."""
REQUESTS: Final = f'{SERVICE}, path!~"/health.*|/metrics"'
"""The same, of the requests that somebody else than a probe or Prometheus made."""


@dataclass(frozen=True)
class Query:
    """A query and what its series are called."""

    expression: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One panel.

    Args:
        title: what is shown.
        description: what it means, and when to worry.
        unit: Grafana's name of the values' unit.
        queries: what is drawn.
        kind: how.
        source: whose query language that is.
        width: of 24 columns.
        height: in Grafana's grid units.
        thresholds: values from which on a colour holds, ascending; below the first it is green.
        runbooks: the alerts that look at it, the worst first: each page explains it.
        empty: why it may have no data although all is well.
        stacked: whether series add up.
        highest: the axis' end, where there is one.
    """

    title: str
    description: str
    unit: Unit
    queries: tuple[Query, ...]
    kind: Kind = "timeseries"
    source: Source = "prometheus"
    width: int = 8
    height: int = 7
    thresholds: tuple[tuple[float, str], ...] = ()
    runbooks: tuple[str, ...] = ()
    empty: str = ""
    stacked: bool = False
    highest: float | None = None


@dataclass(frozen=True)
class Row:
    """Panels under a heading; they flow from left to right."""

    title: str
    panels: tuple[Panel, ...]


@dataclass(frozen=True)
class Board:
    """A dashboard; `uid` is its address and its file's name."""

    uid: str
    title: str
    description: str
    rows: tuple[Row, ...]
    tags: tuple[str, ...] = field(default=("v-factory",))

    @property
    def panels(self) -> list[Panel]:
        """The panels of all rows."""
        return [panel for row in self.rows for panel in row.panels]


def query(expression: str, legend: str = "") -> tuple[Query, ...]:
    """The usual case: one query."""
    return (Query(expression, legend),)


def stat(
    title: str,
    description: str,
    unit: Unit,
    expression: str,
    *thresholds: tuple[float, str],
    runbooks: tuple[str, ...] = (),
    empty: str = "",
) -> Panel:
    """A number readable from across the room."""
    return Panel(
        title,
        description,
        unit,
        query(expression),
        kind="stat",
        width=4,
        height=4,
        thresholds=thresholds,
        runbooks=runbooks,
        empty=empty,
    )
