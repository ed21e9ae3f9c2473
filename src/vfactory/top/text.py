"""Writes a whole view as plain text, for use without a terminal."""

from rich.cells import cell_len

from vfactory.top.cells import HEADERS, LEFT, alert_lines, cells, heading, servers
from vfactory.top.view import View

GAP = "  "


def text(view: View) -> str:
    """Return heading, table, servers and alerts, one below the other."""
    table = [HEADERS, *(tuple(map(str, cells(row, view))) for row in view.rows)]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    lines = [GAP.join(map(_pad, HEADERS, line, widths)).rstrip() for line in table]
    below = [str(cell) for cell in alert_lines(view)]
    return "\n".join([heading(view), "", *lines, "", *map(str, servers(view)), "", *below])


def _pad(title: str, entry: str, width: int) -> str:
    space = " " * (width - cell_len(entry))
    return entry + space if title in LEFT else space + entry
