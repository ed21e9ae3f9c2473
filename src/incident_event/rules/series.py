"""The readings of one series, ordered once for all rules that watch it. Times are microseconds since 1970."""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from incident_event.rules.lifecycle import Times, Values

BLOCK_READINGS = 64
"""A late reading makes each rule evaluate one block again, so blocks are short."""


class Block:
    """Consecutive readings, with what lets a rule pass all of them at a glance.

    `low` and `high` are the least and the greatest value; `oldest_seq` is the least number of an event that
    brought one of them.
    """

    __slots__ = ("high", "low", "oldest_seq", "seqs", "times", "values")

    def __init__(self, times: Times, values: Values, seqs: Sequence[int]) -> None:
        self.times = array("q", times)
        self.values = array("d", values)
        self.seqs = array("q", seqs)
        self.low, self.high, self.oldest_seq = min(values), max(values), min(seqs)

    def __len__(self) -> int:
        return len(self.times)

    def visible(self, floor: int | None, first_seq: int) -> "Block | None":
        """Return the readings at or after `floor` that event `first_seq` or a later one brought."""
        if self.oldest_seq >= first_seq and (floor is None or self.times[0] >= floor):
            return self
        start = 0 if floor is None else bisect_left(self.times, floor)
        chosen = [place for place in range(start, len(self.times)) if self.seqs[place] >= first_seq]
        if not chosen:
            return None
        return Block(
            [self.times[place] for place in chosen],
            [self.values[place] for place in chosen],
            [self.seqs[place] for place in chosen],
        )

    def part(self, start: int, stop: int) -> "Block":
        """Return some of the readings, by their places."""
        return Block(self.times[start:stop], self.values[start:stop], self.seqs[start:stop])

    def extend(self, other: "Block") -> None:
        """Take readings in that come after all that are here."""
        self.times.extend(other.times)
        self.values.extend(other.values)
        self.seqs.extend(other.seqs)
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        self.oldest_seq = min(self.oldest_seq, other.oldest_seq)


@dataclass(frozen=True, slots=True)
class Edit:
    """The block at `start`, counted before the batch, is replaced: late readings fall into it."""

    start: int
    old: Block
    new: list[Block]


@dataclass(frozen=True, slots=True)
class Change:
    """What one batch does to a series.

    Args:
        times: of the batch's readings in order, without those that were here already.
        values: of the same readings.
        seq: of the event that brought them.
        before: the blocks as they were.
        edits: the blocks that late readings replace, in order.
        appended: the blocks of what comes after all others.
        joins: whether the first appended block will be joined to the last one before it.
    """

    times: list[int]
    values: list[float]
    seq: int
    before: list[Block]
    edits: list[Edit]
    appended: list[Block]
    joins: bool

    @property
    def low(self) -> float:
        """The least value of the batch."""
        return min(self.values)

    @property
    def high(self) -> float:
        """The greatest value of the batch."""
        return max(self.values)


@dataclass(slots=True)
class SeriesWindow:
    """The readings that a rule may still need. Of readings with the same time the first to arrive is kept."""

    blocks: list[Block] = field(default_factory=list)

    def plan(self, times: Times, values: Values, seq: int, *, floor: int | None) -> Change:
        """Return what a batch, in whatever order it comes, will change; readings before `floor` are left out.

        Nothing changes before `apply`, so that every rule sees the series as it was.
        """
        ordered = _in_order(times, values)
        start = 0 if floor is None else bisect_left(ordered, floor, key=_time)
        kept = [pair for pair in ordered[start:] if not self._has(pair[0])]
        fresh = ordered[:start] + kept
        split = bisect_right(kept, self.blocks[-1].times[-1], key=_time) if self.blocks else 0
        edits = self._plan_edits(kept[:split], seq)
        ahead, joins = kept[split:], False
        appended: list[Block] = []
        if ahead and self.blocks:
            last = edits[-1].new[-1] if edits and edits[-1].start == len(self.blocks) - 1 else self.blocks[-1]
            room = BLOCK_READINGS - len(last)
            if room > 0:
                appended, joins = [_block(ahead[:room], seq)], True
                ahead = ahead[room:]
        appended += [
            _block(ahead[place : place + BLOCK_READINGS], seq)
            for place in range(0, len(ahead), BLOCK_READINGS)
        ]
        return Change(
            [at for at, _ in fresh],
            [value for _, value in fresh],
            seq,
            self.blocks,
            edits,
            appended,
            joins,
        )

    def apply(self, change: Change) -> None:
        """Carry a planned change out."""
        blocks: list[Block] = []
        place = 0
        for edit in change.edits:
            blocks += change.before[place : edit.start]
            blocks += edit.new
            place = edit.start + 1
        blocks += change.before[place:]
        appended = change.appended
        if change.joins:
            blocks[-1].extend(appended[0])
            appended = appended[1:]
        self.blocks = blocks + appended

    def forget(self, floor: int) -> int:
        """Drop the blocks whose readings all lie before `floor`; return their number."""
        gone = 0
        while gone < len(self.blocks) and self.blocks[gone].times[-1] < floor:
            gone += 1
        del self.blocks[:gone]
        return gone

    def _plan_edits(self, late: list[tuple[int, float]], seq: int) -> list[Edit]:
        edits: list[Edit] = []
        while late:
            start = self._place(late[0][0])
            end = len(late)
            if start + 1 < len(self.blocks):
                end = bisect_left(late, self.blocks[start + 1].times[0], key=_time)
            edits.append(Edit(start, self.blocks[start], _merged(self.blocks[start], late[:end], seq)))
            late = late[end:]
        return edits

    def _place(self, at: int) -> int:
        """Return the number of the last block that begins at or before `at`, else of the first."""
        return max(0, bisect_right(self.blocks, at, key=lambda block: block.times[0]) - 1)

    def _has(self, at: int) -> bool:
        if not self.blocks or at > self.blocks[-1].times[-1]:
            return False
        times = self.blocks[self._place(at)].times
        place = bisect_left(times, at)
        return place < len(times) and times[place] == at


def _merged(block: Block, late: list[tuple[int, float]], seq: int) -> list[Block]:
    fresh = [(at, value, seq) for at, value in late]
    merged = sorted([*zip(block.times, block.values, block.seqs, strict=True), *fresh])
    size = BLOCK_READINGS if len(merged) > 2 * BLOCK_READINGS else len(merged)
    return [Block(*zip(*merged[place : place + size], strict=True)) for place in range(0, len(merged), size)]


def _block(readings: list[tuple[int, float]], seq: int) -> Block:
    return Block([at for at, _ in readings], [value for _, value in readings], [seq] * len(readings))


def _in_order(times: Times, values: Values) -> list[tuple[int, float]]:
    """Sort by time; of two readings of one moment the first stays."""
    unique: dict[int, float] = {}
    for at, value in zip(times, values, strict=True):
        unique.setdefault(at, value)
    return sorted(unique.items())


def _time(reading: tuple[int, float]) -> int:
    return reading[0]
