"""The lanes of the factories whose events this process handles."""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Mapping
from uuid import UUID

from utils.streams.client import stream_key
from utils.streams.jobs import Jobs
from utils.streams.lane import Lane, Work
from utils.streams.share import partition_of

LET_GO_SECONDS = 1.0


class Lanes:
    """One lane, with a job of its own, for each known factory of the open partitions.

    The handler forgets every factory whose lane has ended: another process may handle its events.
    """

    def __init__(self, work: Work, partitions: int) -> None:
        self._work = work
        self._partitions = partitions
        self._open: set[int] = set()
        self._known: set[UUID] = set()
        self._lanes: dict[UUID, Lane] = {}
        self._tasks: dict[UUID, asyncio.Task[None]] = {}
        self.by_key: dict[str, Lane] = {}

    def __iter__(self) -> Iterator[Lane]:
        return iter(list(self._lanes.values()))

    @property
    def open_partitions(self) -> int:
        """How many partitions this process handles."""
        return len(self._open)

    @property
    def lag(self) -> int:
        """How many events are known to exist and are not handled yet."""
        return sum(lane.lag for lane in self._lanes.values())

    @property
    def queued_bytes(self) -> int:
        """The payload bytes of all queued events."""
        return sum(lane.queued_bytes for lane in self._lanes.values())

    def open(self, partitions: Collection[int], positions: Mapping[UUID, int], jobs: Jobs) -> None:
        """Open lanes for the partitions' factories: at their stored positions, new ones from the start."""
        self._open.update(partitions)
        for factory_id in {*positions, *self._known}:
            if self._partition(factory_id) in partitions:
                self._add(factory_id, positions.get(factory_id, 0), jobs)

    async def close(self, partitions: Collection[int]) -> None:
        """End the lanes of the partitions; work that takes longer than 1 s is cancelled and rolled back."""
        self._open.difference_update(partitions)
        factories = [one for one in self._lanes if self._partition(one) in partitions]
        for factory_id in factories:
            self._lanes[factory_id].end()
        tasks = {self._tasks[factory_id] for factory_id in factories}
        late = (await asyncio.wait(tasks, timeout=LET_GO_SECONDS))[1] if tasks else ()
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        self._forget(factories)

    def clear(self) -> None:
        """Drop every lane; called once their jobs have ended."""
        self._open.clear()
        self._forget(list(self._lanes))

    def of(self, factory_id: UUID, jobs: Jobs) -> Lane | None:
        """Return the factory's lane, opened if need be; None if its partition is not open here."""
        self._known.add(factory_id)
        lane = self._lanes.get(factory_id)
        if lane is None and self._partition(factory_id) in self._open:
            lane = self._add(factory_id, 0, jobs)
        return lane

    def _partition(self, factory_id: UUID) -> int:
        return partition_of(factory_id, self._partitions)

    def _add(self, factory_id: UUID, position: int, jobs: Jobs) -> Lane:
        lane = Lane(self._work, factory_id, position)
        self._lanes[factory_id] = self.by_key[stream_key(self._work.publisher, factory_id)] = lane
        self._tasks[factory_id] = jobs.start(lane.run())
        return lane

    def _forget(self, factories: Iterable[UUID]) -> None:
        for factory_id in factories:
            del self._lanes[factory_id], self._tasks[factory_id]
            del self.by_key[stream_key(self._work.publisher, factory_id)]
            self._work.handler.forget(factory_id)
