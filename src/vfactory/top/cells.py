"""Writes figures for people, and marks those beyond their limits; every colour has a sign."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from vfactory.stack.configuration import MEBIBYTE
from vfactory.stack.monitoring import Alert
from vfactory.top.figures import Figures, ratio
from vfactory.top.view import Row, View, alerts_of

UNKNOWN: Final = "–"  # noqa: RUF001 - a dash, as in tables


class Level(Enum):
    """How bad a figure is; the value is its sign."""

    PLAIN = ""
    GOOD = "✔"
    WARNING = "▲"
    BAD = "✖"


@dataclass(frozen=True)
class Cell:
    """One entry of the table."""

    text: str
    level: Level = Level.PLAIN

    def __str__(self) -> str:
        return f"{self.level.value} {self.text}".strip()


@dataclass(frozen=True)
class Column:
    """A column of figures.

    Args:
        title: the header.
        value: returns the figure.
        write: returns a figure as text.
        watched: returns the figure that is compared with the limits; by default `value`.
        warning: the limit from which on a figure is a warning, as in the alerts and dashboards.
        bad: the limit from which on it is bad.
    """

    title: str
    value: Callable[[Figures], float | None]
    write: Callable[[float], str]
    watched: Callable[[Figures], float | None] | None = None
    warning: float | None = None
    bad: float | None = None

    def cell(self, figures: Figures) -> Cell:
        """Return the column's entry for one process."""
        value = self.value(figures)
        if value is None:
            return Cell(UNKNOWN)
        return Cell(self.write(value), self._level((self.watched or self.value)(figures)))

    def _level(self, watched: float | None) -> Level:
        if watched is None:
            return Level.PLAIN
        if self.bad is not None and watched >= self.bad:
            return Level.BAD
        return Level.WARNING if self.warning is not None and watched >= self.warning else Level.PLAIN


def rate(value: float) -> str:
    """Return a rate per second: `0.25/s`, `12/s`."""
    return f"{short(value)}/s"


def seconds(value: float) -> str:
    """Return a duration: `3.1 ms`, `1.2 s`."""
    return f"{short(value)} s" if value >= 1 else f"{short(value * 1000)} ms"


def percent(value: float) -> str:
    """Return a share (0..1) in percent: `0 %`, `0.31 %`, `12 %`."""
    return f"{short(value * 100)} %"


def mebibytes(value: float) -> str:
    """Return a number of bytes in mebibytes: `143 MiB`."""
    return f"{value / MEBIBYTE:.0f} MiB"


def whole(value: float) -> str:
    """Return a count without decimals."""
    return f"{value:.0f}"


def short(value: float) -> str:
    """Return a number with two significant digits below 10, without decimals above."""
    if value >= 9.95:  # noqa: PLR2004 - what two digits would round to 10
        return f"{value:.0f}"
    return f"{value:.2g}" if value >= 0.005 else "0" if value == 0 else "<0.01"  # noqa: PLR2004


def connections(figures: Figures) -> float | None:
    """Return the share (0..1) of the connection pool that is in use."""
    return ratio(figures.connections_in_use, figures.connections_limit)


COLUMNS: Final = (
    Column("requests", lambda known: known.request_rate, rate),
    Column("mean", lambda known: known.mean_seconds, seconds),
    Column("p99", lambda known: known.p99_seconds, seconds, warning=1),
    Column("5xx", lambda known: known.server_error_ratio, percent, warning=0.01, bad=0.05),
    Column("4xx", lambda known: known.client_error_ratio, percent, warning=0.25),
    Column(
        "CPU",
        lambda known: known.cpu_cores,
        percent,
        lambda known: known.cpu_limit_ratio,
        warning=0.8,
        bad=0.95,
    ),
    Column(
        "memory",
        lambda known: known.memory_bytes,
        mebibytes,
        lambda known: known.memory_limit_ratio,
        warning=0.8,
        bad=0.95,
    ),
    Column("DB in use", lambda known: known.connections_in_use, whole, connections, warning=0.9),
    Column("DB open", lambda known: known.connections_open, whole),
    Column("readings", lambda known: known.readings_rate, rate),
    Column("lag", lambda known: known.lag_events, whole, warning=100, bad=1000),
)
HEADERS: Final = ("process", "health", *(column.title for column in COLUMNS), "alerts", "what is wrong")
LEFT: Final = frozenset({"process", "health", "what is wrong"})  # the rest are numbers
LEVELS: Final = {
    "healthy": Level.GOOD,
    "unhealthy": Level.BAD,
    "silent": Level.BAD,
    "waiting": Level.BAD,
}
WORDS: Final = {"silent": "no answer", "waiting": "ended"}
_CONDITIONS: Final = ("silent", "waiting", "unhealthy", "healthy")


def cells(row: Row, view: View) -> tuple[Cell, ...]:
    """Return one process' line of the table, with an entry for each of HEADERS."""
    health = Cell(WORDS.get(row.condition, row.condition), LEVELS[row.condition])
    figures = (column.cell(row.figures) for column in COLUMNS)
    return Cell(row.name), health, *figures, count(alerts_of(row, view)), Cell(remark(row))


def remark(row: Row) -> str:
    """Return what is wrong with a process, and when it last answered."""
    since = f"last answer {row.last_answer:%H:%M:%S}Z" if row.last_answer else ""
    return "; ".join(printable(text) for text in (row.detail, since) if text)


def count(alerts: Sequence[Alert] | None) -> Cell:
    """Return the number of firing alerts, with the sign of the worst."""
    if alerts is None:
        return Cell(UNKNOWN)
    worst = severity(alerts[0]) if alerts else Level.PLAIN
    return Cell(str(len(alerts)), worst)


def printable(text: str) -> str:
    """Return `text` without control characters: other programs wrote some of it."""
    return "".join(character if character.isprintable() else " " for character in text)


def severity(alert: Alert) -> Level:
    """Return the level of one alert."""
    return {"critical": Level.BAD, "warning": Level.WARNING}.get(alert.severity, Level.PLAIN)


def heading(view: View) -> str:
    """Return the heading: the stack, its state, and the time and source of the figures."""
    source = "Prometheus" if view.source == "prometheus" else "/metrics of every process"
    window = f"rates over {view.window_seconds:.0f} s" if view.window_seconds else "no rates yet"
    where = f"V-Factory in {view.home}"
    if view.state == "stopped":
        return f"{where} does not run. Start it with `vfactory up`. ({view.at:%H:%M:%S}Z)"
    state = "" if view.state == "running" else f" is {view.state}"
    return f"{where}{state} · {view.at:%H:%M:%S}Z · from {source}, {window}"


def servers(view: View) -> list[Cell]:
    """Return entries for databases and monitoring: each one that does not answer, and how many do."""
    silent = [server.name for server in view.servers if not server.answers]
    answering = len(view.servers) - len(silent)
    bad = [Cell(f"{name} does not answer", Level.BAD) for name in silent]
    return [*bad, Cell(f"{answering} databases and monitors answer", Level.GOOD)] if view.servers else []


def in_order(view: View) -> list[Row]:
    """Return the processes: those that something is wrong with first."""
    return sorted(view.rows, key=lambda row: _CONDITIONS.index(row.condition))


def problems(view: View) -> list[Cell]:
    """Return a line for each process that is not healthy, then for each firing alert, the worst first."""
    wrong = [
        Cell(f"{row.name}  {WORDS.get(row.condition, row.condition)}  {remark(row)}".rstrip(), Level.BAD)
        for row in in_order(view)
        if row.condition != "healthy"
    ]
    fires = [
        Cell(
            f"{alert.severity}  {alert.name}  {printable(alert.service)}  {printable(alert.summary)}  "
            f"since {alert.since:%Y-%m-%d %H:%M:%S}Z",
            severity(alert),
        )
        for alert in view.alerts or ()
    ]
    return [*wrong, *fires]


def remarks(view: View) -> list[Cell]:
    """Return what is to be said besides: that no alert fires, and the notes on missing figures."""
    calm = [Cell("Nothing fires.")] if view.alerts is not None and not view.alerts else []
    return [*calm, *(Cell(printable(note)) for note in view.notes)]
