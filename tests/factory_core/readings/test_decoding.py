import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from factory_core.readings.batch import SentBatch
from factory_core.readings.lifecycle import MAX_AHEAD, QUALITIES, Code, Flaw, Reading, parse_reading
from factory_core.readings.schemas import decode_batch
from utils.errors import InvalidError

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
GOOD = {"source": "press-1", "metric": "force", "at": "2026-01-15T10:30:00Z", "value": 1.5}


def decode(readings: Any, batch_id: Any = "b") -> SentBatch:
    return decode_batch(json.dumps({"batch_id": batch_id, "readings": readings}).encode(), NOW)


def changed(**fields: Any) -> dict[str, Any]:
    return {**GOOD, **fields}


def without(field: str) -> dict[str, Any]:
    return {name: value for name, value in GOOD.items() if name != field}


@pytest.mark.parametrize(
    ("item", "field", "code"),
    [
        (17, None, Code.NOT_AN_OBJECT),
        (None, None, Code.NOT_AN_OBJECT),
        ([GOOD], None, Code.NOT_AN_OBJECT),
        (changed(unit="kN"), "unit", Code.UNKNOWN_FIELD),
        (changed(**{"\ud800": 1}), "\\ud800", Code.UNKNOWN_FIELD),
        *[(without(name), name, Code.MISSING_FIELD) for name in GOOD],
        (changed(source=7), "source", Code.WRONG_TYPE),
        (changed(metric=None), "metric", Code.WRONG_TYPE),
        (changed(metric=""), "metric", Code.INVALID_TEXT),
        (changed(metric="m" * 101), "metric", Code.INVALID_TEXT),
        (changed(at=1768473000), "at", Code.WRONG_TYPE),
        (changed(at="yesterday"), "at", Code.INVALID_TIME),
        (changed(at="2026-02-30T00:00:00Z"), "at", Code.INVALID_TIME),
        (changed(at="\ud800"), "at", Code.INVALID_TIME),
        (changed(at="2026-01-15T10:30:00"), "at", Code.NAIVE_TIME),
        (changed(at="2026-01-15T12:05:00.000001Z"), "at", Code.TIME_IN_FUTURE),
        (changed(at="9999-12-31T23:59:59-23:59"), "at", Code.TIME_IN_FUTURE),
        (changed(at="0001-01-01T00:00:00+23:59"), "at", Code.TIME_TOO_OLD),
        (changed(value="1.5"), "value", Code.WRONG_TYPE),
        (changed(value=True), "value", Code.WRONG_TYPE),
        (changed(value=None), "value", Code.WRONG_TYPE),
        (changed(value=[1.5]), "value", Code.WRONG_TYPE),
        (changed(value=float("nan")), "value", Code.NOT_FINITE),
        (changed(value=float("inf")), "value", Code.NOT_FINITE),
        (changed(value=float("-inf")), "value", Code.NOT_FINITE),
        (changed(value=10**400), "value", Code.NOT_FINITE),
        (changed(value=10**4000), "value", Code.NOT_FINITE),
        (changed(quality="excellent"), "quality", Code.UNKNOWN_QUALITY),
        (changed(quality=None), "quality", Code.UNKNOWN_QUALITY),
        (changed(quality=["good"]), "quality", Code.UNKNOWN_QUALITY),
    ],
)
def test_a_flawed_item_comes_back_by_index_and_its_neighbours_are_kept(
    item: Any, field: str | None, code: Code
) -> None:
    batch = decode([changed(value=1), item, changed(value=2)])
    assert [reading.value for reading in batch.readings] == [1, 2]
    assert list(batch.places) == [0, 2]
    [rejection] = batch.rejected
    assert (rejection.index, rejection.field, rejection.code) == (1, field, code)
    json.dumps(rejection.detail).encode()


def test_numbers_beyond_a_double_are_refused_as_tokens_too() -> None:
    raw = '{"batch_id":"b","readings":[%s]}'
    item = '{"source":"s","metric":"m","at":"2026-01-15T10:30:00Z","value":%s}'
    tokens = ["1e400", "-1e400", "NaN", "Infinity", "-Infinity", "1" + "0" * 5000, "7"]
    batch = decode_batch((raw % ",".join(item % token for token in tokens)).encode(), NOW)
    assert [reading.value for reading in batch.readings] == [7]
    assert {rejection.code for rejection in batch.rejected} == {Code.NOT_FINITE}
    assert [rejection.index for rejection in batch.rejected] == [0, 1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, {"batch_id", "readings"}),
        ({"batch_id": "b"}, {"readings"}),
        ({"readings": [GOOD]}, {"batch_id"}),
        ({"batch_id": "", "readings": [GOOD]}, {"batch_id"}),
        ({"batch_id": "a b", "readings": [GOOD]}, {"batch_id"}),
        ({"batch_id": "b\n", "readings": [GOOD]}, {"batch_id"}),
        ({"batch_id": "x" * 101, "readings": [GOOD]}, {"batch_id"}),
        ({"batch_id": "\ud800", "readings": [GOOD]}, {"batch_id"}),
        ({"batch_id": 7, "readings": [GOOD]}, {"batch_id"}),
        ({"batch_id": "b", "readings": None}, {"readings"}),
        ({"batch_id": "b", "readings": GOOD}, {"readings"}),
        ({"batch_id": "b", "readings": []}, {"readings"}),
        ({"batch_id": "b", "readings": [GOOD] * 10_001}, {"readings"}),
        ({"batch_id": "b", "readings": [17] * 10_001}, {"readings"}),
        ({"batch_id": "b", "readings": [GOOD], "unit": "kN"}, {"unit"}),
        ([], {"body"}),
        ("b", {"body"}),
        (None, {"body"}),
    ],
)
def test_a_malformed_envelope_is_refused_by_the_name_of_its_field(body: Any, fields: set[str]) -> None:
    with pytest.raises(InvalidError) as refused:
        decode_batch(json.dumps(body).encode(), NOW)
    assert {error["field"] for error in refused.value.errors} == fields


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"batch_id":"b","readings":[]} x',
        b"\xff",
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        json.dumps({"batch_id": "b", "readings": [GOOD]}).encode("utf-16"),
    ],
)
def test_what_is_no_json_in_utf_8_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidError) as refused:
        decode_batch(body, NOW)
    assert refused.value.errors[0]["field"] == "body"


def test_the_largest_batch_is_accepted() -> None:
    assert len(decode([GOOD] * 10_000).readings) == 10_000


@pytest.mark.parametrize("flawed", [[], [17]])
@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-01-15T19:30:00.123456+09:00", datetime(2026, 1, 15, 10, 30, 0, 123456, UTC)),
        ("2026-01-15t10:30:00z", datetime(2026, 1, 15, 10, 30, tzinfo=UTC)),
        ("2026-01-15T12:05:00Z", NOW + MAX_AHEAD),
        ("1897-01-01T00:00:00.000001-23:59", datetime(1897, 1, 1, 23, 59, 0, 1, UTC)),
        ("0001-01-02T00:00:00Z", datetime(1, 1, 2, tzinfo=UTC)),
    ],
)
def test_times_of_any_offset_and_age_are_kept_to_the_microsecond(
    text: str, at: datetime, flawed: list[Any]
) -> None:
    batch = decode([changed(at=text), *flawed])
    assert [reading.at for reading in batch.readings] == [at]


TIMES = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001 - hypothesis adds the zone
    max_value=datetime(2026, 1, 14),  # noqa: DTZ001
    timezones=st.integers(-1439, 1439).map(lambda minutes: UTC if minutes == 0 else _zone(minutes)),
)


def _zone(minutes: int) -> Any:
    return datetime.strptime(
        f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02}", "%z"
    ).tzinfo


ITEMS = st.fixed_dictionaries(
    {
        "source": st.text(st.characters(exclude_categories=["Cs"])),
        "metric": st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=100),
        "at": TIMES.map(datetime.isoformat),
        "value": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**70), 2**70),
    },
    optional={"quality": st.sampled_from(QUALITIES)},
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
BROKEN = st.builds(
    lambda item, field, value: {**item, field: value},
    ITEMS,
    st.sampled_from([*Reading.__struct_fields__, "unit"]),
    JSON,
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ITEMS, min_size=1, max_size=5))
def test_both_ways_of_decoding_agree_on_good_readings(items: list[dict[str, Any]]) -> None:
    quick = decode(items)
    slow = decode([*items, 17])
    assert quick.rejected == []
    assert slow.readings == quick.readings
    assert list(quick.places) == list(slow.places)


@settings(max_examples=300, deadline=None)
@given(st.lists(ITEMS | BROKEN | JSON, min_size=1, max_size=5))
def test_every_item_is_either_kept_or_refused_whatever_it_is(items: list[Any]) -> None:
    batch = decode(items)
    places = [*batch.places, *(rejection.index for rejection in batch.rejected)]
    assert sorted(places) == list(range(len(items)))
    assert [rejection.index for rejection in batch.rejected] == sorted(r.index for r in batch.rejected)
    for reading in batch.readings:
        assert reading.at.tzinfo is not None
        assert reading.at <= NOW + MAX_AHEAD
        assert abs(reading.value) < float("inf")
        assert 1 <= len(reading.metric) <= 100


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_no_body_whatsoever_breaks_the_decoder(body: bytes) -> None:
    with pytest.raises(InvalidError) as refused:
        decode_batch(body, NOW)
    assert refused.value.errors


def test_a_reading_and_its_flaw_are_the_only_outcomes() -> None:
    assert isinstance(parse_reading(GOOD), Reading)
    assert isinstance(parse_reading(changed(at=str(NOW + timedelta(days=1)))), Reading)
    assert isinstance(parse_reading({}), Flaw)
