"""Prints aligned columns for people and JSON for programs, never a raw control character."""

import json
import re
from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from typing import Any

import typer
from rich.cells import cell_len

_GAP = "  "
_LONGEST_MESSAGE = 2000
_UNPRINTED = re.compile("[\x7f-\x9f\ud800-\udfff]")


def print_json(value: Any) -> None:
    """Print one JSON document."""
    typer.echo(_dump(value, indent=2))


def print_json_line(value: Any) -> None:
    """Print one JSON object on one line, and flush it, so that a pipe gets it at once."""
    typer.echo(_dump(value, separators=(",", ":")))


def print_columns(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print rows under headers in aligned columns; a Korean character is two columns wide."""
    table = [list(headers), *([printable(cell) for cell in row] for row in rows)]
    widths = [max(cell_len(row[index]) for row in table) for index in range(len(headers))]
    for row in table:
        typer.echo(_GAP.join(_pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_fields(fields: Iterable[tuple[str, object]]) -> None:
    """Print names and values, one pair per line, without those that are None."""
    shown = [(name, printable(value)) for name, value in fields if value is not None]
    width = max((cell_len(name) for name, _ in shown), default=0)
    for name, value in shown:
        typer.echo(f"{_pad(name, width)}{_GAP}{value}")


def printable(value: object) -> str:
    """Return a value as text on one line, with control characters escaped; `-` for None."""
    if value is None:
        return "-"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def message(error: BaseException) -> str:
    """Return an error's text and notes as one printable line, the text cut after 2,000 characters."""
    text = printable(error)
    cut = text if len(text) <= _LONGEST_MESSAGE else f"{text[: _LONGEST_MESSAGE - 1]}…"
    return "; ".join([cut, *(printable(note) for note in getattr(error, "__notes__", []))])


def instant(text: object) -> str | None:
    """Return an API's time as `2020-02-08 16:16:53Z`, with milliseconds if it has a fraction."""
    if text is None:
        return None
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
