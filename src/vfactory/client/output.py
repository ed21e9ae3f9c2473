"""Prints aligned columns for people and JSON for programs, never a raw control character."""

import json
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, tzinfo
from itertools import zip_longest
from typing import Any

import typer
from rich.cells import cell_len

from vfactory.client.references import shortest_prefixes
from vfactory.commands.terminal import folded, terminal_width

_GAP = "  "
_LONGEST_MESSAGE = 2000
_NARROWEST = 12
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_UNPRINTED = re.compile("[\x7f-\x9f\ud800-\udfff]")


def print_json(value: Any) -> None:
    """Print one JSON document."""
    typer.echo(_dump(value, indent=2))


def print_json_line(value: Any) -> None:
    """Print one JSON object on one line, and flush it, so that a pipe gets it at once."""
    typer.echo(_dump(value, separators=(",", ":")))


def print_columns(
    headers: Sequence[str], rows: Iterable[Sequence[object]], *, words: Collection[str] = ()
) -> None:
    """Print rows under headers in aligned columns; a Korean character is two columns wide.

    On a terminal that is too narrow, ids are cut to the shortest prefix that is unambiguous in the table, and
    columns are folded between words, first the columns `words`. If that is not enough, the ids
    come first, so that the terminal breaks other columns.
    """
    table = [list(headers), *([printable(cell) for cell in row] for row in rows)]
    width = terminal_width()
    if width is not None and _width(table) > width:
        table = _fitted(table, words, width)
    widths = _widths(table)
    for row in table:
        typer.echo(_GAP.join(_pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print names and values, one pair per line, without those that are None.

    On a terminal that is too narrow, values are folded between words below each other.
    """
    shown = [(name, printable(value)) for name, value in fields if value is not None]
    width = max((cell_len(name) for name, _ in shown), default=0)
    terminal = terminal_width()
    for name, value in shown:
        for line in _field_lines(f"{_pad(name, width)}{_GAP}", value, terminal):
            typer.echo(line)


def print_event(parts: Sequence[str]) -> None:
    """Print the parts of one line; on a terminal that is too narrow, further lines begin with white space."""
    width = terminal_width()
    typer.echo(_GAP.join(parts) if width is None else "\n".join(folded(parts, width, _GAP, indent=4)))


def printable(value: object) -> str:
    """Return a value as text on one line, with control characters escaped; `-` for None."""
    if value is None:
        return "-"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def measured(facts: Mapping[str, Any]) -> str | None:
    """Return what was measured where, as far as it is known: `pump-1 Accelerometer1RMS 0.53`."""
    parts = [
        printable(facts[name]) for name in ("equipment", "metric", "value") if facts.get(name) is not None
    ]
    return " ".join(parts) or None


def message(error: BaseException) -> str:
    """Return an error's text and notes as one printable line, the text cut after 2,000 characters."""
    text = printable(error)
    cut = text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"
    return "; ".join([cut, *(printable(note) for note in getattr(error, "__notes__", []))])


def instant(text: object, zone: tzinfo = UTC) -> str | None:
    """Return an API's time in a zone as `2020-02-08 16:16:53Z`, with milliseconds if it has a fraction."""
    if text is None:
        return None
    with suppress(ValueError, OverflowError):
        at = datetime.fromisoformat(str(text))
        if at.tzinfo is not None:
            return local_time(at, zone)
    whole, point, fraction = str(text).replace("T", " ").removesuffix("Z").partition(".")
    return f"{whole}{point}{fraction[:3]}Z"


def local_time(at: datetime, zone: tzinfo) -> str:
    """Return an instant in a time zone, as `2020-02-08 16:16:53Z` or `2020-02-09 01:16:53+09:00`."""
    text = at.astimezone(zone).isoformat(" ", "milliseconds" if at.microsecond else "seconds")
    return f"{text.removesuffix('+00:00')}Z" if text.endswith("+00:00") else text


def _dump(value: Any, **style: Any) -> str:
    return _UNPRINTED.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False, **style)
    )


def _pad(text: str, width: int) -> str:
    return text + " " * (width - cell_len(text))


def _field_lines(name: str, value: str, width: int | None) -> list[str]:
    if width is None or cell_len(name + value) <= width:
        return [name + value]
    first, *others = value.split(" ")
    if cell_len(name + first) > width:
        return [name.rstrip(), *folded([first, *others], width, " ")]
    return folded([name + first, *others], width, " ", indent=cell_len(name))


def _widths(table: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(cell_len, column)) for column in zip(*table, strict=True)]


def _width(table: Sequence[Sequence[str]]) -> int:
    widths = _widths(table)
    return sum(widths) + len(_GAP) * (len(widths) - 1)


def _with_short_ids(table: list[list[str]]) -> list[list[str]]:
    short = shortest_prefixes(one for row in table for cell in row for one in _ID.findall(cell))
    return [[_ID.sub(lambda found: short[found[0]], cell) for cell in row] for row in table]


def _fitted(table: list[list[str]], words: Collection[str], width: int) -> list[list[str]]:
    """Return the table as narrow as it has to be for a terminal of `width` columns, with more lines."""
    headers = table[0]
    id_column = headers.index("ID") if "ID" in headers else None
    table = _with_short_ids(table)
    table = _fold_columns(table, [headers.index(word) for word in words], width, narrowest=_NARROWEST)
    others = [column for column in range(len(headers)) if column != id_column]
    table = _fold_columns(table, others, width, narrowest=1)
    if id_column is not None and _width(table) > width:
        table = [[row[id_column], *row[:id_column], *row[id_column + 1 :]] for row in table]
    return table


def _fold_columns(
    table: list[list[str]], columns: Sequence[int], width: int, *, narrowest: int
) -> list[list[str]]:
    """Return the table with the widest of the columns folded until it is `width` wide, or all are narrow."""
    excess = _width(table) - width
    widths = _widths(table)
    for column in sorted(columns, key=lambda one: -widths[one]):
        longest = max(cell_len(word) for row in table for word in row[column].split(" "))
        narrower = min(widths[column], max(narrowest, longest, widths[column] - max(0, excess)))
        excess -= widths[column] - narrower
        widths[column] = narrower
    return [line for row in table for line in _fold_row(row, columns, widths)]


def _fold_row(row: list[str], columns: Collection[int], widths: Sequence[int]) -> list[list[str]]:
    cells = [
        folded(cell.split(" "), widths[index], " ") if index in columns else [cell]
        for index, cell in enumerate(row)
    ]
    return [list(line) for line in zip_longest(*cells, fillvalue="")]
