"""What a notification changes, given what is known of its group of alerts: pure.

An alert is told again and again, by several Alertmanagers, late, out of order, or never. So each time it
fired is remembered, from when to when, and only what was not known yet has an effect.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

LATE: Final = timedelta(minutes=2)
"""How long after a group's end what was said before it may arrive.

An Alertmanager waits 15 s for each before it in its cluster, and gives a notification up after a
group_interval.
"""
MAX_ACTIVITIES: Final = 1000
"""How many times alerts fired are remembered of one group."""


class GroupOutcome(StrEnum):
    """What a notification did."""

    OPENED = "opened"
    UPDATED = "updated"
    RESOLVED = "resolved"
    UNCHANGED = "unchanged"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Activity:
    """One time an alert fired; it still does while `ended_at` is None."""

    fingerprint: str
    started_at: datetime
    ended_at: datetime | None

    def is_same(self, other: "Activity") -> bool:
        """Whether both tell of one time: an alert cannot fire twice at once."""
        if self.fingerprint != other.fingerprint:
            return False
        return self.started_at == other.started_at or (
            (other.ended_at is None or self.started_at < other.ended_at)
            and (self.ended_at is None or other.started_at < self.ended_at)
        )


@dataclass(frozen=True, slots=True)
class Episode:
    """The last time a group fired, None before the first, and what is known of its alerts."""

    is_firing: bool
    occurred_at: datetime | None
    cleared_at: datetime | None
    activities: Sequence[Activity]
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Judgement:
    """What follows from a notification: the outcome, and the episode from now on.

    `started` alerts began to fire, so far as was not known. `past` is an episode nobody told of while it
    lasted: its incident is opened and resolved at once.
    """

    outcome: GroupOutcome
    episode: Episode
    started: int = 0
    past: Episode | None = None


def judge(known: Episode, told: Sequence[Activity], *, is_firing: bool, now: datetime) -> Judgement:
    """Say what a notification changes.

    Args:
        known: what is known of the group.
        told: the notification's alerts, at least one.
        is_firing: whether the group fires, so the notification; alerts left out of it may.
        now: when it arrived.
    """
    news = [one for one in told if _is_news(one, known.activities)]
    if is_firing:
        return _judge_firing(known, told, news, now)
    return _judge_resolved(known, news, now)


def _is_news(one: Activity, known: Iterable[Activity]) -> bool:
    """Whether nothing is known of this time, or only that it had not ended yet."""
    same = [activity for activity in known if activity.is_same(one)]
    return not same or (one.ended_at is not None and any(activity.ended_at is None for activity in same))


def end_forgotten(known: Episode, since: datetime, now: datetime) -> Episode:
    """Return the episode of a group that fires, over since nobody lists its alerts any more."""
    start = known.occurred_at or since
    end = max(start, since)
    ended = [replace(one, ended_at=one.ended_at or max(one.started_at, end)) for one in known.activities]
    return _ended(start, end, ended, now)


def begin_untold(known: Episode, firing: Sequence[Activity], now: datetime) -> Episode:
    """Return the episode of a group that fires now, whatever is known of its former ones."""
    activities, _ = _remember(known.activities, firing)
    return _begun(min(now, *(one.started_at for one in firing)), activities, now)


def _judge_firing(
    known: Episode, told: Sequence[Activity], news: Sequence[Activity], now: datetime
) -> Judgement:
    if known.is_firing:
        if not news:
            return Judgement(GroupOutcome.UNCHANGED, known)
        return _update(known, news, now)
    firing = [one for one in told if one.ended_at is None]
    is_again = any(one.ended_at is None for one in news)
    if not is_again and known.occurred_at is not None and now - known.changed_at <= LATE:
        return Judgement(GroupOutcome.UNCHANGED, known)  # said before the end that is known already
    begun = firing or told
    activities, _ = _remember(known.activities, firing or news)
    occurred_at = min(now, *(one.started_at for one in begun))
    return Judgement(GroupOutcome.OPENED, _begun(occurred_at, activities, now), started=len(begun))


def _judge_resolved(known: Episode, news: Sequence[Activity], now: datetime) -> Judgement:
    if not news:
        return Judgement(GroupOutcome.UNCHANGED, known)
    activities, started = _remember(known.activities, news)
    remembered = replace(known, activities=activities)
    start = min(now, *(one.started_at for one in news))
    end = max(start, min(now, max(one.ended_at or now for one in news)))  # nothing ends in our future
    ends_known = started < len(news)
    if known.is_firing and known.occurred_at is not None and (ends_known or end > known.occurred_at):
        if any(one.ended_at is None and one.started_at > end for one in activities):
            return _update(known, news, now)  # said before another alert began, of which we know already
        ended = [replace(one, ended_at=one.ended_at or end) for one in activities]
        episode = _ended(known.occurred_at, end, ended, now)
        return Judgement(GroupOutcome.RESOLVED, episode, started=started)
    if _covers(known, start, end):
        return Judgement(GroupOutcome.UNCHANGED, remembered)
    past = _ended(start, end, activities, now)
    is_newest = not known.is_firing and (known.cleared_at is None or known.cleared_at < end)
    return Judgement(GroupOutcome.RESOLVED, past if is_newest else remembered, started=started, past=past)


def _update(known: Episode, news: Sequence[Activity], now: datetime) -> Judgement:
    activities, started = _remember(known.activities, news)
    episode = replace(known, activities=activities, changed_at=now)
    return Judgement(GroupOutcome.UPDATED, episode, started=started)


def _begun(start: datetime, activities: Sequence[Activity], now: datetime) -> Episode:
    return Episode(is_firing=True, occurred_at=start, cleared_at=None, activities=activities, changed_at=now)


def _ended(start: datetime, end: datetime, activities: Sequence[Activity], now: datetime) -> Episode:
    return Episode(is_firing=False, occurred_at=start, cleared_at=end, activities=activities, changed_at=now)


def _covers(known: Episode, start: datetime, end: datetime) -> bool:
    """Whether an episode that is over lasted all that time: what was not told of it then is part of it."""
    if known.occurred_at is None or known.cleared_at is None:
        return False
    return known.occurred_at <= start and end <= known.cleared_at


def _remember(known: Sequence[Activity], news: Sequence[Activity]) -> tuple[Sequence[Activity], int]:
    """Add what is new, the oldest forgotten first where it is too much, and count what began."""
    kept, started = list(known), 0
    for one in news:
        open_ = [index for index, other in enumerate(kept) if other.ended_at is None and other.is_same(one)]
        for index in open_:
            kept[index] = replace(kept[index], ended_at=one.ended_at)
        if not open_:
            kept.append(one)
            started += 1
    kept.sort(key=lambda one: (one.ended_at is None, one.ended_at or one.started_at))
    return tuple(kept[-MAX_ACTIVITIES:]), started
