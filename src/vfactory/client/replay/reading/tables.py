"""Opens the table of a recording, whatever kind of file holds it."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from vfactory.client.replay.reading.choices import ChoiceError, Choices, RecordingError
from vfactory.client.replay.reading.decode import SAMPLE_BYTES, find_encoding
from vfactory.client.replay.reading.dialect import LOOK_AT, find_dialect
from vfactory.client.replay.reading.lines import LONGEST_LINE, LineTable, Record, Table
from vfactory.client.replay.reading.parquet import open_parquet
from vfactory.client.replay.reading.unpack import Data, Kind, open_data
from vfactory.client.replay.reading.workbook import open_sheet


@dataclass(frozen=True, slots=True)
class Outline:
    """What the first look at a recording found; its rows are opened by it.

    Args:
        path: The file.
        kind: What its content is.
        header: The names of the columns, as written.
        part: Which sheet, or file of a zip.
        skip: How many lines or rows come before the first row.
        encoding: The text's encoding.
        delimiter: The character between the text's cells.
        annotated: Whether it is InfluxDB's annotated CSV.
    """

    path: Path
    kind: Kind
    header: list[str]
    part: str | None = None
    skip: int = 0
    encoding: str = ""
    delimiter: str = ""
    annotated: bool = False

    @contextmanager
    def open(self) -> Iterator[Table]:
        """Open the rows.

        Raises:
            RecordingError: The file cannot be read.
        """
        with open_data(self.path, self.part) as data:
            if self.kind == "parquet":
                yield open_parquet(data.stream, data.raw.tell)
            elif self.kind == "workbook":
                with open_sheet(data.stream, self.part, self.skip, data.raw.tell) as sheet:
                    yield sheet
            else:
                with _text(data, self.encoding) as text:
                    yield LineTable(text, self.delimiter, self.skip, data.raw.tell, self.annotated)


def look_at(path: Path, choices: Choices) -> tuple[Outline, list[Record]]:
    """Return the outline of a recording, and its first rows.

    Raises:
        RecordingError: The file is no table, or has no rows.
        ChoiceError: An option does not fit the file.
    """
    with open_data(path, choices.part) as data:
        outline = _outline(path, data, choices)
    with outline.open() as table:
        sample = list(islice(table.records(), LOOK_AT))
    if not sample:
        names = ", ".join(outline.header[:8])
        raise RecordingError(f"the file names its columns ({names}), but holds no rows")
    return outline, sample


def _outline(path: Path, data: Data, choices: Choices) -> Outline:
    if data.kind == "parquet":
        return Outline(path, data.kind, open_parquet(data.stream, data.raw.tell).header)
    if data.kind == "workbook":
        with open_sheet(data.stream, choices.part, choices.skip_lines, data.raw.tell) as sheet:
            return _sheet_outline(path, list(islice(sheet.records(), LOOK_AT)), choices)
    encoding = find_encoding(
        data.stream.peek(SAMPLE_BYTES)[:SAMPLE_BYTES], choices.encoding, force=choices.force
    )
    with _text(data, encoding) as text:
        lines = [line for _ in range(LOOK_AT + choices.skip_lines) if (line := text.readline(LONGEST_LINE))]
    dialect = find_dialect(lines, choices)
    return Outline(
        path,
        data.kind,
        dialect.header,
        choices.part,
        dialect.skip,
        encoding,
        dialect.delimiter,
        dialect.annotated,
    )


def _sheet_outline(path: Path, rows: list[Record], choices: Choices) -> Outline:
    if not rows:
        raise ChoiceError(f"--skip-lines {choices.skip_lines} leaves nothing of the sheet")
    header = rows[0]
    wide = [row.line for row in rows if len(row.cells) > 1]
    if len(header.cells) == 1 and len(wide) * 2 > len(rows):
        raise RecordingError(
            f"the first row does not name the columns; is it row {wide[0]}? --skip-lines {wide[0] - 1}"
        )
    if choices.names:
        return Outline(path, "workbook", list(choices.names), choices.part, header.line - 1)
    return Outline(path, "workbook", header.cells, choices.part, header.line)


@contextmanager
def _text(data: Data, encoding: str) -> Iterator[io.TextIOWrapper]:
    text = io.TextIOWrapper(data.stream, encoding=encoding, errors="replace", newline="")
    try:
        yield text
    finally:
        text.detach()  # whoever opened the stream closes it
