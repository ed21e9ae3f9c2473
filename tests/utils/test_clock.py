"""One clock: aware, UTC, and written the same way everywhere."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from utils.clock import LogClock, to_rfc3339, unix_milliseconds, utc_now

SEOUL = timezone(timedelta(hours=9))
moments = st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - hypothesis adds the zone


def test_now_is_aware_and_utc() -> None:
    assert utc_now().utcoffset() == timedelta(0)


def test_now_does_not_depend_on_the_machines_time_zone() -> None:
    code = "import utils.clock as c, time; print(c.utc_now().timestamp() - time.time(), c.LogClock().at(0))"
    environment = {**os.environ, "TZ": "Asia/Seoul"}
    printed = subprocess.check_output([sys.executable, "-c", code], env=environment, text=True).split()
    assert abs(float(printed[0])) < 10
    assert printed[1] == "1970-01-01T00:00:00.000000Z"


def test_the_clocks_agree() -> None:
    assert abs(unix_milliseconds() / 1000 - utc_now().timestamp()) < 10
    assert abs(datetime.fromisoformat(LogClock().now()) - utc_now()) < timedelta(seconds=10)


def test_rfc_3339_is_utc_with_a_z_whatever_the_zone() -> None:
    assert to_rfc3339(datetime(2026, 1, 15, 19, 30, tzinfo=SEOUL)) == "2026-01-15T10:30:00Z"
    assert to_rfc3339(datetime(2026, 1, 15, 10, 30, 0, 1, tzinfo=UTC)) == "2026-01-15T10:30:00.000001Z"


@given(moments)
def test_rfc_3339_reads_back_as_the_same_instant(moment: datetime) -> None:
    assert datetime.fromisoformat(to_rfc3339(moment)) == moment


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="naive"):
        to_rfc3339(datetime(2026, 1, 15))  # noqa: DTZ001 - that is the point


@given(st.lists(st.integers(min_value=0, max_value=7_000_000_000_000_000), min_size=1, max_size=20))
def test_a_log_clock_writes_any_sequence_of_instants_with_microseconds(sequence: list[int]) -> None:
    clock = LogClock()
    for microseconds in sequence:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
        expected = moment.strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"
        assert clock.at_microseconds(microseconds) == expected
