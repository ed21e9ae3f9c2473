import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Annotated, Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field, TypeAdapter, ValidationError

from utils.errors import InvalidError
from utils.http import (
    AwareDatetime,
    Boolean,
    FiniteFloat,
    Integer,
    Page,
    RequestModel,
    Text,
)
from utils.http.cursors import decode_cursor, encode_cursor
from utils.http.fields import EARLIEST, LATEST

TIME = TypeAdapter[datetime](AwareDatetime)
UUID_7 = UUID("0190b3a0-6f2c-7cc0-8000-000000000000")


def accepts(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize("text", ["", "설비", "tab\tand\nline", "\x01", "😀"])
def test_text_is_whatever_postgresql_stores(text: str) -> None:
    assert accepts(Text, text)


@pytest.mark.parametrize("text", ["\x00", "a\x00b", "\ud800", 1, None, b"\xff"])
def test_text_is_nothing_else(text: object) -> None:
    assert not accepts(Text, text)


def test_text_can_be_narrowed_and_says_so_in_its_schema() -> None:
    name = Annotated[Text, Field(min_length=1, max_length=3)]
    assert accepts(name, "abc")
    assert not accepts(name, "abcd")
    assert not accepts(name, "\x00")
    assert TypeAdapter(name).json_schema() == {
        "type": "string",
        "minLength": 1,
        "maxLength": 3,
        "pattern": r"^[^\x00]*$",
    }


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        (Integer, [0, -(2**63), 2**63 - 1], [2**63, 1.5, "1", True, None]),
        (FiniteFloat, [0, 1.5, -0.0, 1e308, 5e-324], [math.nan, math.inf, 10**400, "1.5", True, None]),
        (Boolean, [True, False], [0, 1, "true", None]),
    ],
)
def test_numbers_and_booleans_are_taken_as_json_writes_them(
    kind: Any, good: list[object], bad: list[object]
) -> None:
    assert all(accepts(kind, value) for value in good)
    assert not any(accepts(kind, value) for value in bad)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-15T10:30:00Z", datetime(2026, 1, 15, 10, 30, tzinfo=UTC)),
        ("2026-01-15t10:30:00z", datetime(2026, 1, 15, 10, 30, tzinfo=UTC)),
        ("2026-01-15T19:30:00+09:00", datetime(2026, 1, 15, 10, 30, tzinfo=UTC)),
        ("2026-01-15T10:30:00.123456789Z", datetime(2026, 1, 15, 10, 30, 0, 123456, tzinfo=UTC)),
        ("2024-02-29T23:59:59.5-00:00", datetime(2024, 2, 29, 23, 59, 59, 500000, tzinfo=UTC)),
    ],
)
def test_a_time_is_rfc_3339_and_kept_in_utc(text: str, moment: datetime) -> None:
    parsed = TIME.validate_python(text)
    assert parsed == moment
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026-01-15T10:30:00",  # no zone: nobody knows when
        "2026-01-15",
        "2026-01-15 10:30:00Z",
        "2026-01-15T10:30Z",
        "2026-02-30T00:00:00Z",
        "2026-01-15T24:00:00Z",
        "2026-01-15T10:30:60Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-14:00",
        "\uff12\uff10\uff12\uff16-01-15T10:30:00Z",  # digits, but not RFC 3339's
        "1768473000",
        1768473000,
        datetime(2026, 1, 15),  # noqa: DTZ001 - naive on purpose
        None,
    ],
)
def test_a_time_is_nothing_else(text: object) -> None:
    assert not accepts(AwareDatetime, text)


@given(
    st.datetimes(
        min_value=EARLIEST.replace(tzinfo=None),
        max_value=LATEST.replace(tzinfo=None),
        timezones=st.just(UTC),
    ),
    st.integers(-14 * 60, 14 * 60),
)
def test_any_moment_survives_being_written_in_any_zone(moment: datetime, minutes: int) -> None:
    local = moment.astimezone(timezone(timedelta(minutes=minutes)))
    if local.year >= 1:
        assert TIME.validate_python(local.isoformat()) == moment


def test_a_request_with_a_field_nobody_knows_is_refused() -> None:
    class Body(RequestModel):
        name: Text

    with pytest.raises(ValidationError, match="extra_forbidden"):
        Body.model_validate({"name": "a", "nmae": "b"})


def test_the_last_page_says_so() -> None:
    assert Page[int](items=[1]).model_dump() == {"items": [1], "next_cursor": None}


parts = st.tuples(
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=100),
    st.integers(-(2**63) + 1, 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.datetimes(timezones=st.just(UTC)),
    st.uuids(),
)


@given(parts)
def test_a_cursor_gives_back_the_key_it_was_made_of(key: tuple[str, int, float, datetime, UUID]) -> None:
    cursor = encode_cursor(*key)
    assert cursor.replace("-", "").replace("_", "").isalnum()
    assert decode_cursor(cursor, str, int, float, datetime, UUID) == key


@given(st.text(max_size=80))
def test_a_cursor_somebody_made_up_is_an_invalid_field(cursor: str) -> None:
    with pytest.raises(InvalidError) as caught:
        decode_cursor(cursor, datetime, UUID)
    assert caught.value.errors[0]["field"] == "cursor"


@pytest.mark.parametrize(
    "key", [(UUID_7,), ("a", "b", "c"), (1, UUID_7), ("2026-01-15T10:30:00", UUID_7), (2**64, UUID_7)]
)
def test_the_cursor_of_another_list_is_an_invalid_field(key: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidError):
        decode_cursor(encode_cursor(*key), datetime, UUID)


def test_hostile_cursors_are_invalid_fields() -> None:
    for cursor in ("A" * 2000, "W10", "bnVsbA", "W251bGwsbnVsbF0", "WzFlOTk5LCJhIl0", "W05hTiwxXQ"):
        with pytest.raises(InvalidError):
            decode_cursor(cursor, float, UUID)
