"""Detects the encoding of a recording, and the character between its cells."""

import csv
from itertools import islice
from pathlib import Path

from vfactory.client.replay.lines import RecordingError

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " ", "\\t": "\t"}
"""Delimiters by their names on the command line; detection tries them in this order."""
LOOK_AT = 200
"""How many first lines decide about the file's dialect and layout."""


def find_encoding(path: Path) -> str:
    """Return UTF-8, or UTF-16 if the file begins with its byte order mark.

    Raises:
        RecordingError: The file is empty, or in another encoding, which only the user can name.
    """
    with path.open("rb") as file:
        start = file.read(1 << 16)
    if not start:
        raise RecordingError(f"{path} is empty")
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        start[: start.rfind(b"\n") + 1 or len(start)].decode()
    except UnicodeDecodeError as error:
        message = f"{path} is not UTF-8 text; name its encoding, for example --encoding cp949"
        raise RecordingError(message) from error
    return "utf-8-sig"


def named_delimiter(given: str) -> str:
    """Return the delimiter for a character or a name, such as `;`, `semicolon` or `tab`.

    Raises:
        RecordingError: `given` is neither a known name nor one usable character.
    """
    delimiter = DELIMITERS.get(given.lower(), given)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        names = ", ".join(name for name in DELIMITERS if name.isalpha())
        raise RecordingError(f"--delimiter must be one character, or one of {names}; {given!r} is neither")
    return delimiter


def sniff_delimiter(path: Path, encoding: str) -> str:
    """Return the delimiter that splits the header and most first lines into equally many cells.

    Raises:
        RecordingError: None of `DELIMITERS` does.
    """
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        text = [line for line in islice(file, LOOK_AT) if line.strip()]
    best, best_cells = "", 1
    for delimiter in dict.fromkeys(DELIMITERS.values()):
        try:
            widths = [len(cells) for cells in csv.reader(text, delimiter=delimiter) if cells]
        except csv.Error:
            continue
        agreeing = sum(1 for width in widths if width == widths[0])
        if widths and widths[0] > best_cells and agreeing * 2 > len(widths):
            best, best_cells = delimiter, widths[0]
    if not best:
        raise RecordingError(
            f"{path} does not look like a table; name the separator of its cells with --delimiter"
        )
    return best
