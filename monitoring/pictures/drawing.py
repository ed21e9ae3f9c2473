"""Draws a dashboard as Grafana lays it out, in a picture without a screen."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import DateFormatter
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.ticker import FuncFormatter

from monitoring.grafana.generated_boards import DrawnBoard, DrawnPanel
from monitoring.pictures.answers import Line, Prometheus

COLUMNS: Final = 24
INCHES_PER_COLUMN: Final = 0.75
INCHES_PER_LINE: Final = 0.45
DOTS_PER_INCH: Final = 70
MOST_IN_LEGEND: Final = 8
MARGIN: Final = 0.05
BINARY: Final = 1024
HANGUL: Final = re.compile(r"\s*\([^()]*[\uac00-\ud7a3][^()]*\)|[\uac00-\ud7a3]+")
REASON: Final = re.compile(r"\(May be empty: (.+)\.\)")


def draw(board: DrawnBoard, prometheus: Prometheus, path: Path) -> list[str]:
    """Write the picture, and give the titles of panels that have no data and do not say why."""
    mpl.rcParams["font.family"] = ["DejaVu Sans"]
    lines = max(y + height for _, y, _, height in (panel.place for panel in board.panels))
    figure = Figure(figsize=(COLUMNS * INCHES_PER_COLUMN, lines * INCHES_PER_LINE), layout=None)
    figure.suptitle(str(board.document["title"]), y=0.998, fontsize=14)
    grid = GridSpec(
        lines, COLUMNS, figure, left=0.045, right=0.99, top=0.97, bottom=0.01, hspace=0.3, wspace=1.6
    )
    silent = []
    for panel in board.panels:
        x, y, width, height = panel.place
        axes = figure.add_subplot(grid[y : y + height - 1, x : x + width])  # the last line is the times'
        found = prometheus.lines(board, panel)
        _panel(axes, panel, found)
        if not found and not _reason(panel):
            silent.append(panel.title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DOTS_PER_INCH)
    return silent


def _panel(axes: Axes, panel: DrawnPanel, lines: list[Line]) -> None:
    axes.set_title(_latin(panel.title), fontsize=8, loc="left")
    axes.tick_params(labelsize=6)
    if not lines:
        _say(axes, f"no data: {_reason(panel) or 'it does not say why'}", 7)
    elif panel.kind == "timeseries":
        _series(axes, panel, lines)
    else:
        shown = [
            f"{line.name}  {_written(line.values[-1], panel.unit)}".strip() for line in lines[:MOST_IN_LEGEND]
        ]
        _say(axes, "\n".join(map(_latin, shown)), 11 if len(shown) == 1 else 7)


def _series(axes: Axes, panel: DrawnPanel, lines: list[Line]) -> None:
    for number, line in enumerate(lines):
        times = [datetime.fromtimestamp(at, UTC) for at in line.times]
        label = _latin(line.name) if number < MOST_IN_LEGEND else None
        axes.plot(times, line.values, linewidth=1, label=label)  # type: ignore[arg-type]
    axes.xaxis.set_major_formatter(DateFormatter("%H:%M"))  # type: ignore[no-untyped-call]
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _written(value, panel.unit)))
    known = [0.0, *(value for line in lines for value in line.values)]
    room = MARGIN * ((max(known) - min(known)) or 1.0)  # a line of zeros is seen, too
    axes.set_ylim(min(known) - room, max(known) + room)
    axes.grid(visible=True, linewidth=0.3)
    axes.legend(fontsize=5, loc="upper left", framealpha=0.6)


def _written(value: float, unit: str) -> str:
    """A figure as Grafana writes it in one of the units that the dashboards use."""
    if unit == "percentunit":
        return f"{value * 100:.4g} %"
    if unit in {"bytes", "binBps"}:
        return _in_binary(value) + ("/s" if unit == "binBps" else "")
    suffix = {"s": " s", "ops": "/s", "reqps": "/s"}.get(unit, "")
    return f"{value:,.4g}{suffix}"


def _in_binary(value: float) -> str:
    for prefix in ("", "Ki", "Mi"):
        if abs(value) < BINARY:
            return f"{value:.3g} {prefix}B"
        value /= BINARY
    return f"{value:.3g} GiB"


def _reason(panel: DrawnPanel) -> str:
    """Why the panel may have no data, in its own words; empty when it gives no reason."""
    found = REASON.search(str(panel.document.get("description", "")))
    if found is not None:
        return found[1]
    return "there is none, which counts as 0" if panel.defaults.get("noValue") == "0" else ""


def _say(axes: Axes, text: str, size: int) -> None:
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=size, wrap=True)


def _latin(text: str) -> str:
    """Without what the picture's font cannot write: titles say it in English first."""
    return HANGUL.sub("", text).strip()
