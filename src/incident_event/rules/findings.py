"""What one batch of readings changes for one rule: episodes that begin, end, or began earlier."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from incident_event.rules.lifecycle import Episode

MAX_RAISED = 10
"""How many episodes of one rule and batch are reported one by one; the rest is counted in the last."""


@dataclass(frozen=True, slots=True)
class Moved:
    """A known episode turned out to have begun earlier, with this value."""

    previously: int
    activated_at: int
    value: float | None = field(default=None, compare=False)


@dataclass(slots=True)
class BatchFindings:
    """What one batch changed for one rule.

    Args:
        evaluated: how many of its readings were evaluated.
        late: how many came later than the bound.
        ended_at: when the episode that was open before has ended.
        raised: episodes that were not known, in the order of their times, `MAX_RAISED` at most: of more, the
            first ones and the very last.
        times: how many episodes the last one of `raised` counts for, itself included.
        moved: episodes that began earlier than was known.
    """

    evaluated: int = 0
    late: int = 0
    ended_at: int | None = None
    raised: list[Episode] = field(default_factory=list)
    times: int = 1
    moved: list[Moved] = field(default_factory=list)

    @property
    def has_effects(self) -> bool:
        """Whether an incident changes."""
        return bool(self.raised or self.moved) or self.ended_at is not None


def compare(known: list[Episode], found: list[Episode], findings: BatchFindings) -> None:
    """Account for every found episode by at most one known one; what is left over is new.

    Both lists are in the order of their times, and no two episodes of one list overlap.
    """
    is_used = [False] * len(known)
    raised: list[Episode] = []
    for episode, place in _matched(known, found, is_used):
        if place is None:
            raised.append(episode)
            continue
        before = known[place]
        if episode.activated_at < before.activated_at:
            findings.moved.append(Moved(before.activated_at, episode.activated_at, episode.value))
        if before.cleared_at is None and episode.cleared_at is not None:
            findings.ended_at = episode.cleared_at
    if known and not is_used[-1] and known[-1].cleared_at is None:
        # Late readings showed that it had not lasted: what was raised stands, but nothing holds any more.
        findings.ended_at = known[-1].activated_at
    if len(raised) > MAX_RAISED:
        findings.times = len(raised) - MAX_RAISED + 1
        raised[MAX_RAISED - 1 : -1] = []
    findings.raised = raised


def _matched(
    known: list[Episode], found: list[Episode], is_used: list[bool]
) -> Iterator[tuple[Episode, int | None]]:
    """Yield each found episode with the index of the known one that begins with it, else overlaps it."""
    by_start = {episode.activated_at: place for place, episode in enumerate(known)}
    first = 0
    for episode in found:
        while first < len(known) and (is_used[first] or known[first].ends_before(episode)):
            first += 1
        place = by_start.get(episode.activated_at)
        if place is None or is_used[place]:
            place = next((one for one in range(first, len(known)) if not is_used[one]), None)
        if place is not None and known[place].overlaps(episode):
            is_used[place] = True
            yield episode, place
        else:
            yield episode, None
