"""Large batches are decoded in pieces, with the same outcome as small ones that are decoded at once."""

import json
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_core.readings.batch import SentBatch
from factory_core.readings.large_batches import (
    MAX_ITEM_CHARACTERS,
    WHOLE_BYTES,
    BatchDecoder,
    decode_in_steps,
)
from factory_core.readings.lifecycle import MAX_READINGS, Code
from factory_core.readings.schemas import decode_batch
from utils.errors import InvalidError

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
GOOD = {"source": "s", "metric": "m", "at": "2026-01-15T10:30:00Z", "value": 1.5}
MIB = 1024 * 1024


def finish(steps: Generator[None, None, SentBatch]) -> tuple[SentBatch, int]:
    """Return the outcome, and how many times other requests could come between."""
    pauses = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, pauses
        pauses += 1


def decoded(body: bytes) -> SentBatch | set[str]:
    """Return the outcome in steps: a batch, or the names of the fields that are wrong."""
    try:
        return finish(decode_in_steps(body, NOW))[0]
    except InvalidError as error:
        return {one["field"] for one in error.errors}


def at_once(body: bytes) -> SentBatch | set[str]:
    try:
        return decode_batch(body, NOW)
    except InvalidError as error:
        return {one["field"] for one in error.errors}


def same(one: SentBatch | set[str], other: SentBatch | set[str]) -> bool:
    if isinstance(one, set) or isinstance(other, set):
        return one == other
    return (one.batch_id, one.digest, one.readings, list(one.places), one.rejected) == (
        other.batch_id,
        other.digest,
        other.readings,
        list(other.places),
        other.rejected,
    )


ITEMS = st.sampled_from(
    [
        json.dumps(GOOD),
        json.dumps({**GOOD, "quality": "bad"}),
        json.dumps({**GOOD, "at": "2027-01-15T10:30:00Z"}),
        json.dumps({**GOOD, "value": None}),
        '{"source":"s","metric":"m","at":"2026-01-15T10:30:00Z","value":NaN}',
        '{"source":"s","metric":"\\ud800","at":"2026-01-15T10:30:00Z","value":1e400}',
        '{"source":"펌프","metric":"온도 😀","at":"2026-01-15T10:30:00Z","value":' + "9" * 500 + "}",
        "17",
        "-0.5e-7",
        "null",
        "[[],{}]",
        '"text, with [brackets} and \\" quotes"',
        "{}",
        "[1,",
        "tru",
        "01",
        '"\\x"',
    ]
)
SPACE = st.text(" \t\n\r", max_size=2)
FIELDS = st.sampled_from(
    ['"batch_id":"b"', '"batch_id":7', '"unit":{"a":[1]}', '"readings":{}', '"readings":[]', "1:2", '"x"']
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    items = draw(st.lists(ITEMS, max_size=6))
    space = draw(SPACE)
    readings = f'"readings"{space}:{space}[{space}' + f"{space},{space}".join(items) + f"{space}]"
    fields = draw(st.permutations(['"batch_id":"b"', readings, *draw(st.lists(FIELDS, max_size=1))]))
    return (space + "{" + f"{space},".join(fields) + "}" + draw(st.sampled_from(["", " ", "x"]))).encode()


@settings(max_examples=500, deadline=None)
@given(bodies() | st.binary(max_size=100))
def test_in_pieces_comes_to_the_same_as_at_once(body: bytes) -> None:
    assert same(decoded(body), at_once(body))


@settings(max_examples=200, deadline=None)
@given(bodies(), st.integers(min_value=0))
def test_a_body_cut_anywhere_is_refused_alike(body: bytes, place: int) -> None:
    cut = body[: place % (len(body) + 1)]
    assert same(decoded(cut), at_once(cut))


def envelope(items: str) -> bytes:
    return f'{{"batch_id":"b","readings":[{items}]}}'.encode()


@pytest.mark.parametrize("first", [GOOD, {**GOOD, "value": float("nan")}])
def test_every_reading_is_a_piece_of_its_own(first: dict[str, Any]) -> None:
    body = envelope(",".join(json.dumps(one) for one in [first, *[GOOD] * (MAX_READINGS - 1)]))
    batch, pauses = finish(decode_in_steps(body, NOW))
    assert len(batch.readings) + len(batch.rejected) == MAX_READINGS
    assert pauses >= MAX_READINGS


HOSTILE = {
    "lists": envelope("[]," * MIB + "[]"),
    "objects": envelope('{"":0},' * (MIB // 2) + "{}"),
    "numbers": envelope("0," * (2 * MIB) + "0"),
    "long floats": envelope("1.2345678901234567e-300," * (MIB // 6) + "0"),
    "members": ("{" + ",".join(f'"{number:x}":0' for number in range(MIB // 4)) + "}").encode(),
    "members of a reading": envelope("{" + ",".join(f'"{n:x}":0' for n in range(MIB // 4)) + "}"),
    "a list in a reading": envelope('{"value":[' + "[]," * MIB + "0]}"),
    "the same member": envelope("{" + '"value":1.2345678901234567e-300,' * (MIB // 10) + '"value":1}'),
    "depth": envelope("[" * MIB),
    "digits": envelope("1" * (4 * MIB - 100)),
    "a text": envelope('"' + "x" * (4 * MIB - 100) + '"'),
    "an open text": envelope('"' + "x" * (4 * MIB - 100)),
    "escapes": envelope('"' + "\\u0041" * (MIB // 2) + '"'),
    "space": b'{"batch_id":' + b" " * (4 * MIB - 100) + b'"b"}',
    "no object": b"[" + b"0," * MIB + b"0]",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_body_that_costs_more_than_it_is_worth_is_refused(name: str) -> None:
    body = HOSTILE[name]
    assert len(body) > WHOLE_BYTES
    outcome = decoded(body)
    if isinstance(outcome, SentBatch):
        [rejection] = outcome.rejected
        assert (outcome.readings, rejection.code) == ([], Code.INVALID_TEXT)
        assert str(MAX_ITEM_CHARACTERS) in rejection.detail
    else:
        assert outcome


async def test_the_decoder_takes_small_and_large_ones() -> None:
    decoder = BatchDecoder()
    for count in (1, MAX_READINGS):
        batch = await decoder.decode(envelope(",".join([json.dumps(GOOD)] * count)), NOW)
        assert len(batch.readings) == count
