"""The fold of a threshold over readings in the order of their times."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_event.rules.kinds.threshold import Operator, Threshold
from incident_event.rules.lifecycle import NORMAL, Condition, ConditionState, Episode
from support.plant.in_order import fold

SECOND = 1_000_000


def episodes(threshold: Threshold, *readings: tuple[int, float]) -> list[tuple[int, int | None]]:
    _, found = fold(threshold, NORMAL, [at * SECOND for at, _ in readings], [value for _, value in readings])
    return [
        (one.activated_at // SECOND, None if one.cleared_at is None else one.cleared_at // SECOND)
        for one in found
    ]


def above(limit: float, *, delay: float = 0, deadband: float = 0) -> Threshold:
    return Threshold(Operator.ABOVE, limit, round(delay * SECOND), deadband)


@pytest.mark.parametrize(("value", "fires"), [(0.4, False), (0.5, False), (0.6, True)])
def test_above_is_strict(value: float, *, fires: bool) -> None:
    assert bool(episodes(above(0.5), (1, value))) is fires


@pytest.mark.parametrize(("value", "fires"), [(0.4, True), (0.5, False), (0.6, False)])
def test_below_is_strict(value: float, *, fires: bool) -> None:
    assert bool(episodes(Threshold(Operator.BELOW, 0.5), (1, value))) is fires


def test_without_a_delay_the_first_reading_beyond_activates_and_the_first_that_is_not_clears() -> None:
    assert episodes(above(1), (1, 2.0), (2, 2.0), (3, 1.0), (4, 2.0)) == [(1, 3), (4, None)]


def test_the_delay_runs_from_the_first_reading_beyond_to_one_at_or_after_its_end() -> None:
    assert episodes(above(1, delay=5), (0, 2.0), (4, 2.0), (5, 2.0)) == [(5, None)]
    assert episodes(above(1, delay=5), (0, 2.0), (4, 2.0), (9, 2.0)) == [(9, None)]


def test_one_reading_that_is_not_beyond_starts_the_delay_over() -> None:
    assert episodes(above(1, delay=5), (0, 2.0), (4, 1.0), (5, 2.0), (9, 2.0)) == []
    assert episodes(above(1, delay=5), (0, 2.0), (4, 1.0), (5, 2.0), (10, 2.0)) == [(10, None)]


def test_a_reading_at_the_end_of_the_delay_that_is_not_beyond_does_not_activate() -> None:
    assert episodes(above(1, delay=5), (0, 2.0), (5, 1.0)) == []


def test_the_deadband_holds_an_active_condition_only() -> None:
    rule = above(10, deadband=2)
    assert episodes(rule, (0, 11.0), (1, 9.0), (2, 8.1), (3, 8.0)) == [(0, 3)]
    assert episodes(above(10, delay=5, deadband=2), (0, 11.0), (1, 9.0), (5, 11.0)) == []


def test_below_the_deadband_lies_above_the_limit() -> None:
    rule = Threshold(Operator.BELOW, 10, deadband=2)
    assert episodes(rule, (0, 9.0), (1, 11.9), (2, 12.0)) == [(0, 2)]


def test_the_state_says_normal_pending_active() -> None:
    rule = above(1, delay=5)
    state, _ = fold(rule, NORMAL, [0], [1.0])
    assert state.condition is Condition.NORMAL
    state, _ = fold(rule, state, [1], [2.0])
    assert state.condition is Condition.PENDING
    state, _ = fold(rule, state, [5 * SECOND + 1], [2.0])
    assert (state.condition, state.activated_at) == (Condition.ACTIVE, 5 * SECOND + 1)


def test_an_episode_that_was_open_comes_first_without_its_value() -> None:
    state, found = fold(above(1), ConditionState(3, 3), [5, 7], [1.0, 4.0])
    assert found == [Episode(3, None, 5), Episode(7, 4.0)]
    assert state == ConditionState(7, 7)


def test_no_readings_change_nothing() -> None:
    assert fold(above(1), NORMAL, [], []) == (NORMAL, [])


readings = st.lists(st.tuples(st.integers(1, 5), st.sampled_from([0.0, 8.0, 9.0, 11.0])), max_size=60)
thresholds = st.builds(
    Threshold,
    st.sampled_from(Operator),
    st.just(10.0),
    st.integers(0, 8),
    st.sampled_from([0.0, 1.0, 2.0]),
)


def slow_fold(threshold: Threshold, times: list[int], values: list[float]) -> list[tuple[int, int | None]]:
    """The specification's words, one reading at a time."""
    found: list[tuple[int, int | None]] = []
    start: int | None = None
    active = False
    above_limit = threshold.operator is Operator.ABOVE
    for at, value in zip(times, values, strict=True):
        beyond = value > threshold.limit if above_limit else value < threshold.limit
        back = (
            value <= threshold.limit - threshold.deadband
            if above_limit
            else value >= threshold.limit + threshold.deadband
        )
        if active:
            if back:
                found[-1] = (found[-1][0], at)
                active, start = False, None
        elif not beyond:
            start = None
        else:
            start = at if start is None else start
            if at >= start + threshold.on_delay:
                active = True
                found.append((at, None))
    return found


@given(thresholds, readings, st.integers(0, 60))
def test_folding_in_two_pieces_gives_what_folding_at_once_gives(
    threshold: Threshold, steps: list[tuple[int, float]], cut: int
) -> None:
    times = [sum(step for step, _ in steps[: index + 1]) for index in range(len(steps))]
    values = [value for _, value in steps]
    at_once, found = fold(threshold, NORMAL, times, values)
    half, _ = fold(threshold, NORMAL, times[:cut], values[:cut])
    in_pieces, _ = fold(threshold, half, times[cut:], values[cut:])
    assert in_pieces == at_once
    assert [(one.activated_at, one.cleared_at) for one in found] == slow_fold(threshold, times, values)
