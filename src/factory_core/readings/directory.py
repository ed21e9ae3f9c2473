"""Which series a (source, metric) is: remembered in the process, numbered in the database."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

from factory_core.equipment.service import EquipmentService
from factory_core.readings.batch import Series
from factory_core.readings.lifecycle import Code, Flaw, find_metric_flaw, find_text_flaw
from factory_core.readings.repository import SeriesName, SeriesRepository
from utils.auth import Principal
from utils.clock import Now
from utils.database import Database, Transaction

SeriesKey: TypeAlias = tuple[str, str]
"""Source and metric, in the one form of names."""

MOST_REMEMBERED = 200_000

_UNKNOWN_SOURCE = Flaw("source", Code.UNKNOWN_SOURCE, "no equipment of this factory has this tag")


class SeriesDirectory:
    """Finds series, and numbers new ones.

    Only what is committed is remembered, and equipment and series are never deleted, so that a memory cannot
    become wrong; what is not remembered is asked of the database each time. `forget` is for a database
    that was away: it may have come back as another one.
    """

    def __init__(self, database: Database, now: Now, *, max_metrics: int) -> None:
        self._database = database
        self._now = now
        self._max_metrics = max_metrics
        self._known: dict[UUID, dict[SeriesKey, Series]] = {}
        self._size = 0

    def known(self, factory_id: UUID) -> Mapping[SeriesKey, Series]:
        """Give the remembered series of a factory."""
        return self._known.get(factory_id, {})

    def forget(self) -> None:
        """Ask the database again from now on."""
        self._known.clear()
        self._size = 0

    async def resolve(
        self, by: Principal, factory_id: UUID, keys: Collection[SeriesKey]
    ) -> dict[SeriesKey, Series | Flaw]:
        """Give the series of each key, numbering new ones, or why there cannot be one.

        Raises:
            NotFoundError: there is no such factory.
        """
        found: dict[SeriesKey, Series | Flaw] = {}
        async with self._database.transaction() as transaction:
            resolution = _Resolution(transaction, self._now, by, factory_id, self._max_metrics)
            found = await resolution.run(keys)
        self._remember(factory_id, [series for series in found.values() if isinstance(series, Series)])
        return found

    async def find(
        self, transaction: Transaction, by: Principal, factory_id: UUID, key: SeriesKey
    ) -> Series | Flaw | None:
        """Give one series as far as it exists: a flaw where its source does not, None where only it does not.

        Only reads, so the transaction may be a replica's.

        Raises:
            NotFoundError: there is no such factory.
        """
        known = self.known(factory_id).get(key)
        if known is not None:
            return known
        resolution = _Resolution(transaction, self._now, by, factory_id, self._max_metrics)
        return (await resolution.find([key])).get(key)

    def _remember(self, factory_id: UUID, found: Collection[Series]) -> None:
        if self._size + len(found) > MOST_REMEMBERED:
            self.forget()
        known = self._known.setdefault(factory_id, {})
        before = len(known)
        known.update({(series.source, series.metric): series for series in found})
        self._size += len(known) - before


class SeriesLookup:
    """Finds the series that exist, within the caller's transaction."""

    def __init__(self, transaction: Transaction, now: datetime) -> None:
        self._transaction = transaction
        self._equipment = EquipmentService.within(transaction, now)

    async def find_sources(self, by: Principal, factory_id: UUID, tags: Collection[str]) -> dict[str, UUID]:
        """Return the ids of the factory's equipment with these tags, by tag; unknown tags are missing.

        Raises:
            NotFoundError: there is no such factory that `by` may see.
        """
        return await self._equipment.find_ids(by, factory_id, tags)

    async def find(
        self, factory_id: UUID, sources: Mapping[str, UUID], keys: Collection[SeriesKey]
    ) -> dict[SeriesKey, Series]:
        """Return the series of these keys that exist, given the ids of their sources."""
        names = {(sources[source], metric): (source, metric) for source, metric in keys if source in sources}
        if not names:
            return {}
        repository = SeriesRepository(await self._transaction.connection(), factory_id)
        found = await repository.find(names)
        return {
            names[name]: Series(number, name[0], *names[name])
            for name, number in found.items()
            if name in names
        }


class _Resolution:
    """One look into the database, in one transaction."""

    def __init__(
        self, transaction: Transaction, now: Now, by: Principal, factory_id: UUID, max_metrics: int
    ) -> None:
        self._transaction = transaction
        self._equipment = EquipmentService.within(transaction, now())
        self._by = by
        self._factory_id = factory_id
        self._max_metrics = max_metrics
        self._ids: dict[str, UUID] = {}

    async def find(self, keys: Collection[SeriesKey]) -> dict[SeriesKey, Series | Flaw]:
        """Give what exists and what cannot; what is missing could be numbered."""
        sources = {source for source, _ in keys if find_text_flaw("source", source) is None}
        self._ids = await self._equipment.find_ids(self._by, self._factory_id, sources)
        found: dict[SeriesKey, Series | Flaw] = {}
        names: dict[SeriesName, SeriesKey] = {}
        for source, metric in keys:
            flaw = find_metric_flaw(metric) if source in self._ids else _UNKNOWN_SOURCE
            if flaw is not None:
                found[source, metric] = flaw
            else:
                names[self._ids[source], metric] = (source, metric)
        if names:
            found.update(self._series(names, await (await self._repository()).find(names)))
        return found

    async def run(self, keys: Collection[SeriesKey]) -> dict[SeriesKey, Series | Flaw]:
        """Give a series or a flaw for every key."""
        found = await self.find(keys)
        missing = [key for key in keys if key not in found]
        if missing:
            await self._equipment.lock(self._factory_id, {self._ids[source] for source, _ in missing})
            found.update(await self.find(missing))  # what somebody else numbered before the lock was ours
            found.update(await self._add([key for key in missing if key not in found]))
        return found

    async def _add(self, keys: Collection[SeriesKey]) -> dict[SeriesKey, Series | Flaw]:
        names = {(self._ids[source], metric): (source, metric) for source, metric in keys}
        repository = await self._repository()
        counts = Counter(await repository.count({equipment_id for equipment_id, _ in names}))
        found: dict[SeriesKey, Series | Flaw] = {}
        room: dict[SeriesName, SeriesKey] = {}
        for name, key in names.items():
            if counts[name[0]] >= self._max_metrics:
                found[key] = self._too_many()
            else:
                counts[name[0]] += 1
                room[name] = key
        if room:
            found.update(self._series(room, await repository.add(room)))
        return found

    async def _repository(self) -> SeriesRepository:
        return SeriesRepository(await self._transaction.connection(), self._factory_id)

    def _series(
        self, names: Mapping[SeriesName, SeriesKey], numbers: Mapping[SeriesName, int]
    ) -> dict[SeriesKey, Series]:
        return {
            names[name]: Series(number, name[0], *names[name])
            for name, number in numbers.items()
            if name in names
        }

    def _too_many(self) -> Flaw:
        detail = f"would be one more than the {self._max_metrics} metrics this equipment may have"
        return Flaw("metric", Code.TOO_MANY_METRICS, detail)
