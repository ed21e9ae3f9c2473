"""Prints what the stack's commands show: sentences and tables."""

import os
import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

from rich.cells import cell_len

from vfactory.stack.state import Part, StackRecord

GAP = "   "


def tell(text: str) -> None:
    """Print `text`, unless standard output is closed."""
    _print(text, 1)


def complain(text: str) -> None:
    """Print one sentence to standard error, unless that is closed; a terminal gets it folded at spaces."""
    said = f"vfactory: {text}"
    width = terminal_width(sys.stderr)
    if width is not None:
        said = "\n".join(
            line for one in said.split("\n") for line in folded(one.split(" "), width, " ", indent=2)
        )
    _print(said, 2)


def notice(text: str) -> None:
    """Print one sentence to standard error if that is a terminal: programs and files do not need it."""
    if sys.stderr is not None and sys.stderr.isatty():
        _print(text, 2)


def terminal_width(stream: TextIO | None = None) -> int | None:
    """Return the width of the terminal that `stream` (standard output) is; None if it is none."""
    stream = stream or sys.stdout
    try:
        return (os.get_terminal_size(stream.fileno()).columns or None) if stream.isatty() else None
    except (OSError, ValueError, AttributeError):
        return None


def folded(parts: Iterable[str], width: int, gap: str, indent: int = 0) -> list[str]:
    """Return parts, joined by `gap`, as lines of at most `width` columns; a wider part is not broken."""
    lines: list[str] = []
    for part in parts:
        if lines and cell_len(lines[-1]) + len(gap) + cell_len(part) <= width:
            lines[-1] += gap + part
        else:
            lines.append(" " * indent + part if lines else part)
    return lines or [""]


def _print(text: str, descriptor: int) -> None:
    stream = sys.stdout if descriptor == 1 else sys.stderr
    try:
        print(text, file=stream, flush=True)
    except (OSError, ValueError):
        # so that the interpreter does not try to write the rest of the buffer at exit
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def describe(record: StackRecord) -> str:
    """Return a table of the stack's processes and their addresses."""
    return columns(("what", "where", "process"), [_row(part) for part in record.parts])


def columns(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return rows under headers, each column as wide as its widest cell."""
    table = [headers, *rows]
    widths = [max(len(row[index]) for row in table) for index in range(len(headers))]
    lines = [GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in table]
    return "\n".join(line.rstrip() for line in lines)


def _row(part: Part) -> tuple[str, str, str]:
    return part.name, part.where, "-" if part.pid is None else str(part.pid)
