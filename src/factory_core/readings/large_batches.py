"""Decodes batches: small ones at once, large ones piece by piece, so that other requests come between."""

import asyncio
import hashlib
import json
import re
from collections.abc import Generator, Iterable
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec

from factory_core.readings.batch import SentBatch
from factory_core.readings.lifecycle import MAX_READINGS, Code, Flaw, Reading, parse_reading, reject
from factory_core.readings.schemas import (
    BATCH_ID_PATTERN,
    check_envelope,
    decode_batch,
    parse_integer,
    without_impossible_times,
)
from utils.errors import InvalidError
from utils.lifecycle import spread

WHOLE_BYTES: Final = 128 * 1024
"""A batch up to this length is decoded at once: whatever its numbers, in less than 50 ms."""

MAX_ITEM_CHARACTERS: Final = 64 * 1024
MAX_ENVELOPE_FIELDS: Final = 100
_MOST_SEPARATORS: Final = 6 * MAX_READINGS  # five members of each reading, and room for texts with commas
_FIRST_LOOK: Final = 1024

_Parsed = tuple[str, list[Reading | Flaw]]
_SPACE: Final = re.compile(r"[ \t\n\r]*")
_scan: Final = json.JSONDecoder(parse_int=parse_integer).raw_decode


class _SplitBatch(msgspec.Struct, forbid_unknown_fields=True):
    batch_id: Annotated[str, msgspec.Meta(pattern=BATCH_ID_PATTERN)]
    readings: Annotated[list[msgspec.Raw], msgspec.Meta(min_length=1, max_length=MAX_READINGS)]


_split: Final = msgspec.json.Decoder(_SplitBatch).decode
_decode_reading: Final = msgspec.json.Decoder(Reading).decode


class BatchDecoder:
    """Decodes the batches of one process; of the large ones, one after the other."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def decode(self, body: bytes, now: datetime) -> SentBatch:
        """Decode and check one batch at the time `now`.

        Raises:
            InvalidError: the envelope is malformed.
        """
        if len(body) <= WHOLE_BYTES:
            return decode_batch(body, now)
        async with self._turn:
            return await spread(decode_in_steps(body, now))


def decode_in_steps(body: bytes, now: datetime) -> Generator[None, None, SentBatch]:
    """Decode a batch as `decode_batch` does, and yield after each piece of a few milliseconds.

    Raises:
        InvalidError: the envelope is malformed, or one of its values is longer than a reading can be.
    """
    digest = hashlib.sha256(body).digest()
    yield
    batch_id, parsed = yield from _parse(body)
    batch = SentBatch(batch_id, digest, [], [], [])
    places: list[int] = []
    for index, one in enumerate(parsed):
        if isinstance(one, Flaw):
            batch.rejected.append(reject(index, one))
        else:
            batch.readings.append(one)
            places.append(index)
    batch.places = places
    yield
    return without_impossible_times(batch, now)


def _parse(body: bytes) -> Generator[None, None, _Parsed]:
    if body.count(b",") <= _MOST_SEPARATORS:
        try:
            envelope = _split(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            pass  # a flaw of the envelope, or what only Python's parser takes, such as NaN
        else:
            return envelope.batch_id, (yield from _parse_items(envelope.readings))
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        raise InvalidError.of("body", f"is not JSON: {error}"[:200]) from error
    yield
    return (yield from _Text(text).parse())


def _parse_items(items: Iterable[msgspec.Raw]) -> Generator[None, None, list[Reading | Flaw]]:
    parsed: list[Reading | Flaw] = []
    for item in items:
        try:
            parsed.append(_decode_reading(item))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            parsed.append(_parse_flawed(bytes(item)))
        yield
    return parsed


def _parse_flawed(item: bytes) -> Reading | Flaw:
    if len(item) > MAX_ITEM_CHARACTERS:
        return Flaw(None, Code.INVALID_TEXT, f"must have at most {MAX_ITEM_CHARACTERS} characters")
    try:
        return parse_reading(json.loads(item.decode(), parse_int=parse_integer))
    except (ValueError, RecursionError) as error:
        raise _no_json(error, 0) from error


class _Text:
    """Reads an envelope with Python's own parser, one value after the other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0

    def parse(self) -> Generator[None, None, _Parsed]:
        """Parse the envelope, and yield after each value.

        Raises:
            InvalidError: it is malformed.
        """
        if not self._take("{"):
            raise InvalidError.of("body", "must be an object with batch_id and readings")
        document: dict[str, Any] = {}
        more = not self._take("}")
        while more:
            name = self._value("body")
            if not isinstance(name, str) or not self._take(":"):
                raise self._malformed("expected a name and a colon")
            if name == "readings" and self._take("["):
                document[name] = yield from self._items()
            else:
                document[name] = self._value(name)
            if len(document) > MAX_ENVELOPE_FIELDS:
                raise InvalidError.of("body", "holds unknown fields; allowed: batch_id, readings")
            more = self._goes_on("}")
            yield
        if self._next() < len(self._text):
            raise self._malformed("expected the end")
        check_envelope(document)
        return document["batch_id"], document["readings"]

    def _items(self) -> Generator[None, None, list[Reading | Flaw]]:
        parsed: list[Reading | Flaw] = []
        more = not self._take("]")
        while more:
            if len(parsed) == MAX_READINGS:
                raise InvalidError.of("readings", f"must hold 1 to {MAX_READINGS} readings; it holds more")
            parsed.append(parse_reading(self._value(f"readings[{len(parsed)}]")))
            more = self._goes_on("]")
            yield
        return parsed

    def _value(self, name: str) -> Any:
        """Read the next value, looking no further than a reading may reach."""
        start = self._next()
        for most in (_FIRST_LOOK, MAX_ITEM_CHARACTERS):
            piece = self._text[start : start + most]
            is_rest = start + most >= len(self._text)
            try:
                value, end = _scan(piece)
            except (ValueError, RecursionError) as error:
                failure = _no_json(error, start)
                is_cut = not is_rest and _may_be_cut(error, piece)
            else:
                if is_rest or end < len(piece):
                    self._place = start + end
                    return value
                is_cut = True
            if not is_cut:
                raise failure
        detail = f"must have at most {MAX_ITEM_CHARACTERS} characters"
        raise InvalidError.of(name[:100].encode("utf-8", "backslashreplace").decode(), detail)

    def _goes_on(self, closing: str) -> bool:
        """Take a comma, after which another value follows, or the closing bracket."""
        if self._take(","):
            return True
        if self._take(closing):
            return False
        raise self._malformed(f"expected a comma or {closing}")

    def _take(self, character: str) -> bool:
        place = self._next()
        if self._text.startswith(character, place):
            self._place = place + 1
            return True
        return False

    def _next(self) -> int:
        match = _SPACE.match(self._text, self._place)
        self._place = match.end() if match else self._place
        return self._place

    def _malformed(self, reason: str) -> InvalidError:
        return InvalidError.of("body", f"is not JSON: {reason} at character {self._place}")


def _may_be_cut(error: Exception, piece: str) -> bool:
    """Return whether the parser may have failed only because the piece ends within the value."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return error.pos >= len(piece) - _LONGEST_TOKEN or error.msg.startswith("Unterminated string")


_LONGEST_TOKEN: Final = 12  # a surrogate pair as two escapes


def _no_json(error: Exception, start: int) -> InvalidError:
    if isinstance(error, json.JSONDecodeError):
        reason = f"{error.msg} at character {start + error.pos}"
    else:
        reason = "too deeply nested" if isinstance(error, RecursionError) else str(error)[:200]
    return InvalidError.of("body", f"is not JSON: {reason}")
