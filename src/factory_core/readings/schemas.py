"""The bodies of requests and answers about readings; batches are decoded by msgspec, for speed."""

import hashlib
import json
import re
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from pydantic import BaseModel, Field

from contracts.factory_core import Quality
from factory_core.readings.batch import MAX_CONFLICTS_TOLD, SentBatch
from factory_core.readings.lifecycle import (
    EARLIEST,
    MAX_AHEAD,
    MAX_READINGS,
    PASSING,
    QUALITIES,
    Code,
    Flaw,
    Reading,
    find_time_flaw,
    parse_reading,
    reject,
)
from utils.errors import FieldError, InvalidError

BATCH_ID_PATTERN: Final = r"^[A-Za-z0-9._:-]{1,100}\Z"
_EXAMPLE: Final = {
    "batch_id": "press-1.2026-01-15T10:30",
    "readings": [{"source": "press-1", "metric": "temperature", "at": "2026-01-15T10:30:00Z", "value": 71.5}],
}
_MOST_DIGITS: Final = 400  # more than any integer within a double's range has


class RejectedReading(BaseModel):
    """A reading that was refused: its place in the batch from 0, the wrong field (null: all of it), why."""

    index: Annotated[int, Field(description="Its place in the batch, from 0")]
    field: Annotated[str | None, Field(description="The wrong field; null for all of it")]
    code: Code
    detail: Annotated[str, Field(description="What is allowed")]


class ConflictingReading(BaseModel):
    """A reading that differs from what is kept under its source, metric and time; what is kept stands."""

    index: Annotated[int, Field(description="Its place in the batch, from 0")]
    source: Annotated[str, Field(description="The equipment's tag")]
    metric: Annotated[str, Field(description="What is measured")]
    at: Annotated[datetime, Field(description="When, in UTC to the microsecond")]
    kept_value: Annotated[float, Field(description="The value that stands")]
    kept_quality: Annotated[Quality, Field(description="The quality that stands")]
    sent_value: Annotated[float, Field(description="The value that was sent, and not kept")]
    sent_quality: Annotated[Quality, Field(description="The quality that was sent, and not kept")]


class ReadingConflicts(BaseModel):
    """The readings of a batch that differ, in value or quality, from what is kept under their names."""

    count: Annotated[int, Field(description="How many there are")]
    first: Annotated[
        list[ConflictingReading],
        Field(description=f"The first {MAX_CONFLICTS_TOLD} of them, by their place"),
    ]


class IngestAnswer(BaseModel):
    """What became of a batch; the four kinds together are all readings that were sent."""

    batch_id: Annotated[str, Field(description="As it was sent")]
    accepted: Annotated[int, Field(description="How many are kept now and were not before")]
    duplicates: Annotated[
        int, Field(description="How many were kept already: the same source, metric, time, value and quality")
    ]
    conflicts: ReadingConflicts
    rejected: Annotated[
        list[RejectedReading],
        Field(
            description="Those with a flaw, by their place. Sent again in the same batch, they may be kept "
            f"if the code is one of {', '.join(sorted(PASSING))}, and never otherwise"
        ),
    ]


class ReadingRead(BaseModel):
    """A reading."""

    source: Annotated[str, Field(description="The equipment's tag")]
    metric: Annotated[str, Field(description="What is measured")]
    at: Annotated[datetime, Field(description="When, in UTC to the microsecond")]
    value: Annotated[float, Field(description="In the sender's unit")]
    quality: Annotated[Quality, Field(description="A bad one is not evaluated")]


class ReadingBatch(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A batch of readings, each of them one value of one metric of one piece of equipment."""

    batch_id: Annotated[
        str,
        msgspec.Meta(
            pattern=BATCH_ID_PATTERN,
            description="The sender's own name for the batch, unique in the factory for ever",
        ),
    ]
    readings: Annotated[
        list[Reading],
        msgspec.Meta(min_length=1, max_length=MAX_READINGS, description="In any order"),
    ]


def _describe_batch() -> dict[str, Any]:
    _, made = msgspec.json.schema_components([ReadingBatch])
    batch: dict[str, Any] = made["ReadingBatch"]
    reading = made["Reading"]
    batch["properties"]["batch_id"]["pattern"] = BATCH_ID_PATTERN.replace(r"\Z", "$")  # JSON Schema's end
    batch["properties"]["readings"]["items"] = reading  # in place of a reference
    reading["properties"]["quality"]["enum"] = list(QUALITIES)  # best first; msgspec sorts them
    return batch | {"examples": [_EXAMPLE]}


BATCH_SCHEMA: Final = _describe_batch()
"""The body of a batch, for the API's document; an item that breaks it is refused alone, by its index."""

_decoder = msgspec.json.Decoder(ReadingBatch)


def decode_batch(body: bytes, now: datetime) -> SentBatch:
    """Decode and check one batch at the time `now`.

    A body without a flaw is decoded in one go. Any flaw sends it through the slower way, which finds each
    one and keeps the good readings.

    Raises:
        InvalidError: the envelope is malformed; it names every wrong field of it.
    """
    digest = hashlib.sha256(body).digest()
    try:
        envelope = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        batch = _decode_item_by_item(body, digest)
    else:
        readings = envelope.readings
        batch = SentBatch(envelope.batch_id, digest, readings, range(len(readings)), [])
    return without_impossible_times(batch, now)


def _decode_item_by_item(body: bytes, digest: bytes) -> SentBatch:
    batch_id, items = _parse_envelope(body)
    batch = SentBatch(batch_id, digest, [], [], [])
    places: list[int] = []
    for index, item in enumerate(items):
        parsed = parse_reading(item)
        if isinstance(parsed, Flaw):
            batch.rejected.append(reject(index, parsed))
        else:
            batch.readings.append(parsed)
            places.append(index)
    batch.places = places
    return batch


def without_impossible_times(batch: SentBatch, now: datetime) -> SentBatch:
    """Refuse the readings whose time is too old, or too far ahead of `now`."""
    times = [reading.at for reading in batch.readings]
    if not times or (max(times) <= now + MAX_AHEAD and min(times) >= EARLIEST):
        return batch
    return batch.without([find_time_flaw(at, now) for at in times])


def _parse_envelope(body: bytes) -> tuple[str, list[Any]]:
    """Read the envelope with Python's own parser, which takes NaN, Infinity and lone surrogates as well."""
    try:
        document = json.loads(body.decode(), parse_int=parse_integer)
    except (ValueError, RecursionError) as error:
        raise InvalidError.of("body", f"is not JSON: {_first_line(error)}") from error
    if not isinstance(document, dict):
        raise InvalidError.of("body", "must be an object with batch_id and readings")
    check_envelope(document)
    return document["batch_id"], document["readings"]


def check_envelope(document: dict[str, Any]) -> None:
    """Check the fields of an envelope.

    Raises:
        InvalidError: some are wrong; it names each one.
    """
    errors = _find_envelope_errors(document)
    if errors:
        raise InvalidError("; ".join(f"{one['field']}: {one['detail']}" for one in errors), errors=errors)


def parse_integer(digits: str) -> int | float:
    """Read an integer of any length: what no double holds becomes an infinity, which is refused later."""
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)


def _first_line(error: Exception) -> str:
    return "too deeply nested" if isinstance(error, RecursionError) else str(error).splitlines()[0][:200]


def _find_envelope_errors(document: dict[str, Any]) -> list[FieldError]:
    errors = [
        _error(name, "is not a known field; allowed: batch_id, readings")
        for name in document.keys() - _FIELDS
    ]
    for name, check in _FIELDS.items():
        problem = check(document[name]) if name in document else "is required"
        if problem:
            errors.append(_error(name, problem))
    return errors[:20]


def _check_batch_id(value: Any) -> str | None:
    if isinstance(value, str) and re.match(BATCH_ID_PATTERN, value):
        return None
    return "must be a string of 1 to 100 characters out of A-Z a-z 0-9 . _ : -"


def _check_readings(value: Any) -> str | None:
    if not isinstance(value, list):
        return "must be a list of readings"
    if not 1 <= len(value) <= MAX_READINGS:
        return f"must hold 1 to {MAX_READINGS} readings; it holds {len(value)}"
    return None


_FIELDS: Final = {"batch_id": _check_batch_id, "readings": _check_readings}


def _error(name: str, detail: str) -> FieldError:
    return {"field": name[:100].encode("utf-8", "backslashreplace").decode(), "detail": detail}
