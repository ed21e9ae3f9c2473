"""What notifications change, judged without a database: named cases, and properties of any order."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from incident_event.alertmanager.lifecycle import (
    LATE,
    MAX_ACTIVITIES,
    Activity,
    Episode,
    GroupOutcome,
    Judgement,
    judge,
)
from support.monitoring.alertmanager_payload import START

NOW = START + timedelta(hours=1)
UNKNOWN = Episode(is_firing=False, occurred_at=None, cleared_at=None, activities=(), changed_at=START)


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def alert(name: str, since: float, until: float | None = None) -> Activity:
    return Activity(name, at(since), None if until is None else at(until))


def tell(known: Episode, *told: Activity, now: datetime = NOW, is_firing: bool | None = None) -> Judgement:
    fires = any(one.ended_at is None for one in told)
    return judge(known, told, is_firing=fires if is_firing is None else is_firing, now=now)


def after(*notifications: Sequence[Activity]) -> Episode:
    known = UNKNOWN
    for told in notifications:
        known = tell(known, *told).episode
    return known


def test_one_alert_that_goes_on_is_known_by_its_name_whatever_its_beginning_is_said_to_be() -> None:
    known = after([alert("a", 1)])
    assert tell(known, alert("a", 1.01)).outcome is GroupOutcome.UNCHANGED
    assert tell(known, alert("a", 0.99)).outcome is GroupOutcome.UNCHANGED
    ended = tell(known, alert("a", 0.99, 5))
    assert (ended.outcome, ended.episode.occurred_at, ended.episode.cleared_at) == (
        GroupOutcome.RESOLVED,
        at(1),
        at(5),
    )


def test_an_alert_that_lasts_no_time_ends_its_own_incident() -> None:
    judgement = tell(after([alert("a", 1)]), alert("a", 1, 1))
    assert (judgement.outcome, judgement.past) == (GroupOutcome.RESOLVED, None)


def test_the_end_of_an_earlier_time_does_not_end_this_one() -> None:
    known = after([alert("a", 1)], [alert("a", 1, 5)], [alert("a", 6)])
    assert tell(known, alert("a", 1, 5)) == Judgement(GroupOutcome.UNCHANGED, known)


def test_an_earlier_time_nobody_told_of_is_recorded_beside_the_one_that_lasts() -> None:
    known = after([alert("a", 6)])
    judgement = tell(known, alert("a", 1, 5))
    assert judgement.past is not None
    assert (judgement.past.occurred_at, judgement.past.cleared_at) == (at(1), at(5))
    assert judgement.episode.is_firing
    assert tell(judgement.episode, alert("a", 1, 5)).outcome is GroupOutcome.UNCHANGED
    assert tell(judgement.episode, alert("a", 6, 7)).past is None


def test_an_alert_that_fired_only_while_the_group_did_belongs_to_that_time() -> None:
    known = after([alert("a", 1)], [alert("a", 1, 9)])
    assert tell(known, alert("b", 2, 8)).outcome is GroupOutcome.UNCHANGED
    assert tell(known, alert("b", 2, 10)).past is not None


def test_a_time_nobody_told_of_covers_what_is_told_of_it_later() -> None:
    known = after([alert("a", 1, 9)])
    assert tell(known, alert("b", 2, 8)).outcome is GroupOutcome.UNCHANGED


def test_the_end_of_a_group_is_that_of_all_its_alerts_also_of_those_left_out_then() -> None:
    known = after([alert("a", 1), alert("b", 2)], [alert("a", 1, 9)])
    assert not known.is_firing
    assert tell(known, alert("b", 10)).outcome is GroupOutcome.OPENED


def test_an_end_that_was_overtaken_by_another_alert_ends_its_own_alert_only() -> None:
    judgement = tell(after([alert("a", 1)], [alert("b", 10)]), alert("a", 1, 9))
    assert (judgement.outcome, judgement.episode.is_firing) == (GroupOutcome.UPDATED, True)
    assert tell(judgement.episode, alert("b", 10, 12)).outcome is GroupOutcome.RESOLVED


def test_another_alert_that_began_a_moment_before_the_groups_end_is_not_lost() -> None:
    known = after([alert("a", 1)], [alert("a", 1, 5)])
    assert tell(known, alert("b", 4.99)).outcome is GroupOutcome.OPENED


@pytest.mark.parametrize(
    ("waited", "outcome"), [(LATE, GroupOutcome.UNCHANGED), (2 * LATE, GroupOutcome.OPENED)]
)
def test_what_is_said_to_fire_long_after_its_end_does_fire(waited: timedelta, outcome: GroupOutcome) -> None:
    judgement = tell(after([alert("a", 1)], [alert("a", 1, 5)]), alert("a", 1), now=NOW + waited)
    assert judgement.outcome is outcome
    if outcome is GroupOutcome.OPENED:
        assert (
            tell(judgement.episode, alert("a", 1, 90), now=NOW + 2 * waited).outcome is GroupOutcome.RESOLVED
        )


def test_a_group_fires_although_all_its_firing_alerts_were_left_out() -> None:
    judgement = tell(UNKNOWN, alert("a", 1, 5), is_firing=True)
    assert (judgement.outcome, judgement.episode.occurred_at) == (GroupOutcome.OPENED, at(1))
    assert tell(judgement.episode, alert("b", 2, 9)).outcome is GroupOutcome.RESOLVED


def test_of_very_many_the_oldest_that_ended_are_forgotten_first() -> None:
    many = [alert(str(number), 1, 5 + number / 1e6) for number in range(MAX_ACTIVITIES)]
    known = after([alert("first", 1)], [alert("first", 1, 3)], [alert("fires", 4)], many)
    assert len(known.activities) == MAX_ACTIVITIES
    names = {one.fingerprint for one in known.activities}
    assert "first" not in names
    assert {"fires", str(MAX_ACTIVITIES - 1)} < names


Times = st.lists(st.tuples(st.integers(1, 4), st.integers(1, 4)), min_size=1, max_size=4)


@given(times=Times, data=st.data())
def test_told_in_order_and_repeated_in_any_way_each_time_is_one_incident(
    times: list[tuple[int, int]], data: st.DataObject
) -> None:
    """One alert fires now and then; after each notification any of those before may come once more."""
    known, opened, said, clock = UNKNOWN, 0, [], 0
    for gap, length in times:
        begin, end = clock + gap, clock + gap + length
        clock = end
        for news in (alert("a", begin), alert("a", begin, end)):
            said.append(news)
            repeats = data.draw(st.lists(st.sampled_from(said), max_size=4))
            for one in (news, *repeats):
                judgement = tell(known, one)
                known = judgement.episode
                opened += judgement.outcome is GroupOutcome.OPENED
                assert judgement.past is None
                assert one is news or judgement.outcome is GroupOutcome.UNCHANGED
            assert known.is_firing == (news.ended_at is None)
    assert opened == len(times)


@given(order=st.permutations([alert("a", 1), alert("a", 1, 5), alert("b", 2), alert("b", 2, 4)] * 2))
def test_two_overlapping_alerts_in_any_order_leave_nothing_open_for_ever(order: list[Activity]) -> None:
    known = UNKNOWN
    for one in order:
        known = tell(known, one).episode
    settled = tell(known, alert("a", 1, 5), alert("b", 2, 4)).episode
    assert not settled.is_firing
