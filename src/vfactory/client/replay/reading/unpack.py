"""Opens a recording as its content says: text, workbook or Parquet, packed or not."""

import bz2
import gzip
import io
import lzma
import shutil
import struct
import sys
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal, Self, cast

from vfactory.client.replay.reading.choices import ChoiceError, RecordingError, listed

Kind = Literal["text", "workbook", "parquet"]

MOST_TIMES = 200
"""Packed data may expand to so many times its size; readings seldom shrink to less than a fiftieth."""
FREE_BYTES = 64 << 20
"""So much may come out of any file, however small."""
_MOST_LAYERS = 3
_START = 512
_TAR_AT = 257
_UNREADABLE = {
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (.xls); save it as XLSX or CSV",
    b"%PDF": "a PDF; export the table as CSV",
    b"\x89HDF": "HDF5; export the table as CSV or Parquet",
    b"MATLAB 5": "a MATLAB file; export the table as CSV",
    b"SQLite format 3": "a SQLite database; export the table as CSV",
    b"ARROW1": "Arrow or Feather; save it as Parquet or CSV",
    b"ORC": "ORC; save it as Parquet or CSV",
    b"Obj\x01": "Avro; save it as Parquet or CSV",
    b"7z\xbc\xaf": "a 7-Zip archive; unpack it first",
    b"Rar!": "a RAR archive; unpack it first",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
}
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")
"""Of a zip, and of one that is empty."""
_JSON_START = (b"{", b"[{", b"[[", b"[\n", b"[\r")


@dataclass(frozen=True, slots=True)
class Data:
    """An open recording.

    Args:
        kind: What its content is.
        stream: The unpacked bytes; seekable unless `kind` is text.
        raw: The file itself, whose position shows the progress.
    """

    kind: Kind
    stream: io.BufferedReader
    raw: IO[bytes]


@contextmanager
def as_file(path: Path) -> Iterator[Path]:
    """Yield a path that can be read twice: standard input (`-`), pipes and devices are copied to a file.

    Raises:
        RecordingError: It cannot be read, or the copy cannot be written.
    """
    if str(path) != "-" and (path.is_file() or path.is_dir() or not path.exists()):
        yield path
        return
    with tempfile.NamedTemporaryFile(prefix="vfactory-replay-") as copy:
        try:
            if str(path) == "-":
                shutil.copyfileobj(sys.stdin.buffer, copy)
            else:
                with path.open("rb") as pipe:
                    shutil.copyfileobj(pipe, copy)
            copy.flush()
        except OSError as error:
            raise RecordingError(f"cannot copy {path} to {copy.name}: {error.strerror or error}") from error
        yield Path(copy.name)


@contextmanager
def open_data(path: Path, part: str | None) -> Iterator[Data]:
    """Open a recording and unpack it, layer by layer.

    Args:
        path: The file.
        part: Which file of a zip; a workbook finds its own sheet.

    Raises:
        RecordingError: The file cannot be read, is no table, or is packed in a way that cannot be undone
        here.
    """
    try:
        raw = path.open("rb", buffering=1 << 16)
    except OSError as error:
        raise ChoiceError(f"cannot read {path}: {error.strerror or error}") from error
    with raw, _Layers(raw, part) as layers:
        yield Data(layers.kind, layers.stream, raw)


class _Layers:
    """The streams over a file, each of which unpacks the one below."""

    def __init__(self, raw: Any, part: str | None) -> None:
        self.stream: io.BufferedReader = raw
        self.kind: Kind = "text"
        self._raw = raw
        self._part = part
        self._opened: list[Any] = []

    def __enter__(self) -> Self:
        try:
            for _ in range(_MOST_LAYERS):
                start = self.stream.peek(_START)[:_START]
                unpack = next((opener for magic, opener in _PACKED.items() if start.startswith(magic)), None)
                if unpack is None and not start.startswith(_ZIP):
                    self.kind = self._kind(start)
                    return self
                if unpack is None and self._open_zip():
                    return self
                if unpack is not None:
                    self._push(unpack(self.stream))
        except OSError as error:
            raise RecordingError(f"cannot read {self._raw.name}: {error.strerror or error}") from error
        raise RecordingError("it is packed more than once; unpack it first")

    def __exit__(self, *_: object) -> None:
        for stream in reversed(self._opened):
            stream.close()

    def _push(self, inner: IO[bytes]) -> None:
        self._opened.append(inner)
        self.stream = io.BufferedReader(_Bounded(inner, self._raw), 1 << 16)

    def _kind(self, start: bytes) -> Kind:
        if start.startswith(b"PAR1"):
            if self._opened:
                raise RecordingError("it is a packed Parquet file; unpack it first")
            return "parquet"
        why = next((why for magic, why in _UNREADABLE.items() if start.startswith(magic)), None)
        if start[_TAR_AT : _TAR_AT + 5] == b"ustar":
            why = "a tar archive; unpack it, and send each file"
        if start.lstrip().startswith(_JSON_START):
            why = "JSON; this command reads tables: CSV, XLSX or Parquet"
        if start.lstrip().lower().startswith((b"<!doctype", b"<html", b"<?xml")):
            why = "HTML or XML; this command reads tables: CSV, XLSX or Parquet"
        if why:
            raise RecordingError(f"the file is {why}")
        return "text"

    def _open_zip(self) -> bool:
        """Open the zip's one table; return True if the zip is a workbook, which is read as a whole."""
        if self._opened:
            raise RecordingError("it is a zip or a workbook within another packing; unpack it first")
        try:
            archive = zipfile.ZipFile(self._raw)
            names = archive.namelist()
            if "xl/workbook.xml" in names:
                _check_expansion(archive)
                self._raw.seek(0)
                self.kind = "workbook"
                return True
            _refuse_documents(names)
            self._opened.append(archive)
            self._push(archive.open(_choose_member(archive, self._part)))
        except (*_BROKEN, RuntimeError, NotImplementedError) as error:
            raise RecordingError(
                f"the zip file cannot be unpacked here ({error}); unpack it first"
            ) from error
        return False


def _refuse_documents(names: list[str]) -> None:
    for name, what in (
        ("xl/workbook.bin", "a binary workbook (.xlsb)"),
        ("content.xml", "OpenDocument (.ods)"),
    ):
        if name in names:
            raise RecordingError(f"the file is {what}; save it as XLSX or CSV")


def choose_part(parts: list[str], part: str | None, what: str) -> str:
    """Return the part that the user names, by name or place (`#2`), or the only one.

    Raises:
        ChoiceError: There is no such part, or there are several and none is named.
    """
    if part is not None and part in parts:
        return part
    if (
        part is not None
        and part.startswith("#")
        and part[1:].isdecimal()
        and 1 <= int(part[1:]) <= len(parts)
    ):
        return parts[int(part[1:]) - 1]
    if part is not None:
        raise ChoiceError(f"--part {part!r} is not one of its {what}: {listed(parts)}")
    if len(parts) != 1:
        raise ChoiceError(f"it has {len(parts)} {what}; say which one with --part: {listed(parts)}")
    return parts[0]


def _choose_member(archive: zipfile.ZipFile, part: str | None) -> str:
    files = [
        one.filename
        for one in archive.infolist()
        if not one.is_dir() and not one.filename.startswith("__MACOSX/") and Path(one.filename).name[0] != "."
    ]
    if not files:
        raise RecordingError("the zip file is empty")
    return choose_part(files, part, "files")


def _check_expansion(archive: zipfile.ZipFile) -> None:
    unpacked = sum(one.file_size for one in archive.infolist())
    packed = sum(one.compress_size for one in archive.infolist())
    strings = next((one.file_size for one in archive.infolist() if one.filename == "xl/sharedStrings.xml"), 0)
    if unpacked > FREE_BYTES and (unpacked > MOST_TIMES * packed or strings > 4 * FREE_BYTES):
        raise RecordingError(_too_much(unpacked))


def _too_much(unpacked: int) -> str:
    size = f"{unpacked >> 20:,} MiB"
    return (
        f"it expands to {size} or more, over {MOST_TIMES} times its size; unpack it first, or save it as CSV"
    )


class _Bounded(io.RawIOBase):
    """Unpacked bytes; an error of the packing, or an expansion without end, becomes a sentence."""

    def __init__(self, inner: IO[bytes], raw: IO[bytes]) -> None:
        self._inner = inner
        self._raw = raw
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            data = self._inner.read(len(buffer))
        except EOFError as error:
            raise RecordingError("the packed file is not whole: it ends too early") from error
        except _BROKEN as error:
            raise RecordingError(f"the packed file is broken ({error})") from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] != "zstandard":
                raise
            raise RecordingError(f"the packed file is broken, or needs too much memory ({error})") from error
        self._count += len(data)
        if self._count > FREE_BYTES and self._count > MOST_TIMES * max(self._raw.tell(), 1):
            raise RecordingError(_too_much(self._count))
        buffer[: len(data)] = data
        return len(data)


_BROKEN = (
    lzma.LZMAError,
    zlib.error,
    zipfile.BadZipFile,
    struct.error,
    EOFError,
    OSError,
    ValueError,
    OverflowError,
)
"""What the unpacking libraries raise about damaged data."""


def _open_zstd(stream: IO[bytes]) -> IO[bytes]:
    import zstandard  # noqa: PLC0415 - only where such a file is met

    reader = zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True, closefd=False)
    return cast("IO[bytes]", reader)


_PACKED: dict[bytes, Callable[[Any], Any]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream, mode="rb"),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\x00": lzma.LZMAFile,
    b"\x28\xb5\x2f\xfd": _open_zstd,
}
