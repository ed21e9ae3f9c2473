# ruff: noqa: DTZ001 - times without a zone are what is read here
"""Times of recordings: notations, zones, and clocks that jump."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfactory.client.replay.reading import TimeError
from vfactory.client.replay.reading.notation import parse_time
from vfactory.client.replay.reading.times import TimeReader
from vfactory.client.time_zones import ZoneError, read_zone


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


def test_a_time_without_an_offset_is_taken_in_the_zone_given() -> None:
    reader = TimeReader(read_zone("Asia/Seoul"))

    assert reader.read("2020-02-08 22:30:47") == datetime(2020, 2, 8, 13, 30, 47, tzinfo=UTC)
    assert reader.naive == 1


def test_a_time_with_an_offset_ignores_the_zone_given() -> None:
    reader = TimeReader(read_zone("Asia/Seoul"))

    assert reader.read("2020-02-08T13:30:47Z") == datetime(2020, 2, 8, 13, 30, 47, tzinfo=UTC)
    assert reader.naive == 0


def test_an_hour_that_came_twice_is_told_apart_by_the_order_of_the_rows() -> None:
    reader = TimeReader(read_zone("Europe/Berlin"))
    minutes = [
        reader.read(f"2020-10-25 {clock}") for clock in ("01:30", "02:00", "02:30", "02:00", "02:30", "03:00")
    ]

    assert [b - a for a, b in pairwise(minutes)] == [timedelta(minutes=30)] * 5
    assert reader.repeated_hour == 4


def test_an_hour_that_never_was_is_refused() -> None:
    reader = TimeReader(read_zone("Europe/Berlin"))

    assert reader.read("2020-03-29 01:59:59") == datetime(2020, 3, 29, 0, 59, 59, tzinfo=UTC)
    with pytest.raises(TimeError, match="never was"):
        reader.read("2020-03-29 02:30:00")
    assert reader.read("2020-03-29 03:00:00") == datetime(2020, 3, 29, 1, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "hours"), [("UTC", 0.0), ("utc", 0.0), ("+09:00", 9.0), ("-0330", -3.5), ("Asia/Seoul", 9.0)]
)
def test_a_zone_has_a_name_or_an_offset(name: str, hours: float) -> None:
    moment = datetime(2020, 2, 8, tzinfo=read_zone(name))

    assert moment.utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "+25:00", "KST+9"])
def test_a_zone_nobody_knows_is_refused(name: str) -> None:
    with pytest.raises(ZoneError):
        read_zone(name)


@settings(deadline=None)  # what it says holds on a busy machine too
@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    reader = TimeReader(read_zone("Europe/Berlin"))

    with suppress(TimeError):
        assert reader.read(text).tzinfo is UTC


@settings(deadline=None)  # what it says holds on a busy machine too
@given(st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)))
def test_an_instant_written_in_local_time_comes_back(instant: datetime) -> None:
    zone = read_zone("Asia/Seoul")
    aware = instant.replace(tzinfo=UTC)

    assert TimeReader(zone).read(aware.astimezone(zone).replace(tzinfo=None).isoformat()) == aware
