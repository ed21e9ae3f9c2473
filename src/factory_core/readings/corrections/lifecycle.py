"""What a correction is, and which ones are refused: pure rules."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, TypeAlias

from contracts.factory_core import Quality

MAX_CORRECTIONS: Final = 200
"""The most corrections in one request."""

MAX_REASON_LENGTH: Final = 2000

Stored: TypeAlias = tuple[float, Quality]
"""The value and quality of a reading."""


class Outcome(StrEnum):
    """What became of a correction."""

    CORRECTED = "corrected"
    UNCHANGED = "unchanged"
    REJECTED = "rejected"


class Refusal(StrEnum):
    """Why a correction was refused."""

    UNKNOWN_SOURCE = "unknown_source"
    UNKNOWN_READING = "unknown_reading"
    CORRECTED_TWICE = "corrected_twice"


DETAILS: Final = {
    Refusal.UNKNOWN_SOURCE: ("source", "no equipment of this factory has this tag"),
    Refusal.UNKNOWN_READING: ("at", "no reading of this source and metric has this time"),
    Refusal.CORRECTED_TWICE: (
        "value",
        "an earlier item of this request gives the same reading another value",
    ),
}
"""The field to blame, and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A reading, by its name, and what should be kept of it; without `quality`, that stays as it is."""

    source: str
    metric: str
    at: datetime
    value: float
    quality: Quality | None
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done about one item of a request."""

    outcome: Outcome
    refusal: Refusal | None = None
    before: Stored | None = None
    now: Stored | None = None


@dataclass(slots=True)
class Decisions:
    """Decides on the items of one request in their order; each reading is changed once at most.

    So that the same request, sent again, finds every reading as it left it.
    """

    stored: Mapping[tuple[str, str, datetime], Stored]
    sources: frozenset[str]
    _given: dict[tuple[str, str, datetime], Stored] = field(default_factory=dict)

    def decide(self, wanted: Wanted) -> Decision:
        """Return what is to be done about the next item."""
        if wanted.source not in self.sources:
            return _refuse(Refusal.UNKNOWN_SOURCE)
        name = (wanted.source, wanted.metric, wanted.at)
        before = self.stored.get(name)
        if before is None:
            return _refuse(Refusal.UNKNOWN_READING)
        is_first = name not in self._given
        now = (wanted.value, wanted.quality or self._given.get(name, before)[1])
        if self._given.setdefault(name, now) != now:
            return _refuse(Refusal.CORRECTED_TWICE)
        changes = is_first and now != before  # the second of two equal items changes nothing more
        return Decision(Outcome.CORRECTED if changes else Outcome.UNCHANGED, before=before, now=now)

    def decide_all(self, wanted: Sequence[Wanted]) -> list[Decision]:
        """Return what is to be done about each item, in their order."""
        return [self.decide(one) for one in wanted]


def _refuse(refusal: Refusal) -> Decision:
    return Decision(Outcome.REJECTED, refusal)
