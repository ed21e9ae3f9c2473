"""Reads a Parquet file batch by batch."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any

from vfactory.client.replay.reading.choices import RecordingError
from vfactory.client.replay.reading.lines import Record
from vfactory.client.replay.reading.workbook import as_text

_ROWS_PER_BATCH = 4096


@dataclass
class ParquetTable:
    """An open Parquet file.

    Args:
        file: pyarrow's reader.
        size_bytes: The size of the file.
    """

    file: Any
    size_bytes: int
    broken: list[tuple[int, str]] = field(default_factory=list)
    bytes_read: int = 0

    @property
    def header(self) -> list[str]:
        """The names of the columns."""
        return list(self.file.schema_arrow.names)

    def records(self, width: int | None = None) -> Iterator[Record]:  # noqa: ARG002 - every row has every column
        """Yield the rows; a line's number is that of its row, from 1.

        Raises:
            RecordingError: The file is broken.
        """
        number, total = 0, max(self.file.metadata.num_rows, 1)
        try:
            for batch in self.file.iter_batches(batch_size=_ROWS_PER_BATCH):
                columns = [_in_microseconds(column).to_pylist() for column in batch.columns]
                for values in zip(*columns, strict=True):
                    number += 1
                    yield Record(number, [as_text(value) for value in values])
                self.bytes_read = self.size_bytes * number // total
        except (OSError, ValueError, NotImplementedError) as error:
            raise RecordingError(f"the Parquet file is broken ({error})") from error


def open_parquet(stream: IO[bytes], tell: Callable[[], int]) -> ParquetTable:
    """Open a Parquet file.

    Raises:
        RecordingError: It is broken, or pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: PLC0415 - large, and installed only where such files are read
    except ImportError as error:
        install = f"python3 -m pip --python {sys.executable} install pyarrow"
        raise RecordingError(f"reading Parquet needs the package pyarrow: {install}") from error
    try:
        stream.seek(0, 2)
        size = tell()
        stream.seek(0)
        return ParquetTable(pyarrow.parquet.ParquetFile(stream), size)
    except (OSError, ValueError) as error:
        raise RecordingError(f"the Parquet file is broken ({error})") from error


def _in_microseconds(column: Any) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - the same

    kind = column.type
    if pa.types.is_timestamp(kind):
        return column.cast(pa.timestamp("us", tz=kind.tz), safe=False)
    return column.cast(pa.time64("us"), safe=False) if pa.types.is_time(kind) else column
