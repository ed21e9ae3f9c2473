"""Finds where a table in text begins, what separates its cells, and the line that names its columns."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from vfactory.client.replay.reading.choices import ChoiceError, Choices, RecordingError
from vfactory.client.replay.reading.notation import TimeError, has_day_and_month, parse_time
from vfactory.client.replay.reading.values import is_number

DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|", "space": " ", "\\t": "\t"}
"""Delimiters by their names on the command line; detection tries them in this order, space only last."""
LOOK_AT = 200
"""How many first lines decide about the file's dialect and layout."""
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?', re.IGNORECASE)
_ANNOTATIONS = ("#datatype", "#group", "#default")


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a table in text is written.

    Args:
        delimiter: The character between cells.
        header: The names of the columns, as written.
        skip: How many lines come before the first row.
        annotated: Whether it is InfluxDB's annotated CSV.
    """

    delimiter: str
    header: list[str]
    skip: int
    annotated: bool = False


def find_dialect(lines: Sequence[str], choices: Choices) -> Dialect:
    """Return the dialect of a text that begins with these lines.

    Raises:
        RecordingError: No line names the columns, or nothing separates the cells.
        ChoiceError: `--skip-lines` or `--delimiter` does not fit.
    """
    begin = choices.skip_lines
    if begin and begin >= len(lines):
        raise ChoiceError(f"--skip-lines {begin} leaves nothing: the file has {len(lines)} lines")
    delimiter = named_delimiter(choices.delimiter) if choices.delimiter else None
    separator = _SEPARATOR_LINE.fullmatch(lines[begin].rstrip("\r\n")) if lines else None
    if separator:
        delimiter, begin = delimiter or separator[1], begin + 1
    comments = []
    while begin < len(lines) and (not lines[begin].strip() or lines[begin].startswith(("#", '"#'))):
        comments += [lines[begin]] if lines[begin].strip() else []
        begin += 1
    numbers = [n for n in range(begin, len(lines)) if lines[n].strip() and not lines[n].startswith("#")]
    body = [lines[number] for number in numbers]
    if not body:
        what = "comments" if comments else "empty lines"
        raise RecordingError(f"the file holds no lines but {what}; a table names its columns, then has rows")
    delimiter = delimiter or sniff_delimiter(body, numbers)
    reader = csv.reader(lines[begin:], delimiter=delimiter, skipinitialspace=delimiter != "\t")
    try:
        first = next(reader)
    except csv.Error as error:
        raise RecordingError(f"the first line cannot be read: {error}") from error
    if choices.names:
        return Dialect(delimiter, list(choices.names), begin)
    annotated = any(line.lstrip('"').startswith(_ANNOTATIONS) for line in comments)
    if comments and not annotated and holds_values(first):
        named = next(csv.reader([comments[-1].lstrip('"# ')], delimiter=delimiter, skipinitialspace=True), [])
        if comments[-1].startswith("#" + delimiter):
            named = ["", *named[-len(first) + 1 :]]
        if len(named) == len(first):
            return Dialect(delimiter, named, begin)
    return Dialect(delimiter, first, begin + reader.line_num, annotated)


def named_delimiter(given: str) -> str:
    """Return the delimiter for a character or a name, such as `;`, `semicolon` or `tab`.

    Raises:
        ChoiceError: `given` is neither a known name nor one usable character.
    """
    delimiter = DELIMITERS.get(given.lower(), given)
    if len(delimiter) != 1 or delimiter in '"\r\n':
        names = ", ".join(name for name in DELIMITERS if name.isalpha())
        raise ChoiceError(f"--delimiter must be one character, or one of {names}; {given!r} is neither")
    return delimiter


def sniff_delimiter(lines: Sequence[str], numbers: Sequence[int]) -> str:
    """Return the delimiter that splits the header and most first lines into equally many cells.

    Rows may have one cell more than the header: R writes the names of rows without a name above them.

    Args:
        lines: The first lines.
        numbers: How many lines of the file come before each.

    Raises:
        RecordingError: None of `DELIMITERS` does; the text names the line that the table seems to begin with.
    """
    widths = {sign: _widths(lines, sign) for sign in dict.fromkeys(DELIMITERS.values())}
    found = {sign: many[0] for sign, many in widths.items() if many and _agree(many)}
    visible = {sign: width for sign, width in found.items() if sign != " "}
    if visible:
        return max(visible, key=lambda sign: visible[sign])
    for sign, many in widths.items():
        width, count = Counter(many).most_common(1)[0] if many else (1, 0)
        if sign != " " and width > 1 and count > 1 and count * 2 > len(many):
            skip = numbers[many.index(width)]
            raise RecordingError(
                f"the first line does not name the columns; is it line {skip + 1}? --skip-lines {skip}"
            )
    if found:
        return " "
    raise RecordingError(
        "the file does not look like a table; name the separator of its cells with --delimiter"
    )


def holds_values(cells: Sequence[str]) -> bool:
    """Return whether cells that should name columns hold a time, or only numbers."""
    filled = [cell.strip() for cell in cells if cell.strip()]
    return bool(filled) and (
        any(_is_time(cell) for cell in filled) or all(is_number(cell) for cell in filled)
    )


def _is_time(cell: str) -> bool:
    try:
        parse_time(cell)
    except TimeError:
        return has_day_and_month(cell)
    return not is_number(cell)


def _widths(lines: Sequence[str], delimiter: str) -> list[int]:
    try:
        reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t")
        return [len(cells) for cells in reader if cells]
    except csv.Error:
        return []


def _agree(widths: list[int]) -> bool:
    if widths[0] <= 1:
        return False
    same = sum(width == widths[0] for width in widths)
    longer = sum(width == widths[0] + 1 for width in widths)
    return same * 2 > len(widths) or longer * 2 > len(widths)
