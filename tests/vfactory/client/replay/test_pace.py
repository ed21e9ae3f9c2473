"""The pace of a replay: when rows are due, and where `--as-new` puts them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vfactory.client.replay.pace import SpeedError, read_speed, shift_to_now, tick
from vfactory.client.replay.reading import Span

NOW = datetime(2026, 11, 23, 12, 0, 0, 750_000, tzinfo=UTC)
FIRST = datetime(2020, 2, 8, 13, 30, 47, tzinfo=UTC)


def span(seconds: float) -> Span:
    return Span(FIRST, FIRST, FIRST + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("text", "speed"), [("1", 1.0), ("60x", 60.0), ("0.5", 0.5), ("max", None), ("MAX", None)]
)
def test_a_speed_is_a_factor_or_max(text: str, speed: float | None) -> None:
    assert read_speed(text) == speed


@pytest.mark.parametrize("text", ["0", "-1", "nan", "inf", "fast", ""])
def test_any_other_speed_is_refused(text: str) -> None:
    with pytest.raises(SpeedError, match="--speed"):
        read_speed(text)


def test_at_speed_one_a_new_recording_begins_now() -> None:
    assert FIRST + shift_to_now(span(1200), 1, NOW) == NOW


def test_at_full_speed_a_new_recording_ends_now() -> None:
    assert FIRST + timedelta(seconds=1200) + shift_to_now(span(1200), None, NOW) == NOW


@settings(deadline=None)  # what it says holds on a busy machine too
@given(
    seconds=st.integers(0, 10**7), speed=st.one_of(st.none(), st.floats(0.001, 1e6)), share=st.floats(0, 1)
)
def test_a_new_recording_never_runs_ahead_of_the_clock(
    seconds: int, speed: float | None, share: float
) -> None:
    recorded = timedelta(seconds=seconds * share)
    sent_at = NOW + (recorded / speed if speed else timedelta())

    assert FIRST + recorded + shift_to_now(span(seconds), speed, NOW) <= sent_at + timedelta(milliseconds=1)


def test_a_batch_covers_a_tenth_of_a_second_of_real_time() -> None:
    assert tick(1) == timedelta(seconds=0.1)
    assert tick(60) == timedelta(seconds=6)
    assert tick(None) is None
