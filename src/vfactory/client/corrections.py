"""Reads corrections of readings from a CSV file, and sends them."""

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from itertools import islice
from pathlib import Path
from typing import Final, TextIO

from plant_client import Json, PlantClient
from utils.ids import normalize_name
from vfactory.client.errors import UsageError
from vfactory.client.references import in_path

COLUMNS: Final = ("source", "metric", "at", "value", "quality", "reason")
_REQUIRED: Final = ("source", "metric", "at", "value", "reason")
_AT_ONCE: Final = 200


@dataclass(frozen=True, slots=True)
class Correction:
    """One correction, and the line of the file it is from (0 without a file)."""

    line: int
    body: Mapping[str, object]


def make_correction(given: Mapping[str, str | None], zone: tzinfo, *, line: int = 0) -> Correction:
    """Return the correction of what was given under the names of `COLUMNS`.

    A time without an offset is in `zone`.

    Raises:
        UsageError: Something is missing or wrong.
    """
    where = f"line {line}: " if line else ""
    for name in _REQUIRED:
        if not (given.get(name) or "").strip():
            raise UsageError(f"{where}{name} is missing")
    body: dict[str, object] = {name: given[name] for name in ("source", "metric", "reason")}
    body["at"] = read_instant(str(given["at"]), zone, where=where)
    body["value"] = _read_value(str(given["value"]), where)
    quality = (given.get("quality") or "").strip()
    if quality:
        body["quality"] = quality
    return Correction(line, body)


def read_instant(text: str, zone: tzinfo, *, where: str = "") -> str:
    """Return a time as the API takes it; without an offset it is in `zone`.

    Raises:
        UsageError: It is no time, or one that comes twice or never in the zone, because clocks change.
    """
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError as error:
        message = f"{where}{text!r} is not a time; write it as 2026-01-15T10:30:00Z"
        raise UsageError(message) from error
    try:
        if at.tzinfo is None:
            first, second = (at.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
            if first.utcoffset() != second.utcoffset():
                raise UsageError(f"{where}{text!r} comes twice or never in {zone}; end it with its offset")
            at = first
        return at.astimezone(UTC).isoformat()
    except OverflowError as error:
        raise UsageError(f"{where}{text!r} lies outside the years 1 to 9999") from error


def read_corrections(path: Path, defaults: Mapping[str, str | None], zone: tzinfo) -> list[Correction]:
    """Return all corrections of a file; `defaults` stand where it has no such column, or an empty cell.

    A time without an offset is in `zone`.

    Raises:
        UsageError: The file cannot be read, or one of its lines is wrong; nothing has been sent.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            corrections = list(_read_lines(file, defaults, zone))
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path} is not a CSV file in UTF-8: {error}") from error
    if not corrections:
        raise UsageError(f"{path} holds no corrections")
    first: dict[tuple[object, ...], int] = {}
    for one in corrections:
        name = tuple(normalize_name(str(one.body[part])) for part in ("source", "metric", "at"))
        if first.setdefault(name, one.line) != one.line:
            raise UsageError(f"line {one.line}: the reading has a correction in line {first[name]} already")
    return corrections


def _read_lines(file: TextIO, defaults: Mapping[str, str | None], zone: tzinfo) -> Iterator[Correction]:
    rows = csv.reader(file, strict=True)
    header = [name.strip().casefold() for name in next(rows, [])]
    unknown = [name for name in header if name not in COLUMNS]
    if unknown or len(set(header)) < len(header) or "at" not in header:
        raise UsageError(
            f"the first line must name the columns, each once, out of {', '.join(COLUMNS)}; "
            f"it is {', '.join(header)!r}"
        )
    for row in rows:
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(header):
            raise UsageError(f"line {rows.line_num}: has {len(row)} cells; the first line has {len(header)}")
        given = {name: cell for name, cell in zip(header, row, strict=True) if cell.strip()}
        yield make_correction({**defaults, **given}, zone, line=rows.line_num)


def _read_value(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise UsageError(f"{where}value must be a number with a decimal point; {text!r} is not") from error
    if not math.isfinite(value):
        raise UsageError(f"{where}value must be a finite number; {text!r} is not")
    return value


def send_corrections(client: PlantClient, factory: Json, corrections: Sequence[Correction]) -> list[Json]:
    """Send corrections and return the plant's result for each, in their order.

    What was sent before a failure stays corrected; the same command again changes nothing about it.
    """
    path = f"/v1/factories/{in_path(factory['id'])}/readings/corrections"
    results: list[Json] = []
    remaining = iter(corrections)
    while chunk := list(islice(remaining, _AT_ONCE)):
        answer = client.post("factory-core", path, {"corrections": [one.body for one in chunk]})
        results += answer["results"]
    return results
