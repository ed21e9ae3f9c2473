"""A batch on its way into the database: its rows, its event and its answer."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec

from contracts.factory_core import Quality, ReadingsAccepted, SeriesReadings
from factory_core.readings.lifecycle import QUALITIES, Flaw, Reading, Rejection, reject
from utils.logging import trace_id_var

Key = tuple[UUID, str]
Row = tuple[UUID, datetime, float, int, int]
"""factory, at, value, series, quality: the columns of the table, in its order."""

_QUALITY_NUMBERS = {quality: number for number, quality in enumerate(QUALITIES)}
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


class Answer(msgspec.Struct, frozen=True):
    """What the sender of a batch is told."""

    batch_id: str
    accepted: int
    duplicates: int
    rejected: list[Rejection]


class Batch:
    """The usable readings of one batch with their series, and what to answer if all of them are new."""

    def __init__(
        self,
        factory_id: UUID,
        batch_id: str,
        digest: bytes,
        *,
        accepted_at: datetime,
        readings: Sequence[Reading],
        series: Sequence[Series],
        rejected: list[Rejection],
    ) -> None:
        self.factory_id = factory_id
        self.batch_id = batch_id
        self.digest = digest
        self.accepted_at = accepted_at
        self.readings = readings
        self.series = series
        self.rejected = rejected
        self.trace_id = trace_id_var.get()
        self.times = [r.at if r.at.tzinfo is UTC else r.at.astimezone(UTC) for r in readings]

    @property
    def key(self) -> Key:
        """What names the batch for ever."""
        return (self.factory_id, self.batch_id)

    def rows(self) -> Iterator[Row]:
        """Give the rows of all usable readings, in the batch's order."""
        factory_id = self.factory_id
        numbers = _QUALITY_NUMBERS
        return (
            (factory_id, at, reading.value, series.id, numbers[reading.quality])
            for at, reading, series in zip(self.times, self.readings, self.series, strict=True)
        )

    def split(self, new: set[tuple[UUID, int, datetime]]) -> list[int]:
        """Give the numbers of the readings that are in `new`, and take them out of it: the first one wins."""
        found = []
        for number, (at, series) in enumerate(zip(self.times, self.series, strict=True)):
            name = (self.factory_id, series.id, at)
            if name in new:
                new.remove(name)
                found.append(number)
        return found

    def answer(self, accepted: int) -> bytes:
        """Encode the answer when so many readings were new."""
        duplicates = len(self.readings) - accepted
        return _encoder.encode(Answer(self.batch_id, accepted, duplicates, self.rejected))

    def event(self, numbers: Iterable[int] | None = None) -> bytes:
        """Encode the event about the readings with these numbers; about all of them without."""
        columns: dict[int, _Column] = {}
        for number in range(len(self.readings)) if numbers is None else numbers:
            series, reading = self.series[number], self.readings[number]
            column = columns.get(series.id)
            if column is None:
                column = columns[series.id] = _Column(series)
            column.times.append(self.times[number])
            column.values.append(reading.value)
            column.qualities.append(reading.quality)
        readings = [column.to_contract() for column in columns.values()]
        return _encoder.encode(ReadingsAccepted(self.batch_id, self.accepted_at, readings))


class _Column:
    """The readings of one series, as they are gathered."""

    __slots__ = ("qualities", "series", "times", "values")

    def __init__(self, series: Series) -> None:
        self.series = series
        self.times: list[datetime] = []
        self.values: list[float] = []
        self.qualities: list[Quality] = []

    def to_contract(self) -> SeriesReadings:
        """Give the column as other services read it: without the qualities where all are good."""
        plain = self.qualities.count("good") == len(self.qualities)
        return SeriesReadings(
            self.series.source,
            self.series.metric,
            self.series.equipment_id,
            self.times,
            self.values,
            None if plain else self.qualities,
        )
