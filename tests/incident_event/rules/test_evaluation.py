"""The step from inputs to effects: readings wait for their time, and the end is as in order."""

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_event.rules.evaluation import (
    Budget,
    Input,
    Outcome,
    OverBudgetError,
    Readings,
    SeriesInput,
    Tick,
    step,
)
from incident_event.rules.kinds.threshold import Operator, Threshold
from incident_event.rules.lifecycle import NORMAL
from incident_event.rules.repository import StoredRule
from incident_event.rules.watch import FactoryWatch, Watched, WatchedSeries
from support.plant.in_order import fold

SECOND = 1_000_000
KEY = ("pump-1", "M")


def watch_of(on_delay_seconds: float = 0.0) -> tuple[FactoryWatch, Watched]:
    """Return a factory with one rule: above 10, with an hour's lateness."""
    names = (UUID(int=1), 1, "Too much", "threshold", *KEY, ">", 10.0, on_delay_seconds, 0.0, 3600.0, 3)
    rule = StoredRule(*names, "equipment", "pump-1", 0, 0, 0, *([None] * 8))
    watched = Watched.of(UUID(int=2), rule, first_seq=1)
    return FactoryWatch(1, 0, {KEY: WatchedSeries(*KEY, rules=[watched])}), watched


def run(watch: FactoryWatch, *inputs: Input, budget: Budget | None = None) -> Outcome:
    steps = step(watch, inputs, budget or Budget(soft=1e9))
    while True:
        try:
            next(steps)
        except StopIteration as done:
            outcome: Outcome = done.value
            return outcome


def readings(seq: int, accepted_at: int, *pairs: tuple[int, float]) -> Readings:
    times, values = [at * SECOND for at, _ in pairs], [value for _, value in pairs]
    return Readings(seq, accepted_at * SECOND, (SeriesInput(KEY, times, values),))


VALUES = st.sampled_from([1.0, 9.0, 11.0, 12.0])
Sent = list[tuple[int, bool, list[tuple[int, float]]]]
SENT = st.lists(
    st.tuples(
        st.integers(0, 5),  # seconds between two events
        st.booleans(),  # a tick, or readings
        st.lists(st.tuples(st.integers(-30, 30), VALUES), min_size=1, max_size=6),
    ),
    max_size=12,
)


def played(
    sent: Sent,
) -> tuple[list[Input], dict[int, float], int]:
    """Return the inputs, all readings (of a moment the first to come), and the last time."""
    now, inputs, every = 1000, list[Input](), dict[int, float]()
    for seq, (pause, is_tick, pairs) in enumerate(sent, start=1):
        now += pause
        if is_tick:
            inputs.append(Tick(now * SECOND))
            continue
        fresh = {now + ahead: value for ahead, value in pairs if now + ahead not in every}
        every |= fresh
        if fresh:
            inputs.append(readings(seq, now, *fresh.items()))
    return inputs, every, now


@given(sent=SENT, delay=st.sampled_from([0.0, 3.0]))
def test_the_present_is_what_the_readings_up_to_now_say_in_order(sent: Sent, delay: float) -> None:
    inputs, every, now = played(sent)
    kind = Threshold(Operator.ABOVE, 10.0, round(delay * SECOND))
    for end in (now, now + 30):
        watch, rule = watch_of(delay)
        run(watch, *inputs, Tick(end * SECOND))
        past = sorted((at * SECOND, value) for at, value in every.items() if at <= end)
        state, _ = fold(kind, NORMAL, [at for at, _ in past], [value for _, value in past])
        assert rule.window.current == state
        assert rule.evaluated == len(past)
        ahead = [at * SECOND for at in every if at > end]
        assert watch.due == min(ahead, default=None)


@given(sent=SENT)
def test_what_is_raised_lies_in_the_past_and_ends_in_the_past(sent: Sent) -> None:
    inputs, _, _ = played(sent)
    watch, _ = watch_of()
    for one in inputs:
        outcome = run(watch, one)
        for effect in outcome.effects:
            times = [episode.activated_at for episode in effect.findings.raised]
            times += [at for at in (effect.findings.ended_at,) if at is not None]
            assert max(times, default=0) <= watch.clock == effect.since


def test_time_does_not_go_back() -> None:
    watch, rule = watch_of()
    run(watch, readings(1, 100, (90, 11.0)), readings(2, 50, (95, 1.0), (101, 11.0)), Tick(60 * SECOND))
    assert (watch.clock, rule.evaluated, watch.due) == (100 * SECOND, 2, 101 * SECOND)


def test_of_two_readings_of_one_moment_the_first_to_come_stands() -> None:
    watch, rule = watch_of()
    run(watch, readings(1, 100, (110, 11.0)), readings(2, 111, (110, 1.0)))
    assert rule.window.current.activated_at == 110 * SECOND


def test_a_step_uses_the_first_input_however_long_it_takes_and_no_further_one_after_its_budget() -> None:
    watch, _ = watch_of()
    inputs = [readings(seq, 100, (seq, 1.0)) for seq in range(1, 4)]
    assert run(watch, *inputs, budget=Budget(soft=0.0)).used == 1
    assert run(watch, *inputs[1:]).used == 2


def test_a_budget_that_is_overspent_is_told() -> None:
    budget = Budget(hard=0.0)
    budget.resume()
    budget.pause()
    with pytest.raises(OverBudgetError, match="more than 0 s"):
        budget.check()
