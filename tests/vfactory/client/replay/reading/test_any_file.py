"""Whatever a file holds: it is read, or refused in a sentence, and never ends in a traceback."""

import gzip
import lzma
import zipfile
from contextlib import suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import openpyxl
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vfactory.client.replay.reading import Choices, Recording, RecordingError, survey

NOW = datetime(2026, 11, 29, tzinfo=UTC)
WORDS = """
time date Date Time hour minute year month day level #1 # sep=; 1 24 0930 202601151030 1768440600 NaN Bad é
2026-01-15 2026-01-15T10:30:00Z 16/12/2025 01/02/2026 10:30 3:00 20,5 1.234,5 -5 " '
""".split()  # noqa: SIM905 - read as words
CELLS = st.one_of(st.sampled_from(WORDS), st.text(max_size=6))
LINES = st.lists(CELLS, max_size=6).flatmap(
    lambda cells: st.sampled_from(",;\t |").map(lambda delimiter: delimiter.join(cells))
)
TEXTS = st.lists(LINES, max_size=12).map("\n".join)
CHOICES = st.builds(
    Choices,
    decimal=st.sampled_from(".,"),
    skip_lines=st.integers(0, 3),
    time_columns=st.sampled_from([(), ("time",), ("#1",), ("#1", "#2"), ("#3", "#1", "#2")]),
    time_format=st.sampled_from([None, "%d/%m/%Y", "excel"]),
    names=st.sampled_from([(), ("time", "level"), ("a", "time", "b")]),
    source_column=st.sampled_from([None, "#2"]),
    delimiter=st.sampled_from([None, ";", ","]),
    force=st.booleans(),
)


def read(path: Path, choices: Choices) -> None:
    recording = Recording(path, choices, UTC)
    found = survey(recording.again())
    assert all(isinstance(reason, str) for reason in found.reasons(NOW))
    assert sum(1 for _ in recording.rows()) == found.rows


def packed_workbook() -> bytes:
    book, file = openpyxl.Workbook(), BytesIO()
    for row in (["time", "level"], [NOW.replace(tzinfo=None), 1], ["x", None]):
        book.worksheets[0].append(row)
    book.save(file)
    return file.getvalue()


def packed_zip() -> bytes:
    file = BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", "time,level\n2026-01-15T10:30:00Z,1\n" * 20)
    return file.getvalue()


TABLE = b"time,level\n2026-01-15T10:30:00Z,1\n" * 20
WHOLE = {
    "text": TABLE,
    "gzip": gzip.compress(TABLE, mtime=0),
    "xz": lzma.compress(TABLE),
    "zstd": zstandard.compress(TABLE),
    "zip": packed_zip(),
    "workbook": packed_workbook(),
}


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=TEXTS, choices=CHOICES)
def test_any_text_is_read_or_refused(tmp_path: Path, text: str, choices: Choices) -> None:
    path = tmp_path / "recording"
    path.write_bytes(text.encode("utf-8", "replace"))
    with suppress(RecordingError):
        read(path, choices)


@pytest.mark.parametrize("form", WHOLE)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_damage_is_read_over_or_refused(tmp_path: Path, form: str, data: st.DataObject) -> None:
    whole = bytearray(WHOLE[form])
    for _ in range(data.draw(st.integers(0, 4))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path / "recording"
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with suppress(RecordingError):
        read(path, Choices())
