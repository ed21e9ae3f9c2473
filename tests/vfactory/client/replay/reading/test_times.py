# ruff: noqa: DTZ001 - times without a zone are what is read here
"""Times of recordings: notations, zones, and clocks that jump."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfactory.client.replay.reading import TimeError
from vfactory.client.replay.reading.times import TimeReader
from vfactory.client.time_zones import read_zone


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


BERLIN = read_zone("Europe/Berlin")
BEFORE = datetime(2025, 10, 25, 20, tzinfo=UTC)
"""Some hours before clocks went back in Berlin, at 01:00 UTC."""


@pytest.mark.parametrize("minutes", [1, 7, 10, 15, 20, 30, 45, 55, 60])
@pytest.mark.parametrize("offset", [0, 5, 59])
@pytest.mark.parametrize("newest_first", [False, True])
def test_a_series_over_the_repeated_hour_comes_back_as_it_was(
    minutes: int, offset: int, *, newest_first: bool
) -> None:
    series = [BEFORE + timedelta(minutes=offset + minutes * n) for n in range(12 * 60 // minutes)]
    written = [at.astimezone(BERLIN).replace(tzinfo=None).isoformat() for at in series]
    if newest_first:
        series, written = series[::-1], written[::-1]
    reader = TimeReader(BERLIN, newest_first=newest_first)

    assert [reader.read(text) for text in written] == series


def test_series_that_alternate_are_told_apart_each_by_its_own_order() -> None:
    reader = TimeReader(BERLIN)
    clocks = ["01:00", "02:00", "02:00", "03:00"]
    read = [reader.read(f"2025-10-26 {clock}", series=name) for clock in clocks for name in "ab"]

    assert read[::2] == read[1::2]
    assert [b - a for a, b in pairwise(read[::2])] == [timedelta(hours=1)] * 3


def test_a_row_that_comes_twice_in_the_repeated_hour_stays_where_it_is() -> None:
    reader = TimeReader(BERLIN)
    minutes = [reader.read(f"2025-10-26 02:0{m}") for m in (0, 1, 2, 2, 3)]

    assert [b - a for a, b in pairwise(minutes)] == [timedelta(minutes=m) for m in (1, 1, 0, 1)]
