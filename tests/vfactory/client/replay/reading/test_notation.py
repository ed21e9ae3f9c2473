# ruff: noqa: DTZ001 - times without a zone are what is read here
"""Times as people and programs write them."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vfactory.client.replay.reading import TimeError
from vfactory.client.replay.reading.notation import (
    Notation,
    find_order,
    is_clock,
    parse_time,
    suggest_formats,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-02-08 13:30:47", datetime(2020, 2, 8, 13, 30, 47)),
        ("2020-02-08T13:30:47.250", datetime(2020, 2, 8, 13, 30, 47, 250_000)),
        ("2020/2/8 13:30:47", datetime(2020, 2, 8, 13, 30, 47)),
        ("2020/02/08", datetime(2020, 2, 8)),
        ("2020-02-08T13:30:47Z", datetime(2020, 2, 8, 13, 30, 47, tzinfo=UTC)),
        ("2020-02-08T22:30:47+09:00", datetime(2020, 2, 8, 13, 30, 47, tzinfo=UTC)),
        ("1581168647", datetime(2020, 2, 8, 13, 30, 47, tzinfo=UTC)),
        ("1581168647.25", datetime(2020, 2, 8, 13, 30, 47, 250_000, tzinfo=UTC)),
        ("1581168647250", datetime(2020, 2, 8, 13, 30, 47, 250_000, tzinfo=UTC)),
        ("1581168647250001", datetime(2020, 2, 8, 13, 30, 47, 250_001, tzinfo=UTC)),
        ("1581168647250001999", datetime(2020, 2, 8, 13, 30, 47, 250_001, tzinfo=UTC)),
    ],
)
def test_a_time_is_read_in_every_usual_notation(text: str, expected: datetime) -> None:
    moment = parse_time(text)

    assert moment == expected
    assert (moment.tzinfo is None) == (expected.tzinfo is None)


@pytest.mark.parametrize("text", ["", "soon", "13:30", "2020-13-01", "08.02.2020 13:30", "0.5", "12345"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(TimeError):
        parse_time(text)


def test_a_notation_of_its_own_is_read_by_its_pattern() -> None:
    assert parse_time("08.02.2020 13:30", "%d.%m.%Y %H:%M") == datetime(2020, 2, 8, 13, 30)
    with pytest.raises(TimeError, match=r"%d\.%m\.%Y"):
        parse_time("2020-02-08", "%d.%m.%Y")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("202601151030", datetime(2026, 1, 15, 10, 30)),
        ("20260115103000", datetime(2026, 1, 15, 10, 30)),
        ("20260115103000.25", datetime(2026, 1, 15, 10, 30, 0, 250_000)),
        ("20260115103000123", datetime(2026, 1, 15, 10, 30, 0, 123_000)),
        ("2026011524", datetime(2026, 1, 16)),
        ("20260115", datetime(2026, 1, 15)),
        ("202601151030.0", datetime(2026, 1, 15, 10, 30)),
        ("20260115T1030", datetime(2026, 1, 15, 10, 30)),
        ("20260115 103000", datetime(2026, 1, 15, 10, 30)),
        ("2026. 1. 15. 오전 9:05", datetime(2026, 1, 15, 9, 5)),
        ("2026. 1. 15 오후 12:30:15", datetime(2026, 1, 15, 12, 30, 15)),
        ("2026년 1월 15일 오전 12시 5분", datetime(2026, 1, 15, 0, 5)),
        ("2026년 1월 15일 15시 30분 20초", datetime(2026, 1, 15, 15, 30, 20)),
        ("2026-01-15 (목) 10:30", datetime(2026, 1, 15, 10, 30)),
        ("2026-01-15 3:05 PM", datetime(2026, 1, 15, 15, 5)),
        ("2026-01-15 3:05\u202fp.m.", datetime(2026, 1, 15, 15, 5)),
        ("2026-01-15 3 pm", datetime(2026, 1, 15, 15)),
        ("2026-01-15 24:00", datetime(2026, 1, 16)),
        ("2016-12-31 23:59:60", datetime(2017, 1, 1)),
        ("2026-01-15 10:30:00,5", datetime(2026, 1, 15, 10, 30, 0, 500_000)),
        ("2026-01-15 10:30:00:123", datetime(2026, 1, 15, 10, 30, 0, 123_000)),
        ("2026-01-15 10.30.15", datetime(2026, 1, 15, 10, 30, 15)),
        ("15-Jan-2026 10:30", datetime(2026, 1, 15, 10, 30)),
        ("15 January 2026", datetime(2026, 1, 15)),
        ("Jan 15, 2026 10:30 AM", datetime(2026, 1, 15, 10, 30)),
        ("Thu, 15 Jan 2026 10:30:00 GMT", datetime(2026, 1, 15, 10, 30, tzinfo=UTC)),
        ("Thu Jan 15 2026 19:30:00 GMT+0900 (KST)", datetime(2026, 1, 15, 10, 30, tzinfo=UTC)),
        ("2026-01-15 19:30 KST", datetime(2026, 1, 15, 10, 30, tzinfo=UTC)),
        ("2026/1/15 19:30 +9", datetime(2026, 1, 15, 10, 30, tzinfo=UTC)),
    ],
)
def test_more_notations_are_read(text: str, expected: datetime) -> None:
    moment = parse_time(text)

    assert moment == expected
    assert (moment.tzinfo is None) == (expected.tzinfo is None)


@pytest.mark.parametrize(
    "text",
    [
        "16/12/2025",
        "26-01-15",
        "2026-01-15 13:30 PM",
        "2026-01-15 오전 9:05 AM",
        "2026-01-15 25:00",
        "2026-01-15 24:01",
        "2026-01-15 10:30 CST",
        "2026-02-30",
        "1.768E+09",
        "202613011030",
        "2026-01-15 10:30 +99:00",
        "15-Foo-2026",
    ],
)
def test_what_could_mean_two_things_or_none_is_refused(text: str) -> None:
    with pytest.raises(TimeError):
        parse_time(text)


def test_a_zone_of_letters_is_refused_by_its_name() -> None:
    with pytest.raises(TimeError, match="CST could be several: name it with --time-zone"):
        parse_time("2026-01-15 10:30:00 CST")


WRITERS: list[Callable[[datetime], str]] = [
    lambda at: f"{at:%Y-%m-%dT%H:%M:%S}",
    lambda at: f"{at:%Y/%m/%d %H:%M:%S}",
    lambda at: f"{at:%Y%m%d%H%M%S}",
    lambda at: f"{at:%d-%b-%Y %H:%M:%S}",
    lambda at: f"{at:%Y-%m-%d %I:%M:%S %p}",
    lambda at: f"{at:%Y-%m-%d} {'오전' if at.hour < 12 else '오후'} {at:%I:%M:%S}",
    lambda at: f"{at.year}. {at.month}. {at.day}. {at:%H:%M:%S}",
    lambda at: f"{at.year}년 {at.month}월 {at.day}일 {at.hour}시 {at.minute}분 {at.second}초",
]


@pytest.mark.parametrize("number", range(len(WRITERS)))
@given(st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1)))
def test_what_is_written_is_what_is_read(number: int, at: datetime) -> None:
    at = at.replace(microsecond=0)

    assert parse_time(WRITERS[number](at)) == at


@given(st.datetimes(datetime(1990, 1, 1), datetime(2099, 1, 1)), st.sampled_from("-/."))
def test_day_and_month_are_read_in_the_order_given_and_told_by_a_number_above_12(
    at: datetime, sign: str
) -> None:
    at = at.replace(second=0, microsecond=0)
    dmy, mdy = f"{at:%d{sign}%m{sign}%Y %H:%M}", f"{at:%m{sign}%d{sign}%Y %H:%M}"

    assert parse_time(dmy, order="dmy") == parse_time(mdy, order="mdy") == at
    assert (find_order(dmy), find_order(mdy)) == (("dmy", "mdy") if at.day > 12 else (None, None))
    assert f"%d{sign}%m{sign}%Y %H:%M" in suggest_formats(dmy)


def test_several_cells_make_one_time() -> None:
    at = datetime(2026, 1, 15, 9, 30)

    assert Notation().parse(["2026-01-15", " 9:30 "]) == at
    assert Notation().parse(["2026-01-15 00:00:00", "09:30"]) == at
    assert Notation(shape="numbers").parse(["2026-01-15", "9", "30.0"]) == at
    assert Notation(shape="numbers").parse(["2026-01-15", "24"]) == datetime(2026, 1, 16)
    assert Notation(shape="compact clock").parse(["2026-01-15", "930"]) == at
    assert Notation(shape="year month day").parse(["2026", "1", "15", "9", "30"]) == at
    assert Notation(shape="year month day").parse(["2026", "1", "15"]) == datetime(2026, 1, 15)
    assert Notation("%d.%m.%y %H.%M").parse(["15.01.26", "09.30"]) == at
    with pytest.raises(TimeError):
        Notation(shape="numbers").parse(["2026-01-15", "nine"])


def test_counted_times_begin_where_told() -> None:
    begin = datetime(2026, 1, 15, 10, 30)

    assert Notation(begin=begin).parse(["0.5"]) == begin + timedelta(seconds=0.5)
    assert Notation("milliseconds", begin=begin).parse(["500"]) == begin + timedelta(seconds=0.5)
    assert Notation(begin=begin).parse(["11:00"]) == datetime(2026, 1, 15, 11)
    assert Notation("excel").parse(["46037.4375"]) == datetime(2026, 1, 15, 10, 30)
    for text in ("nan", "inf", "soon"):
        with pytest.raises(TimeError):
            Notation("excel").parse([text])
    with pytest.raises(TimeError):
        Notation(begin=begin).parse(["soon"])


@pytest.mark.parametrize("text", ["17:24", "5:24 PM", "오후 5:24", "17:24:00.5", "10시", "18.00.00"])
def test_a_time_of_day_is_known_as_one(text: str) -> None:
    assert is_clock(text)


@pytest.mark.parametrize("text", ["1030", "10", "10.5", "2026-01-15", "pump", "", "12.00"])
def test_a_number_is_no_time_of_day(text: str) -> None:
    assert not is_clock(text)


@given(st.text(max_size=40), st.sampled_from([None, "dmy", "%d.%m.%Y %H:%M", "excel"]))
def test_no_text_is_more_than_a_time_or_an_error(text: str, how: str | None) -> None:
    notation = Notation(None, "dmy") if how == "dmy" else Notation(how)
    with suppress(TimeError, OverflowError):
        assert isinstance(notation.parse([text]), datetime)
