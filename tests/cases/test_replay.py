"""A new user's first file, in all forms of files: it arrives whole, or is refused with the way out."""

import bz2
import gzip
import io
import lzma
import os
import re
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pytest
import zstandard
from typer.testing import CliRunner

from plant_client import Json, Plant, PlantClient
from support import ROOT
from support.plant.apis import token_of
from support.servers import RunningProcess
from utils.auth import Role
from vfactory.cli import build

FOLDER = ROOT / "tests" / "cases" / "replay"
MACHINE = "press-1"
Series = dict[str, float]
"""Time in UTC → value."""


def every(first: str, *values: float, step: float = 60) -> Series:
    """Return values that follow each other in steps of so many seconds."""
    begin = datetime.fromisoformat(first).replace(tzinfo=UTC)
    times = (begin + timedelta(seconds=step * number) for number in range(len(values)))
    return {at.isoformat().replace("+00:00", "Z"): value for at, value in zip(times, values, strict=True)}


def level(first: str, *values: float, step: float = 60) -> dict[str, Series]:
    return {"level": every(first, *values, step=step)}


MORNING = "2026-01-15T01:30"
"""10:30 in Seoul."""
AS_UTC = "2026-01-15T10:30"
HOUR = 3600.0
DAY = 86_400.0


@dataclass(frozen=True)
class Case:
    """A file and what becomes of it.

    Args:
        file: Its name in the folder.
        series: Metric, or machine/metric → what arrives with `options`.
        options: The options with which it arrives whole.
        refused: What the refusal says without options; None if the file arrives as it is.
        code: The exit code of the refusal.
        zone: The factory's time zone.
    """

    file: str
    series: dict[str, Series] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    refused: str | None = None
    code: int = 1
    zone: str = "Asia/Seoul"

    def __str__(self) -> str:
        return Path(self.file).stem


BERLIN = "Europe/Berlin"
NOON = {**every("2026-01-15T02:59", 1, 2), **every("2026-01-15T04:00", 3, 4, step=11 * HOUR)}
OLD = {"level": {"1969-12-31T15:00:10Z": 1.0, "2026-01-15T01:31:00Z": 2.0}}
BY_MACHINE = ("--source-column", "machine")
MACHINES = {"press-1/level": every(AS_UTC, 1, 3), "press-2/level": every(AS_UTC, 2, 4)}
NUMBERED = {"1/level": every(AS_UTC, 1, 3), "2/level": every(AS_UTC, 2, 4)}
LONG = ("--metric-column", "tag", "--value-column", "value")
CASES = [
    # Times
    Case("backwards.csv", level(AS_UTC, 1, 2, 3)),
    Case("compact-date.csv", level(MORNING, 1.5, 1.6, 1.7)),
    Case("compact-date-seconds.csv", level(MORNING, 1.5, 1.6)),
    Case("compact-hour-24.csv", {"PM10": every("2026-01-15T14:00", 31, 32, 33, step=HOUR)}),
    Case("compact-day.csv", level("2026-01-13T15:00", 1, 2, step=DAY)),
    Case("date-and-clock.csv", level("2025-12-16T08:24", 1, 2)),
    Case("date-and-clock-am-pm.csv", level("2026-01-14T20:24", 1, 2, step=12 * HOUR)),
    Case("date-and-clock-korean.csv", {"온도": every("2026-01-15T00:30", 1, 2, step=12 * HOUR)}),
    Case("date-and-compact-clock.csv", level("2026-01-15T00:30", 1, 2, step=8 * HOUR)),
    Case("date-midnight-and-clock.csv", level("2026-01-15T08:24", 1, 2)),
    Case("date-hour-minute.csv", level("2025-12-16T08:24", 1, 2)),
    Case("date-hour-to-24.csv", level("2026-01-15T14:00", 1, 2, 3, step=HOUR)),
    Case("date-hour-float.csv", level("2026-01-15T13:00", 1, 2, step=HOUR)),
    Case(
        "year-month-day-hour.csv",
        level("2026-01-14T15:00", 10, 11, 12, step=HOUR),
        ("--exclude", "No"),
        refused="",
    ),
    Case("clock-am-pm.csv", {"level": NOON}),
    Case("clock-korean.csv", {"온도": NOON}),
    Case("end-of-day.csv", level("2026-01-15T14:00", 1, 2, 3, step=HOUR)),
    Case("month-names.csv", level(MORNING, 1, 2)),
    Case("day-first.csv", level("2025-12-16T08:24", 1, 2, step=DAY)),
    Case("month-first.csv", level("2025-12-16T08:24", 1, 2, step=DAY)),
    Case("zone-in-name.csv", level(AS_UTC, 1, 2)),
    Case(
        "day-or-month.csv",
        level("2026-04-03T01:30", 1, 2),
        ("--time-format", "%d/%m/%Y %H:%M"),
        refused="--time-format '%d/%m/%Y %H:%M' or --time-format '%m/%d/%Y %H:%M'",
    ),
    Case("day-and-month-mixed.csv", refused="mix day and month with month and day"),
    Case(
        "two-digit-year.csv",
        level("2025-12-16T08:24", 1, 2),
        ("--time-format", "%d/%m/%y %H:%M"),
        refused="--time-format '%d/%m/%y %H:%M'",
    ),
    Case(
        "zone-abbreviation.csv",
        level("2026-01-15T16:30", 1, 2),
        ("--time-format", "%Y-%m-%d %H:%M:%S CST", "--time-zone", "America/Chicago"),
        refused="--time-format '%Y-%m-%d %H:%M:%S CST'",
    ),
    Case(
        "elapsed-seconds.csv",
        level(MORNING, 1, 2, 3, step=0.1),
        ("--begin", "2026-01-15 10:30"),
        refused="--begin '2026-01-15 10:30:00'",
    ),
    Case(
        "excel-day-numbers.csv",
        {"level": {"2026-01-15T01:30:00Z": 1, "2026-01-15T01:31:00.480000Z": 2}},
        ("--time-format", "excel"),
        refused="--time-format excel",
    ),
    Case("only-midnights.csv", level(MORNING, 1, 2)),
    Case("before-1990.csv", OLD, ("--force",), refused="lie before 1990"),
    Case("far-future.csv", refused="lie in the future"),
    Case("repeated-hour-hourly.csv", level("2025-10-25T23:00", 1, 2, 3, 4, step=HOUR), zone=BERLIN),
    Case("repeated-hour-minutes.csv", level("2025-10-25T23:30", 1, 2, 3, 4, 5, 6, step=1800), zone=BERLIN),
    Case("repeated-hour-newest-first.csv", level("2025-10-25T23:00", 1, 2, 3, 4, step=HOUR), zone=BERLIN),
    Case(
        "repeated-hour-machines.csv",
        {f"{one}/level": every("2025-10-25T23:00", 1, 2, 3, 4, step=HOUR) for one in "ab"},
        BY_MACHINE,
        refused="--source-column 'machine'",
        zone=BERLIN,
    ),
    Case("hour-skipped.csv", refused="a local time that never was", zone=BERLIN),
    Case(
        "dotted-clock.csv",
        {"CO(GT)": {**every("2004-03-10T09:00", 2.6, 2, step=HOUR), **every("2004-03-13T09:00", 1.4)}},
        ("--decimal", ","),
        refused="--decimal ,",
    ),
    Case(
        "leading-spaces-am-pm.csv",
        {"FIT101": {"2015-12-28T01:00:00Z": 2.4, "2015-12-28T13:00:01Z": 2.5}},
    ),
    Case(
        "clock-only.csv",
        level(MORNING, 1, 2),
        ("--begin", "2026-01-15"),
        refused="the day is --begin 2026-01-15",
    ),
    Case(
        "clock-with-a-word.csv",
        level(MORNING, 1, 2),
        ("--time-column", "date", "--time-column", "time of day", "--time-format", "%Y-%m-%d %H:%M Uhr"),
        refused="--time-column 'date' --time-column 'time of day'",
    ),
    Case("script-dates.csv", level(MORNING, 1, 2)),
    Case(
        "two-digit-year-month-name.csv",
        level(MORNING, 1, 2),
        ("--time-format", "%d-%b-%y %H:%M:%S"),
        refused="--time-format '%d-%b-%y %H:%M:%S'",
    ),
    Case("compact-date-wrong.csv", level(MORNING, 1.5, 1.6), ("--force",), refused="1 of 3 rows (33%)"),
    Case("unix-milliseconds.csv", level(MORNING, 1, 2)),
    Case("serial-number.csv", level(MORNING, 1, 2)),
    # Names and encodings
    Case("space-after-comma.csv", level(AS_UTC, 20.5, 21.5)),
    Case("space-before-names.csv", level(AS_UTC, 20.5)),
    Case("decomposed-name.csv", {"Temp\u00e9rature": every(AS_UTC, 20.5)}),
    Case(
        "garbled-names.csv",
        {"Temp (°C)": every(AS_UTC, 20.5)},
        ("--column", "#2=Temp (°C)"),
        refused="--column '#2=Temp (°C)'",
    ),
    Case("korean-utf-8.csv", {"온도": every(MORNING, 20.5, 21)}),
    Case(
        "korean-cp949.csv",
        {"온도": every(MORNING, 20.5, 21), "압력": every(MORNING, 1, 2)},
        ("--encoding", "cp949"),
        refused="--encoding cp949 gives '시각,온도,압력'",
    ),
    Case(
        "latin-1.csv",
        {"Temp (°C)": every(MORNING, 20.5)},
        ("--encoding", "cp1252"),
        refused="--encoding cp1252 gives 'time;Temp (°C)'",
    ),
    Case("utf-16.csv", {"온도": every(MORNING, 20.5)}),
    Case("utf-16-unmarked.csv", {"Temp (°C)": every(MORNING, 20.5)}),
    Case("utf-8-marked.csv", {"온도": every(MORNING, 20.5)}),
    Case(
        "same-name-twice.csv",
        {"a": every(AS_UTC, 1), "level": every(AS_UTC, 2)},
        ("--column", "#2=a"),
        refused="--column '#2=NAME'",
    ),
    Case(
        "column-names.csv",
        {"temperature": every(AS_UTC, 1), "pressure": every(AS_UTC, 2)},
        ("--column", "Temp (°C)=temperature", "--column", "Druck = P=pressure"),
        refused="",
    ),
    # Numbers
    Case(
        "decimal-comma-beside-integers.csv",
        {"level": every(MORNING, 20.5, 21.25), "count": every(MORNING, 1, 2)},
        ("--decimal", ","),
        refused="--decimal ,",
    ),
    Case(
        "decimal-comma-now-and-then.csv",
        level(MORNING, 20, 20.5, 21),
        ("--decimal", ","),
        refused="--decimal ,",
    ),
    Case("decimal-comma-unquoted.csv", refused="write a semicolon between the cells"),
    Case("dotted-date.csv", level("2025-12-16T08:24", 1.5, 2.5), ("--decimal", ","), refused="--decimal ,"),
    Case("thousands.csv", level(MORNING, 1234.5, 1235.5), ("--thousands", ","), refused="--thousands ','"),
    Case("units-in-cells.csv", level(MORNING, 20.5, 21.5), ("--strip", "°C"), refused="--strip '°C'"),
    Case("question-marks.csv", {"power": every("2006-12-16T08:24", 4.216, 5.374, step=120)}),
    Case("minus-sign.csv", level(AS_UTC, -5, 5)),
    Case("units-line.csv", {"level": every(MORNING, 20.5, 21.5), "flow": every(MORNING, 3, 4)}),
    Case(
        "words-for-missing.csv",
        level(MORNING, 20.5, 21.5, step=120),
        ("--missing", "Bad"),
        refused="--missing 'Bad'",
    ),
    Case("rows-lost.csv", level(MORNING, 1, 3, step=120), ("--force",), refused="1 of 3 rows (33%)"),
    # Forms of tables
    Case("excel-sep.csv", {"Level": every(MORNING, 20.5, 21)}),
    Case("comment-lines.csv", level(AS_UTC, 1, 2)),
    Case("comment-between.csv", level(AS_UTC, 1, 2)),
    Case("commented-header.csv", level(AS_UTC, 1.5, 1.6)),
    Case("row-names.csv", level(MORNING, 20.5, 20.6)),
    Case("aligned-by-spaces.txt", level(AS_UTC, 20.5, 9.5)),
    Case("twice-the-header.csv", level(AS_UTC, 1, 2)),
    Case("title-lines.csv", level(MORNING, 1, 2, 3), ("--skip-lines", "3"), refused="--skip-lines 3"),
    Case("no-header.csv", level(MORNING, 1, 2), ("--names", "time,level"), refused="--names time,level"),
    Case("header-only.csv", refused="holds no rows"),
    Case("array.json", refused="the file is JSON"),
    Case("binary.csv", refused="the file is binary"),
    Case("influx-annotated.csv", {"temperature": every(AS_UTC, 20.5, 21.5), "force": every(AS_UTC, 3)}),
    Case("influx-pivoted.csv", {"temperature": every(AS_UTC, 20.5), "force": every(AS_UTC, 3)}),
    Case("blank-names.csv", refused="--skip-lines or --names"),
    Case("nul-block.csv", level(AS_UTC, 1, 2), ("--force",), refused="1 of 3 rows (33%)"),
    Case("second-table.csv", refused="a table with other columns begins in line 5 ('time', 'flow', 'force')"),
    Case("second-table-alike.csv", refused="a table with other columns begins in line 5 ('time', 'flow')"),
    # Several machines or metrics
    Case("machines.csv", MACHINES, BY_MACHINE, refused="--source-column 'machine'"),
    Case("machines-in-blocks.csv", MACHINES, BY_MACHINE, refused="--source-column 'machine'"),
    Case("machines-by-number.csv", NUMBERED, BY_MACHINE, refused="--source-column 'machine'"),
    Case(
        "influx-machines.csv",
        {"press-1/force": every(AS_UTC, 1, 2), "press-2/force": every(AS_UTC, 3, 4)},
        ("--source-column", "host"),
        refused="--source-column 'host'",
    ),
    Case(
        "long.csv",
        {"temperature": every(AS_UTC, 20.5, 21.5), "force": every(AS_UTC, 3, 4)},
        LONG,
        refused="--metric-column 'tag'",
    ),
    Case(
        "long-machines.csv",
        {
            "press-1/temperature": every(AS_UTC, 20.5),
            "press-1/force": every(AS_UTC, 3),
            "press-2/temperature": every(AS_UTC, 21.5),
        },
        (*LONG, *BY_MACHINE),
        refused="--metric-column",
    ),
]  # fmt: skip


@dataclass
class Bench:
    """A plant to which the command sends recordings."""

    client: PlantClient
    home: Path

    def replay(self, file: Path | bytes, factory: Json, *options: str) -> Any:
        """Run the command, on standard input if `file` is bytes; give its result."""
        machine = () if "--source-column" in options else ("--equipment", MACHINE)
        path = "-" if isinstance(file, bytes) else str(file)
        arguments = ["replay", path, "--factory", factory["id"], *machine, "--create", *options]
        return CliRunner().invoke(build(), arguments, input=file if isinstance(file, bytes) else None)

    def factory(self, zone: str = "Asia/Seoul") -> Json:
        name = uuid4().hex
        return self.client.post("factory-core", "/v1/factories", {"name": name, "timezone": zone})

    def arrived(self, factory: Json, series: dict[str, Series]) -> dict[str, Series]:
        """Read back the series of these names."""
        return {name: self._series(factory, name) for name in series}

    def machines(self, factory: Json) -> list[Json]:
        return list(self.client.items("factory-core", f"/v1/factories/{factory['id']}/equipment"))

    def _series(self, factory: Json, name: str) -> Series:
        source, _, metric = name.rpartition("/") if "/" in name else (MACHINE, "", name)
        path = f"/v1/factories/{factory['id']}/readings"
        items = self.client.items("factory-core", path, source=source, metric=metric)
        return {item["at"]: item["value"] for item in items}


@pytest.fixture(scope="module")
def bench(launch: Callable[..., RunningProcess], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    process = launch("factory-core", shared="replay")
    signed = token_of(Role.ENGINEER)
    home = tmp_path_factory.mktemp("home")
    variables = {
        "VFACTORY_FACTORY_CORE_URL": process.base_url,
        "VFACTORY_INCIDENT_EVENT_URL": process.base_url,
        "VFACTORY_TOKEN": signed,
        "VFACTORY_HOME": str(home),
    }
    plant = Plant({"factory-core": process.base_url, "incident-event": process.base_url}, lambda: signed)
    with pytest.MonkeyPatch.context() as patch, PlantClient(plant) as client:
        for name, value in variables.items():
            patch.setenv(name, value)
        patch.delenv("VFACTORY_TIME_ZONE", raising=False)
        yield Bench(client, home)
    assert process.stop() == 0


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_first_file_arrives_whole_or_is_refused_with_the_way_out(bench: Bench, case: Case) -> None:
    factory = bench.factory(case.zone)
    if case.refused:
        refused = bench.replay(FOLDER / case.file, factory)
        assert refused.exit_code == case.code, refused.output
        assert case.refused in refused.stderr
        assert refused.stdout == ""
        assert bench.machines(factory) == []
    if case.series:
        sent = bench.replay(FOLDER / case.file, factory, *case.options)
        assert sent.exit_code == 0, sent.output
        assert bench.arrived(factory, case.series) == case.series


def test_every_file_of_the_folder_is_a_case() -> None:
    ours = {case.file for case in CASES} | {"same-time-other-value.csv"}

    assert ours == {path.name for path in FOLDER.iterdir()}
    assert len(ours) >= 40


BASE = "time,level\n2026-01-15T10:30:00Z,1\n2026-01-15T10:31:00Z,2\n"
BASE_SERIES = level(AS_UTC, 1, 2)


def zipped(**files: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return made.getvalue()


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "as it is": bytes,
    "gzip": gzip.compress,
    "gzip in two members": lambda text: gzip.compress(text[:30]) + gzip.compress(text[30:]),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstandard.compress,
    "zstd in two frames": lambda text: zstandard.compress(text[:30]) + zstandard.compress(text[30:]),
    "zip": lambda text: zipped(**{"a/recording.csv": text.decode(), "__MACOSX/a/._recording.csv": "?"}),
    "gzip in gzip": lambda text: gzip.compress(gzip.compress(text)),
}


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("way", ["file", "standard input", "pipe"])
def test_packed_recordings_are_known_by_their_content(
    bench: Bench, tmp_path: Path, packing: str, way: str
) -> None:
    packed, factory = PACKED[packing](BASE.encode()), bench.factory()
    path = tmp_path / "recording"
    if way == "pipe":
        os.mkfifo(path)
        threading.Thread(target=path.write_bytes, args=(packed,), daemon=True).start()
    else:
        path.write_bytes(packed)
    sent = bench.replay(packed if way == "standard input" else path, factory)

    assert sent.exit_code == 0, sent.output
    assert bench.arrived(factory, BASE_SERIES) == BASE_SERIES


UNREADABLE: dict[str, tuple[bytes, str, int]] = {
    "gzip cut off": (gzip.compress(BASE.encode() * 9)[:60], "not whole", 1),
    "xz cut off": (lzma.compress(BASE.encode() * 9)[:80], "not whole", 1),
    "gzip with a wrong sum": (gzip.compress(BASE.encode())[:-8] + b"12345678", "broken", 1),
    "zip of two": (zipped(**{"a.csv": BASE, "b.csv": BASE}), "2 files; say .* --part: 'a.csv', 'b.csv'", 2),
    "empty zip": (zipped(), "empty", 1),
    "zip cut off": (zipped(**{"a.csv": BASE})[:40], "cannot be unpacked", 1),
    "zip in gzip": (gzip.compress(zipped(**{"a.csv": BASE})), "unpack it first", 1),
    "four times gzip": (PACKED["gzip in gzip"](PACKED["gzip in gzip"](BASE.encode())), "unpack it first", 1),
    "expanding": (gzip.compress(b"time,level\n" + (b" " * (1 << 16) + b"\n") * 1300), "expands to", 1),
    "PDF": (b"%PDF-1.7", "a PDF", 1),
    "old workbook": (b"\xd0\xcf\x11\xe0rest", "save it as XLSX", 1),
    "HTML": (b"<!DOCTYPE html><table></table>", "HTML", 1),
    "empty": (b"", "empty", 1),
    "blank": (b"\n\n\n", "empty lines", 1),
    "broken Parquet": (b"PAR1 and no more", "Parquet file is broken", 1),
    "broken workbook": (
        zipped(**{"xl/workbook.xml": "<a>", "[Content_Types].xml": "?"}),
        "workbook cannot",
        1,
    ),
    "tar": (b"a.csv".ljust(257, b"\0") + b"ustar\x0000", "a tar archive", 1),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_cannot_be_unpacked_says_why(bench: Bench, tmp_path: Path, name: str) -> None:
    packed, says, code = UNREADABLE[name]
    path, factory = tmp_path / "recording", bench.factory()
    path.write_bytes(packed)
    refused = bench.replay(path, factory)

    assert refused.exit_code == code, refused.output
    assert re.search(says, refused.stderr)
    assert bench.machines(factory) == []


def test_a_file_of_a_zip_is_chosen_by_name_or_place(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "both.zip"
    path.write_bytes(zipped(**{"a.csv": "nothing", "b.csv": BASE}))
    for part in ("b.csv", "#2"):
        factory = bench.factory()
        assert bench.replay(path, factory, "--part", part).exit_code == 0
        assert bench.arrived(factory, BASE_SERIES) == BASE_SERIES
    assert bench.replay(path, bench.factory(), "--part", "c.csv").exit_code == 2


def workbook(path: Path, sheets: dict[str, list[list[Any]]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book["Sheet"])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


FIRST, SECOND = datetime(2026, 1, 15, 10, 30), datetime(2026, 1, 15, 10, 31)  # noqa: DTZ001 - a sheet has no zone
SHEETS: dict[str, list[list[Any]]] = {
    "date and time": [["시각", "온도", "메모"], [FIRST, 20.5, None], [SECOND, 21, "ok"]],
    "text": [["시각", "온도"], ["2026-01-15 오전 10:30", "20.5"], ["2026-01-15 오전 10:31", 21]],
    "date beside clock": [
        ["날짜", "시간", "온도"],
        [date(2026, 1, 15), time(10, 30), 20.5],
        [date(2026, 1, 15), time(10, 31), 21],
    ],
    "gaps": [["시각", "온도", "압력"], [], [FIRST, 20.5], [SECOND, 21, None]],
}


@pytest.mark.parametrize("name", SHEETS)
def test_a_workbook_arrives_whole(bench: Bench, tmp_path: Path, name: str) -> None:
    path, factory = workbook(tmp_path / "recording.xlsx", {name: SHEETS[name], "empty": []}), bench.factory()
    sent = bench.replay(path, factory)

    assert sent.exit_code == 0, sent.output
    series = {"온도": every(MORNING, 20.5, 21)}
    assert bench.arrived(factory, series) == series


def test_a_workbook_with_a_title_or_several_sheets_says_the_way_out(bench: Bench, tmp_path: Path) -> None:
    rows = SHEETS["date and time"]
    path = workbook(tmp_path / "a.xlsx", {"north": [["Hall 3"], [], *rows], "south": rows})
    several = bench.replay(path, bench.factory())
    titled = bench.replay(path, bench.factory(), "--part", "north")
    factory = bench.factory()

    assert (several.exit_code, titled.exit_code) == (2, 1)
    assert "--part: 'north', 'south'" in several.stderr
    assert "--skip-lines 2" in titled.stderr
    assert bench.replay(path, factory, "--part", "north", "--skip-lines", "2").exit_code == 0
    assert bench.arrived(factory, {"온도": {}}) == {"온도": every(MORNING, 20.5, 21)}


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "Asia/Seoul"])
def test_a_parquet_file_arrives_whole(bench: Bench, tmp_path: Path, unit: str, zone: str | None) -> None:
    path, factory = tmp_path / "recording", bench.factory()
    times = [FIRST, SECOND] if zone is None else [at - timedelta(hours=9) for at in (FIRST, SECOND)]
    stamps = pa.array(times, pa.timestamp("us")).cast(pa.timestamp(unit))
    columns = {
        "time": stamps.cast(pa.timestamp(unit, tz=zone)) if zone else stamps,
        "온도": pa.array([20.5, None], pa.float32()),
        "count": pa.array([1, 2], pa.int64()),
        "kind": pa.array(["a", "a"]).dictionary_encode(),
    }
    pa.parquet.write_table(pa.table(columns), path)
    sent = bench.replay(path, factory)

    assert sent.exit_code == 0, sent.output
    series = {"온도": every(MORNING, 20.5), "count": every(MORNING, 1, 2)}
    assert bench.arrived(factory, series) == series


@pytest.mark.parametrize(
    ("file", "options", "says"),
    [
        ("korean-utf-8.csv", ("--encoding", "cp949"), "would garble the file, which is UTF-8"),
        ("korean-utf-8.csv", ("--encoding", "utf-16"), "would garble the file, which is UTF-8"),
        ("utf-16.csv", ("--encoding", "cp949"), "would garble the file, which is UTF-16"),
        ("korean-cp949.csv", ("--encoding", "latin-1"), "with --encoding cp949"),
        ("korean-cp949.csv", ("--encoding", "utf-8"), "--encoding cp949 gives"),
        ("korean-utf-8.csv", ("--encoding", "klingon"), "not a known encoding"),
        ("korean-utf-8.csv", ("--encoding", "base64"), "not a known encoding"),
        ("compact-date.csv", ("--time-column", "when"), "its columns: 'time', 'level'"),
        ("compact-date.csv", ("--time-column", "time", "--exclude", "time"), "also excluded"),
        ("compact-date.csv", ("--delimiter", "::"), "--delimiter must be one character"),
        ("compact-date.csv", ("--decimal", ";"), "--decimal must be . or ,"),
        ("compact-date.csv", ("--thousands", "."), "are both"),
        ("compact-date.csv", ("--metric-column", "level"), "--value-column"),
        ("compact-date.csv", ("--column", "level"), "--column is COLUMN=METRIC"),
        ("compact-date.csv", ("--column", "depth=d"), "its columns"),
        ("compact-date.csv", ("--skip-lines", "99"), "--skip-lines 99"),
        ("compact-date.csv", ("--begin", "soon"), "--begin is a time"),
        ("compact-date.csv", ("--time-format", "seconds"), "--begin"),
        ("compact-date.csv", ("--time-zone", "Mars/Olympus"), "--time-zone 'Mars/Olympus'"),
        ("compact-date.csv", ("--speed", "warp"), "--speed"),
        ("no-such-file.csv", (), "No such file"),
        ("", (), "directory"),
    ],
)
def test_a_wrong_option_is_a_usage_error(
    bench: Bench, file: str, options: tuple[str, ...], says: str
) -> None:
    factory = bench.factory()
    refused = bench.replay(FOLDER / file, factory, *options)

    assert refused.exit_code == 2, refused.output
    assert says in refused.stderr
    assert bench.machines(factory) == []


def test_a_part_of_the_time_that_is_left_out_is_noticed(bench: Bench) -> None:
    only_date = bench.replay(FOLDER / "date-hour-minute.csv", bench.factory(), "--time-column", "Date")
    no_minute = ("--time-column", "Date", "--time-column", "Hour")
    no_minutes = bench.replay(FOLDER / "date-hour-minute.csv", bench.factory(), *no_minute)

    assert (only_date.exit_code, no_minutes.exit_code) == (1, 1)
    assert "--time-column 'Date' --time-column 'Hour' --time-column 'Minute'" in only_date.stderr
    assert "--time-column 'Minute'" in no_minutes.stderr


def test_another_value_at_a_known_time_is_told_and_ends_with_1(bench: Bench) -> None:
    factory = bench.factory()
    sent = bench.replay(FOLDER / "same-time-other-value.csv", factory)

    assert sent.exit_code == 1
    assert "2 sent: 1 accepted, 0 duplicates, 1 conflicts, 0 rejected" in sent.stdout
    assert "press-1 level at 2026-01-15 19:30:00+09:00: 1 is kept, 99 (line 3) is not" in sent.stdout
    assert "vfactory readings correct" in sent.stdout
    assert bench.arrived(factory, {"level": {}}) == level(AS_UTC, 1)


def test_machines_of_a_long_table_are_missed_when_they_are_not_named(bench: Bench) -> None:
    refused = bench.replay(FOLDER / "long-machines.csv", bench.factory(), *LONG)

    assert refused.exit_code == 1
    assert "--source-column 'machine'" in refused.stderr


def test_parquet_without_its_package_says_how_to_install_it(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "recording.parquet"
    pa.parquet.write_table(pa.table({"time": [FIRST], "level": [1.0]}), path)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    refused = bench.replay(path, bench.factory())

    assert refused.exit_code == 1
    assert "pip --python" in refused.stderr
    assert "install pyarrow" in refused.stderr


def test_many_rows_at_one_time_are_refused_before_they_conflict(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "recording.csv"
    path.write_text(
        "time,level\n" + "".join(f"2026-01-15T10:{m}:00Z,{m + v}\n" for m in range(10, 30) for v in (0, 1))
    )
    refused = bench.replay(path, bench.factory())

    assert refused.exit_code == 1
    assert "20 of 40 rows have the time of the row before" in refused.stderr


def test_times_are_shown_in_the_factorys_zone_or_the_one_given(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = FOLDER / "backwards.csv"
    own = bench.replay(path, bench.factory("Asia/Seoul"))
    given = bench.replay(path, bench.factory("Asia/Seoul"), "--time-zone", "UTC")
    monkeypatch.setenv("VFACTORY_TIME_ZONE", "America/New_York")
    of_environment = bench.replay(path, bench.factory("Asia/Seoul"))
    factory = bench.factory("Asia/Seoul")
    naive = bench.replay(FOLDER / "korean-utf-8.csv", factory)

    assert "2026-01-15 19:30:00+09:00 to 2026-01-15 19:32:00+09:00 (2 min 0 s)" in own.stdout
    assert "2026-01-15 10:30:00Z to 2026-01-15 10:32:00Z" in given.stdout
    assert "2026-01-15 05:30:00-05:00 to" in of_environment.stdout
    # The environment changes what is shown, not what the file means.
    assert bench.arrived(factory, {"온도": {}}) == {"온도": every(MORNING, 20.5, 21)}
    assert "were taken as Asia/Seoul, the factory's zone" in naive.stdout


def test_a_factory_is_not_added_for_a_file_that_is_refused(bench: Bench) -> None:
    name = uuid4().hex
    arguments = ["--factory", name, "-e", MACHINE, "--create", "--time-zone", "Asia/Seoul"]

    def run(file: str) -> Any:
        return CliRunner().invoke(build(), ["replay", str(FOLDER / file), *arguments])

    def named() -> list[Json]:
        return [one for one in bench.client.items("factory-core", "/v1/factories") if one["name"] == name]

    assert run("rows-lost.csv").exit_code == 1
    assert named() == []
    assert run("korean-utf-8.csv").exit_code == 0
    assert [one["timezone"] for one in named()] == ["Asia/Seoul"]


def test_a_machine_must_be_named_once(bench: Bench) -> None:
    for machine in ((), ("-e", "a", "--source-column", "machine")):
        ended = CliRunner().invoke(build(), ["replay", str(FOLDER / "machines.csv"), *machine])
        assert ended.exit_code == 2
        assert "--source-column" in ended.stderr
    factory = bench.factory()
    missing = CliRunner().invoke(
        build(), ["replay", str(FOLDER / "machines.csv"), "--source-column", "machine", "-F", factory["id"]]
    )
    assert missing.exit_code == 1
    assert "no equipment with the tags press-1, press-2; add them: --create" in missing.stderr
