"""What can be done with readings: take them in, and read them back."""

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from contracts.factory_core import Quality
from factory_core.readings.batch import Batch, SentBatch, Series
from factory_core.readings.directory import SeriesDirectory
from factory_core.readings.intake import Intake
from factory_core.readings.lifecycle import QUALITIES, Flaw
from factory_core.readings.repository import ReadingRepository
from utils.auth import Principal
from utils.clock import Now
from utils.database import Transaction
from utils.database.replica import ReplicaReader
from utils.errors import NotFoundError, ServiceError
from utils.ids import normalize_name


class StoredReading(msgspec.Struct, frozen=True):
    """A reading as it is read back."""

    source: str
    metric: str
    at: datetime
    value: float
    quality: Quality


class Period(msgspec.Struct, frozen=True):
    """Times from `since` on and before `before`; `after`, where a list goes on, is excluded."""

    since: datetime | None = None
    before: datetime | None = None
    after: datetime | None = None


class ReadingService:
    """The use cases of readings; one for the whole process."""

    def __init__(self, reader: ReplicaReader, directory: SeriesDirectory, intake: Intake, now: Now) -> None:
        self._reader = reader
        self._directory = directory
        self._intake = intake
        self._now = now

    async def ingest(self, by: Principal, factory_id: UUID, sent: SentBatch) -> bytes:
        """Keep a batch and give the JSON of its answer; what it answers for is durable.

        Raises:
            NotFoundError: no such factory.
            ConflictError: the batch id was used with another body.
            UnavailableError: too many batches wait; or whatever the database raised: the sender repeats the
                batch under the same id.
        """
        by.require_factory(factory_id)
        try:
            batch = await self._identify(by, factory_id, sent)
            return await self._intake.submit(batch)
        except ServiceError:
            raise
        except Exception:
            self._directory.forget()  # the database may come back as another one
            raise

    async def list_readings(
        self, by: Principal, factory_id: UUID, source: str, metric: str, *, period: Period, limit: int
    ) -> list[StoredReading]:
        """List the readings of one metric by time; none where the equipment never sent this metric.

        With a read replica the list may be as old as `ReplicaReader` says; that there is no such factory or
        equipment is always the primary's word.

        Raises:
            NotFoundError: no such factory, or no such equipment in it.
        """
        by.require_factory(factory_id)

        async def read(transaction: Transaction) -> list[asyncpg.Record]:
            series = await self._directory.find(transaction, by, factory_id, (source, metric))
            if isinstance(series, Flaw):
                raise NotFoundError(f"There is no equipment {source} in the factory {factory_id}.")
            if series is None:
                return []
            return await ReadingRepository(await transaction.connection()).list_readings(
                factory_id,
                series.id,
                since=period.since,
                before=period.before,
                after=period.after,
                limit=limit,
            )

        rows = await self._reader.read(read)
        return [StoredReading(source, metric, at, value, QUALITIES[quality]) for at, value, quality in rows]

    async def _identify(self, by: Principal, factory_id: UUID, sent: SentBatch) -> Batch:
        """Find each reading's series, and refuse the readings that can have none."""
        known = self._directory.known(factory_id)
        series: list[Series]
        try:
            series = [known[reading.source, reading.metric] for reading in sent.readings]
        except KeyError:
            sent, series = await self._resolve(by, factory_id, sent)
        else:
            if not known:  # no reading to ask about, and nothing that says there is such a factory
                await self._directory.resolve(by, factory_id, ())
        return Batch(factory_id, sent, series, accepted_at=self._now())

    async def _resolve(
        self, by: Principal, factory_id: UUID, sent: SentBatch
    ) -> tuple[SentBatch, list[Series]]:
        known = self._directory.known(factory_id)
        names = {
            (source, metric): (normalize_name(source), normalize_name(metric))
            for source, metric in dict.fromkeys((reading.source, reading.metric) for reading in sent.readings)
        }
        unknown = dict.fromkeys(name for name in names.values() if name not in known)
        # In the batch's order: where not all metrics fit, the first do.
        found = await self._directory.resolve(by, factory_id, list(unknown)) if unknown else {}
        keys = [names[reading.source, reading.metric] for reading in sent.readings]
        series = [found.get(key) or known[key] for key in keys]
        flaws = [one if isinstance(one, Flaw) else None for one in series]
        return sent.without(flaws), [one for one in series if isinstance(one, Series)]
