# ruff: noqa: DTZ001 - times without a zone are what is written here
"""One recording in every dialect that programs write: it is read to the letter, whatever the dialect."""

import bz2
import csv
import gzip
import io
import lzma
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vfactory.client.replay.reading import Choices, Recording, survey

NOW = datetime(2026, 11, 29, tzinfo=UTC)
NAMES = ("time", "level", "온도 (°C)", "Volume Flow RateRMS")
PACKED: tuple[Callable[[bytes], bytes], ...] = (
    bytes,
    gzip.compress,
    bz2.compress,
    lzma.compress,
    zstandard.compress,
)
TIMES: tuple[Callable[[datetime], tuple[str, ...]], ...] = (
    lambda at: (at.isoformat(),),
    lambda at: (f"{at:%Y/%m/%d %H:%M:%S}",),
    lambda at: (f"{at:%Y%m%d%H%M%S}",),
    lambda at: (f"{at:%d.%m.%Y %H:%M:%S}",),
    lambda at: (f"{at:%m/%d/%Y %I:%M:%S %p}",),
    lambda at: (f"{at:%Y-%m-%d}", f"{at:%H:%M:%S}"),
    lambda at: (f"{at:%d/%m/%Y}", f"{'오전' if at.hour < 12 else '오후'} {at:%I:%M:%S}"),
    lambda at: (f"{at:%Y-%m-%d}", str(at.hour), str(at.minute), str(at.second)),
    lambda at: (str(at.year), str(at.month), str(at.day), str(at.hour), str(at.minute), str(at.second)),
)
PARTS = {
    1: ("time",),
    2: ("Date", "Time"),
    4: ("Date", "Hour", "Minute", "Second"),
    6: ("year", "month", "day", "hour", "minute", "second"),
}


@dataclass(frozen=True)
class Dialect:
    """A way to write a table; `quoting` is `csv.QUOTE_MINIMAL` or `csv.QUOTE_ALL`."""

    delimiter: str
    comma: bool
    quoting: Literal[0, 1]
    end: str
    encoding: str
    before: str
    space: bool
    missing: str

    @property
    def choices(self) -> Choices:
        return Choices(decimal="," if self.comma else ".")


dialects = st.builds(
    Dialect,
    delimiter=st.sampled_from(";\t|,"),
    comma=st.booleans(),
    quoting=st.sampled_from((0, 1)),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    before=st.sampled_from(["", "# logger 3", "sep=", "\n"]),
    space=st.booleans(),
    missing=st.sampled_from(["", "NaN", "null", "-"]),
)
values = st.lists(
    st.one_of(st.none(), st.integers(-1000, 1000), st.floats(-1e6, 1e6, allow_nan=False, width=32)),
    min_size=3,
    max_size=3,
)


def write(dialect: Dialect, number: int, rows: list[tuple[datetime, list[float | None]]]) -> bytes:
    out = io.StringIO(newline="")
    if dialect.before:
        line = f"sep={dialect.delimiter}" if dialect.before == "sep=" else dialect.before
        out.write(line + dialect.end)
    writer = csv.writer(out, delimiter=dialect.delimiter, quoting=dialect.quoting, lineterminator=dialect.end)
    writer.writerow([*PARTS[len(TIMES[number](NOW))], *NAMES[1:]])
    for at, numbers in rows:
        cells = [dialect.missing if value is None else repr(value) for value in numbers]
        if dialect.comma:
            cells = [cell.replace(".", ",") for cell in cells]
        if dialect.space and dialect.delimiter != "\t":
            cells = [f" {cell}" if dialect.quoting == 0 else cell for cell in cells]
        writer.writerow([*TIMES[number](at), *cells])
    return out.getvalue().encode(dialect.encoding)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    dialect=dialects,
    number=st.integers(0, len(TIMES) - 1),
    numbers=st.lists(values, min_size=1, max_size=12),
    begin=st.datetimes(datetime(2000, 1, 13), datetime(2026, 1, 1)),
    minutes=st.integers(1, 5000),
    pack=st.sampled_from(PACKED),
)
def test_a_recording_is_the_same_in_every_dialect(
    tmp_path: Path,
    *,
    dialect: Dialect,
    number: int,
    numbers: list[list[float | None]],
    begin: datetime,
    minutes: int,
    pack: Callable[[bytes], bytes],
) -> None:
    begin = begin.replace(day=13 + begin.day % 15, microsecond=0)  # a day above 12 tells it from the month
    rows = [(begin + timedelta(minutes=minutes * n), row) for n, row in enumerate(numbers)]
    rows = [(at, [1.5, *row[1:]]) for at, row in rows]  # a row without any number is no row
    path = tmp_path / "recording"
    path.write_bytes(pack(write(dialect, number, rows)))
    recording = Recording(path, dialect.choices, UTC)
    found = survey(recording.again())

    assert list(found.reasons(NOW)) == []
    read = [(row.at.replace(tzinfo=None), dict(row.values)) for row in recording.rows()]
    kept = [
        (at, {name: float(value) for name, value in zip(NAMES[1:], row, strict=True) if value is not None})
        for at, row in rows
    ]
    assert read == kept
