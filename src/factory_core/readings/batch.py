"""A batch on its way into the database: its rows, its event and its answer."""

import struct
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from copy import copy
from datetime import UTC, datetime, timedelta
from itertools import islice, repeat
from typing import Final
from uuid import UUID

import msgspec
from asyncpg.pgproto import pgproto

from contracts.factory_core import Quality, ReadingsAccepted, SeriesReadings
from factory_core.readings.lifecycle import PASSING, QUALITIES, Flaw, Reading, Rejection, reject
from utils.tracing import carried

Key = tuple[UUID, str]
Row = tuple[UUID, datetime, float, int, int]
"""factory, at, value, series, quality: the columns of the table, in its order."""

KeptValue = tuple[float, int]
"""The value and the quality that are stored."""

MAX_CONFLICTS_TOLD: Final = 100

_QUALITY_NUMBERS = {quality: number for number, quality in enumerate(QUALITIES)}
# Number of fields, then each one's length and bytes: uuid, timestamptz, float8, int4, int2, all big-endian.
_ROW = struct.Struct("!h i16s iq id ii ih")
_POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_encoder = msgspec.json.Encoder()


class SentBatch(msgspec.Struct):
    """A batch as it was sent: its usable readings, each one's place in it, and the refused ones."""

    batch_id: str
    digest: bytes
    readings: list[Reading]
    places: Sequence[int]
    rejected: list[Rejection]

    def without(self, flaws: Sequence[Flaw | None]) -> "SentBatch":
        """Refuse the readings that have a flaw; `flaws` has one entry per usable reading."""
        kept = [number for number, flaw in enumerate(flaws) if flaw is None]
        refused = [reject(place, flaw) for place, flaw in zip(self.places, flaws, strict=True) if flaw]
        return SentBatch(
            self.batch_id,
            self.digest,
            [self.readings[number] for number in kept],
            [self.places[number] for number in kept],
            sorted(self.rejected + refused, key=lambda rejection: rejection.index),
        )


class Series(msgspec.Struct, frozen=True):
    """One metric of one piece of equipment, as the database numbers it."""

    id: int
    equipment_id: UUID
    source: str
    metric: str


class Conflict(msgspec.Struct, frozen=True):
    """A reading that differs from what is kept under its name, by its place in the batch, from 0."""

    index: int
    source: str
    metric: str
    at: datetime
    kept_value: float
    kept_quality: Quality
    sent_value: float
    sent_quality: Quality


class Conflicts(msgspec.Struct, frozen=True):
    """How many readings of a batch differ from what is kept, and the first of them."""

    count: int = 0
    first: list[Conflict] = []


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the sender of a batch is told."""

    batch_id: str
    accepted: int
    duplicates: int
    conflicts: Conflicts = Conflicts()
    rejected: list[Rejection]

    def encode(self) -> bytes:
        """Return it as JSON."""
        return _encoder.encode(self)

    @staticmethod
    def decode(stored: bytes) -> "Answer":
        """Read what `encode` wrote, or a release that knew no conflicts."""
        return _answers.decode(stored)

    def passing(self) -> set[int]:
        """Return the places of the readings whose refusal may have passed."""
        return {rejection.index for rejection in self.rejected if rejection.code in PASSING}

    def amended(self, again: "Answer") -> "Answer":
        """Return the answer to the whole batch after its passing refusals have been looked at again."""
        passing = self.passing()
        standing = [rejection for rejection in self.rejected if rejection.index not in passing]
        first = sorted(self.conflicts.first + again.conflicts.first, key=lambda conflict: conflict.index)
        return Answer(
            batch_id=self.batch_id,
            accepted=self.accepted + again.accepted,
            duplicates=self.duplicates + again.duplicates,
            conflicts=Conflicts(self.conflicts.count + again.conflicts.count, first[:MAX_CONFLICTS_TOLD]),
            rejected=sorted(standing + again.rejected, key=lambda rejection: rejection.index),
        )


_answers = msgspec.json.Decoder(Answer)


class Finding(msgspec.Struct, frozen=True):
    """What became of the usable readings of one batch, by their positions among them."""

    accepted: Sequence[int]
    differing: Mapping[int, KeptValue] = {}
    """The value and quality that are kept, where they differ from what was sent."""


class Batch:
    """The usable readings of one batch with their series, and what to answer if all of them are new.

    Kept as columns, which both the database and the event want.
    """

    def __init__(
        self,
        factory_id: UUID,
        sent: SentBatch,
        series: Sequence[Series],
        *,
        accepted_at: datetime,
    ) -> None:
        self.factory_id = factory_id
        self.batch_id = sent.batch_id
        self.digest = sent.digest
        self.rejected = sent.rejected
        self.accepted_at = accepted_at
        self.trace = carried()
        self.series = series
        self.places = sent.places
        readings = sent.readings
        self.times = [r.at if r.at.tzinfo is UTC else r.at.astimezone(UTC) for r in readings]
        self.values = [reading.value for reading in readings]
        self.qualities = [_QUALITY_NUMBERS[reading.quality] for reading in readings]

    def __len__(self) -> int:
        return len(self.times)

    @property
    def key(self) -> Key:
        """What names the batch for ever."""
        return (self.factory_id, self.batch_id)

    def only(self, places: Collection[int]) -> "Batch":
        """Return the part of the batch that stands in these places of it."""
        positions = [position for position, place in enumerate(self.places) if place in places]
        part = copy(self)
        for name in ("places", "series", "times", "values", "qualities"):
            column = getattr(self, name)
            setattr(part, name, [column[position] for position in positions])
        part.rejected = [rejection for rejection in self.rejected if rejection.index in places]
        return part

    def rows(self) -> Iterator[Row]:
        """Give the rows of all usable readings, in the batch's order."""
        factory_id = pgproto.UUID(self.factory_id.bytes)  # asyncpg's own kind is encoded ten times faster
        numbers = [one.id for one in self.series]
        return zip(repeat(factory_id), self.times, self.values, numbers, self.qualities, strict=False)

    def encoded_rows(self) -> bytes:
        """Give the same rows as COPY's binary format has them: asyncpg's own encoder takes twice as long."""
        factory = self.factory_id.bytes
        pack = _ROW.pack
        return b"".join(
            [
                pack(
                    5,
                    16,
                    factory,
                    8,
                    (at - _POSTGRES_EPOCH) // _MICROSECOND,
                    8,
                    value,
                    4,
                    series.id,
                    2,
                    quality,
                )
                for at, value, series, quality in zip(
                    self.times, self.values, self.series, self.qualities, strict=True
                )
            ]
        )

    def split(self, new: set[tuple[UUID, int, datetime]]) -> tuple[list[int], list[int]]:
        """Return the positions of the readings that are in `new`, and of the others.

        What is found is taken out of `new`: of readings with one name, the first is the new one.
        """
        found, others = [], []
        for position, (at, series) in enumerate(zip(self.times, self.series, strict=True)):
            name = (self.factory_id, series.id, at)
            if name in new:
                new.remove(name)
                found.append(position)
            else:
                others.append(position)
        return found, others

    def answer(self, finding: Finding | None = None) -> Answer:
        """Return the answer for this finding; without one, all readings were new."""
        if finding is None:
            return Answer(batch_id=self.batch_id, accepted=len(self), duplicates=0, rejected=self.rejected)
        accepted, differing = len(finding.accepted), finding.differing
        first = [self._conflict(*one) for one in islice(sorted(differing.items()), MAX_CONFLICTS_TOLD)]
        return Answer(
            batch_id=self.batch_id,
            accepted=accepted,
            duplicates=len(self) - accepted - len(differing),
            conflicts=Conflicts(len(differing), first),
            rejected=self.rejected,
        )

    def _conflict(self, position: int, kept: KeptValue) -> Conflict:
        series, (kept_value, kept_quality) = self.series[position], kept
        return Conflict(
            index=self.places[position],
            source=series.source,
            metric=series.metric,
            at=self.times[position],
            kept_value=kept_value,
            kept_quality=QUALITIES[kept_quality],
            sent_value=self.values[position],
            sent_quality=QUALITIES[self.qualities[position]],
        )

    def event(self, places: Iterable[int] | None = None) -> bytes:
        """Encode the event about the readings in these places; about all of them without."""
        groups: defaultdict[int, list[int]] = defaultdict(list)
        for place in range(len(self)) if places is None else places:
            groups[self.series[place].id].append(place)
        series = [self._column(group) for group in groups.values()]
        return _encoder.encode(ReadingsAccepted(self.batch_id, self.accepted_at, series))

    def _column(self, places: list[int]) -> SeriesReadings:
        """Give the readings of one series as other services read them: without quality where all is good."""
        series = self.series[places[0]]
        qualities = [self.qualities[place] for place in places]
        return SeriesReadings(
            series.source,
            series.metric,
            series.equipment_id,
            [self.times[place] for place in places],
            [self.values[place] for place in places],
            [QUALITIES[quality] for quality in qualities] if any(qualities) else None,
        )
