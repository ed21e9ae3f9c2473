"""Writes a whole view as plain text, for use without a terminal."""

from collections.abc import Sequence

from rich.cells import cell_len

from vfactory.top.cells import HEADERS, LEFT, cells, heading, in_order, problems, remarks, servers
from vfactory.top.view import View

GAP = "  "


def text(view: View) -> str:
    """Return heading, what is wrong, table, servers and remarks, one below the other."""
    table = [HEADERS, *(tuple(map(str, cells(row, view))) for row in in_order(view))]
    widths = [max(map(cell_len, column)) for column in zip(*table, strict=True)]
    lines = [GAP.join(map(_pad, HEADERS, line, widths)).rstrip() for line in table]
    blocks: list[Sequence[object]] = [[heading(view)], problems(view), lines, servers(view), remarks(view)]
    return "\n\n".join("\n".join(map(str, block)) for block in blocks if block)


def _pad(title: str, entry: str, width: int) -> str:
    space = " " * (width - cell_len(entry))
    return entry + space if title in LEFT else space + entry
