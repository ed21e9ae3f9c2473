"""What a replica must have replayed, so that no read is older than the bound."""

import math

from hypothesis import given
from hypothesis import strategies as st

from utils.database.replica.wal_history import KEPT_SECONDS, WalHistory


def history(*asked: tuple[float, int], max_lag: float = 2) -> WalHistory:
    made = WalHistory(max_lag)
    for at, position in asked:
        made.record(at, position)
    return made


def test_nothing_is_known_before_the_primary_has_answered() -> None:
    assert history().required(5) is None
    assert math.isnan(history().lag(5, 100))


def test_the_earliest_position_within_the_bound_is_enough() -> None:
    asked = history((0, 10), (1, 20), (2, 30), (3, 40))
    assert asked.required(3) == 20
    assert asked.required(3.5) == 30
    assert asked.required(5) == 40


def test_a_primary_that_was_not_asked_within_the_bound_leaves_nothing_to_compare_with() -> None:
    assert history((0, 10)).required(2.1) is None


def test_time_stands_still_while_the_primary_is_away() -> None:
    asked = history((0, 10), (1, 20), (2, 30), (3, 40))
    asked.lose()
    assert asked.required(1_000) == 20
    assert asked.lag(1_000, 20) == 2
    asked.record(1_001, 50)
    assert asked.required(1_001) == 50


def test_a_primary_that_is_away_from_the_beginning_is_not_known() -> None:
    asked = history()
    asked.lose()
    assert asked.required(1) is None


def test_another_primary_with_a_shorter_log_begins_anew() -> None:
    asked = history((0, 10), (1, 90))
    asked.record(1.5, 40)
    assert asked.required(1.5) == 40


def test_the_lag_is_the_age_of_what_the_replica_has() -> None:
    asked = history((0, 10), (1, 20), (2, 30), (3, 30))
    assert asked.lag(3.2, 30) == 0
    assert asked.lag(3.2, 25) == 3.2 - 1
    assert asked.lag(3.2, 20) == 3.2 - 1
    assert asked.lag(3.2, 5) == 3.2


def test_what_is_old_is_forgotten_and_a_longer_bound_remembers_longer() -> None:
    asked = history(*((float(second), second) for second in range(2_000)))
    assert asked.lag(1_999, 0) == KEPT_SECONDS
    patient = history(*((float(second), second) for second in range(2_000)), max_lag=1_000)
    assert patient.required(1_999) == 999


@given(
    st.lists(st.tuples(st.floats(0.01, 3), st.integers(0, 50)), min_size=1, max_size=40),
    st.floats(0.1, 5),
    st.floats(0, 3),
)
def test_no_commit_older_than_the_bound_lies_after_what_is_required(
    steps: list[tuple[float, int]], max_lag: float, since: float
) -> None:
    asked, now, position = WalHistory(max_lag), 0.0, 0
    commits = []
    for pause, written in steps:
        now += pause
        position += written
        commits.append((now, position))  # acknowledged at `now`: all of it lies before the end of the log
        asked.record(now, position)
    required = asked.required(now + since)
    if required is not None:
        old = [end for at, end in commits if at < now + since - max_lag]
        assert required >= max(old, default=0)
