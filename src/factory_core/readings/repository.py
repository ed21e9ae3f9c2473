"""Every query about readings, on asyncpg's own connection: these are the hot ones."""

from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from factory_core.readings.batch import KeptValue, Key, Row
from utils.outbox import INSERT_EVENTS

READING_COLUMNS = ("factory_id", "at", "value", "series_id", "quality")

_COPY_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)  # signature, no flags, no extension
_COPY_END = b"\xff\xff"

# All of a group in one statement, which is its own transaction: one way to the server and back. It fails as a
# whole where a batch or a reading is there already.
RECORD_GROUP = f"""
    WITH claimed AS (
        INSERT INTO ingest_batches (factory_id, batch_id, digest, answer, accepted_at)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::timestamptz[])
    ), told AS (
        {INSERT_EVENTS}
        SELECT * FROM unnest($6::uuid[], $7::text[], $8::timestamptz[], $9::bytea[], $10::text[])
    )
    INSERT INTO readings (factory_id, at, value, series_id, quality)
    SELECT * FROM unnest($11::uuid[], $12::timestamptz[], $13::float8[], $14::int[], $15::smallint[])
"""  # noqa: S608 - made of constants
ADD_BATCHES_AND_EVENTS = f"""
    WITH claimed AS (
        INSERT INTO ingest_batches (factory_id, batch_id, digest, answer, accepted_at)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::timestamptz[])
    )
    {INSERT_EVENTS}
    SELECT * FROM unnest($6::uuid[], $7::text[], $8::timestamptz[], $9::bytea[], $10::text[])
"""  # noqa: S608 - made of constants
ADD_EVENTS = f"""
    {INSERT_EVENTS}
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::bytea[], $5::text[])
"""  # noqa: S608 - made of constants
CLAIM_BATCHES = """
    INSERT INTO ingest_batches (factory_id, batch_id, digest, answer, accepted_at)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[], $4::bytea[], $5::timestamptz[])
    ON CONFLICT DO NOTHING
    RETURNING factory_id, batch_id
"""
FIND_BATCHES = """
    SELECT factory_id, batch_id, digest, answer
    FROM ingest_batches JOIN unnest($1::uuid[], $2::text[]) AS wanted (factory_id, batch_id)
    USING (factory_id, batch_id)
    ORDER BY factory_id, batch_id FOR UPDATE OF ingest_batches
"""
ANSWER_BATCHES = """
    UPDATE ingest_batches AS batch SET answer = given.answer
    FROM unnest($1::uuid[], $2::text[], $3::bytea[]) AS given (factory_id, batch_id, answer)
    WHERE batch.factory_id = given.factory_id AND batch.batch_id = given.batch_id
"""
DELETE_BATCHES = """
    DELETE FROM ingest_batches WHERE (factory_id, batch_id) IN (
        SELECT factory_id, batch_id FROM ingest_batches WHERE accepted_at < $1 ORDER BY accepted_at LIMIT $2
        FOR UPDATE SKIP LOCKED
    )
"""
# In the order of the key, so that two transactions cannot wait for each other; the first of equals wins.
ADD_NEW_READINGS = """
    INSERT INTO readings (factory_id, at, value, series_id, quality)
    SELECT factory_id, at, value, series_id, quality
    FROM unnest($1::uuid[], $2::timestamptz[], $3::float8[], $4::int[], $5::smallint[])
        WITH ORDINALITY AS given (factory_id, at, value, series_id, quality, place)
    ORDER BY factory_id, series_id, at, place
    ON CONFLICT DO NOTHING
    RETURNING factory_id, series_id, at
"""
# One step into the key for each reading, whatever the planner believes about the table's size.
FIND_DIFFERING = """
    SELECT given.place, kept.value, kept.quality
    FROM unnest($1::uuid[], $2::timestamptz[], $3::float8[], $4::int[], $5::smallint[])
        WITH ORDINALITY AS given (factory_id, at, value, series_id, quality, place)
    CROSS JOIN LATERAL (
        SELECT value, quality FROM readings
        WHERE readings.factory_id = given.factory_id AND readings.series_id = given.series_id
            AND readings.at = given.at
        LIMIT 1
    ) AS kept
    WHERE kept.value <> given.value OR kept.quality <> given.quality
"""
LOCK_READINGS = """
    SELECT series_id, at, value, quality
    FROM readings JOIN unnest($2::int[], $3::timestamptz[]) AS wanted (series_id, at) USING (series_id, at)
    WHERE factory_id = $1
    ORDER BY series_id, at FOR UPDATE OF readings
"""
CHANGE_READINGS = """
    UPDATE readings SET value = given.value, quality = given.quality
    FROM unnest($2::int[], $3::timestamptz[], $4::float8[], $5::smallint[])
        AS given (series_id, at, value, quality)
    WHERE readings.factory_id = $1 AND readings.series_id = given.series_id AND readings.at = given.at
"""
FIND_SERIES = """
    SELECT id, equipment_id, metric FROM series
    WHERE factory_id = $1 AND equipment_id = ANY ($2) AND metric = ANY ($3)
"""
COUNT_SERIES = """
    SELECT equipment_id, count(*) FROM series WHERE factory_id = $1 AND equipment_id = ANY ($2) GROUP BY 1
"""
ADD_SERIES = """
    INSERT INTO series (factory_id, equipment_id, metric)
    SELECT $1, * FROM unnest($2::uuid[], $3::text[])
    RETURNING id, equipment_id, metric
"""
# Of every series its newest reading, by one step into the key of `readings` each.
LIST_NEWEST = """
    SELECT factory_id, equipment_id, metric, (
        SELECT at FROM readings
        WHERE readings.factory_id = series.factory_id AND readings.series_id = series.id
        ORDER BY at DESC LIMIT 1
    ) AS newest
    FROM series WHERE (factory_id, equipment_id, metric) > ($1, $2, $3)
    ORDER BY factory_id, equipment_id, metric LIMIT $4
"""
LIST_READINGS = """
    SELECT at, value, quality FROM readings
    WHERE factory_id = $1 AND series_id = $2
      AND at > coalesce($3::timestamptz, '-infinity')
      AND at >= coalesce($4::timestamptz, '-infinity')
      AND at < coalesce($5::timestamptz, 'infinity')
    ORDER BY at LIMIT $6
"""

BatchEntry = tuple[UUID, str, bytes, bytes, datetime]
"""Factory, batch id, digest, answer, accepted at."""

EventEntry = tuple[UUID, str, datetime, bytes, str | None]
"""Factory, type, time, JSON payload, trace: an event's row in the outbox."""

SeriesPlace = tuple[UUID, UUID, str]
"""Factory, equipment and metric: what series are ordered by."""

ReadingName = tuple[int, datetime]
"""The number of the series, and the time."""

SeriesName = tuple[UUID, str]
"""Equipment and metric."""


class ReadingRepository:
    """Keeps batches and their readings."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def record_group(
        self, batches: Sequence[BatchEntry], events: Sequence[EventEntry], rows: Iterable[Row]
    ) -> None:
        """Keep batches that are new with readings that are new, and their events, in one go.

        Raises asyncpg.UniqueViolationError, and has kept nothing, where one of them is not new.
        """
        await self._connection.execute(
            RECORD_GROUP, *_columns(batches, 5), *_columns(events, 5), *_columns(rows, 5)
        )

    async def add_batches(self, batches: Sequence[BatchEntry], events: Sequence[EventEntry]) -> None:
        """Keep batches that are new, and their events; raises asyncpg.UniqueViolationError for another."""
        await self._connection.execute(ADD_BATCHES_AND_EVENTS, *_columns(batches, 5), *_columns(events, 5))

    async def add_events(self, events: Sequence[EventEntry]) -> None:
        """Put events into the outbox."""
        await self._connection.execute(ADD_EVENTS, *_columns(events, 5))

    async def claim_batches(self, batches: Sequence[BatchEntry]) -> set[Key]:
        """Keep batches and give the keys nobody had claimed before.

        Waits for a transaction that is claiming one of them at this moment.
        """
        rows = await self._connection.fetch(CLAIM_BATCHES, *_columns(batches, 5))
        return {(row[0], row[1]) for row in rows}

    async def lock_batches(self, keys: Collection[Key]) -> dict[Key, tuple[bytes, bytes]]:
        """Return digest and answer of the batches that exist, and lock them until the transaction ends."""
        rows = await self._connection.fetch(FIND_BATCHES, *zip(*keys, strict=True))
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}

    async def answer_batches(self, answers: Sequence[tuple[UUID, str, bytes]]) -> None:
        """Replace the answers of claimed batches."""
        await self._connection.execute(ANSWER_BATCHES, *zip(*answers, strict=True))

    async def delete_batches(self, before: datetime, *, limit: int) -> int:
        """Delete the oldest batches accepted before a time and give how many there were."""
        status = await self._connection.execute(DELETE_BATCHES, before, limit)
        return int(status.rpartition(" ")[2])

    async def copy_readings(self, encoded_rows: Iterable[bytes]) -> None:
        """Add readings in the fastest way, their rows encoded as COPY's binary format has them.

        Raises asyncpg.UniqueViolationError where one is there already.
        """
        source = _whole_copy(encoded_rows)
        await self._connection.copy_to_table(
            "readings", columns=READING_COLUMNS, source=source, format="binary"
        )

    async def add_new_readings(self, rows: Collection[Row]) -> set[tuple[UUID, int, datetime]]:
        """Add those readings that are not there and give their keys."""
        added = await self._connection.fetch(ADD_NEW_READINGS, *zip(*rows, strict=True))
        return {(row[0], row[1], row[2]) for row in added}

    async def find_differing(self, rows: Collection[Row]) -> dict[int, KeptValue]:
        """Return what is kept where it differs from these rows, by the row's place from 0."""
        found = await self._connection.fetch(FIND_DIFFERING, *zip(*rows, strict=True))
        return {row[0] - 1: (row[1], row[2]) for row in found}

    async def lock_readings(
        self, factory_id: UUID, names: Collection[ReadingName]
    ) -> dict[ReadingName, KeptValue]:
        """Return the readings that exist, and lock them until the transaction ends."""
        if not names:
            return {}
        rows = await self._connection.fetch(LOCK_READINGS, factory_id, *zip(*names, strict=True))
        return {(row[0], row[1]): (row[2], row[3]) for row in rows}

    async def change_readings(
        self, factory_id: UUID, changes: Collection[tuple[int, datetime, float, int]]
    ) -> None:
        """Replace the values and qualities of readings: (series, time, value, quality)."""
        await self._connection.execute(CHANGE_READINGS, factory_id, *zip(*changes, strict=True))

    async def list_readings(
        self,
        factory_id: UUID,
        series_id: int,
        *,
        after: datetime | None,
        since: datetime | None,
        before: datetime | None,
        limit: int,
    ) -> list[asyncpg.Record]:
        """List (at, value, quality) of a series by time: later than `after`, in [since, before)."""
        rows: list[asyncpg.Record] = await self._connection.fetch(
            LIST_READINGS, factory_id, series_id, after, since, before, limit
        )
        return rows

    async def list_newest(
        self, after: SeriesPlace, *, limit: int
    ) -> list[tuple[SeriesPlace, datetime | None]]:
        """List series of all factories after `after`, each with the time of its newest reading."""
        rows = await self._connection.fetch(LIST_NEWEST, *after, limit)
        return [((row[0], row[1], row[2]), row[3]) for row in rows]


async def _whole_copy(encoded_rows: Iterable[bytes]) -> AsyncIterator[bytes]:
    yield b"".join((_COPY_HEADER, *encoded_rows, _COPY_END))


def _columns(rows: Iterable[tuple[Any, ...]], width: int) -> list[Sequence[Any]]:
    """Turn rows into the arrays `unnest` takes, also where there is no row."""
    return list(zip(*rows, strict=True)) or [()] * width


class SeriesRepository:
    """Numbers the series of a factory."""

    def __init__(self, connection: asyncpg.Connection, factory_id: UUID) -> None:
        self._connection = connection
        self._factory_id = factory_id

    async def find(self, names: Collection[SeriesName]) -> dict[SeriesName, int]:
        """Give the numbers of those that exist."""
        equipment, metrics = ({name[part] for name in names} for part in (0, 1))
        rows = await self._connection.fetch(FIND_SERIES, self._factory_id, equipment, metrics)
        return {(row["equipment_id"], row["metric"]): row["id"] for row in rows}

    async def count(self, equipment_ids: Collection[UUID]) -> dict[UUID, int]:
        """Count the metrics of each piece of equipment that has any."""
        rows = await self._connection.fetch(COUNT_SERIES, self._factory_id, equipment_ids)
        return {row[0]: row[1] for row in rows}

    async def add(self, names: Collection[SeriesName]) -> dict[SeriesName, int]:
        """Number new ones."""
        rows = await self._connection.fetch(ADD_SERIES, self._factory_id, *zip(*names, strict=True))
        return {(row["equipment_id"], row["metric"]): row["id"] for row in rows}
