"""Consumes a publisher's events exactly once: from Redis, or from the publisher while Redis is away."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID, uuid4

import asyncpg
from pydantic import SecretStr
from redis.asyncio import Redis
from redis.exceptions import RedisError

from utils.clock import unix_milliseconds, utc_now
from utils.database import DATABASE_FAULTS, HOLDER_SETTINGS, Database
from utils.lifecycle import heed_cancellation
from utils.logging import logger
from utils.streams import metrics
from utils.streams.client import BLOCK_SECONDS, index_key
from utils.streams.handler import Handler
from utils.streams.handling import Records
from utils.streams.jobs import Jobs
from utils.streams.lane import GAP_EVENTS, FetchGap, Lane, Work
from utils.streams.lanes import Lanes
from utils.streams.seal import Seal
from utils.streams.set_aside import FactorySetAside
from utils.streams.share import PartitionShare
from utils.streams.wire import Entry, Wire, after_seq, read_streams

ENTRIES_PER_READ = 32
STREAMS_AT_ONCE = 8
QUEUED_BYTES = 32 * 1024 * 1024
BUSY_SECONDS = 0.02
BALANCE_SECONDS = 1.0
RETRY_SECONDS = 0.5
AWAY_POLL_SECONDS = 1.0
SAFETY_POLL_SECONDS = 15.0
INDEX_SKEW_MILLISECONDS = 60_000
PROCESS = uuid4()

REDIS_FAULTS = (RedisError, OSError, TimeoutError)

FetchHeads = Callable[[], Awaitable[Mapping[UUID, int]]]


class StreamConsumer:
    """Passes every event of a publisher to its handler, in order per factory, each exactly once.

    The factories are divided into partitions, and the partitions among all processes that consume. With more
    processes than partitions some stand by. When the database session of a process ends, the others take over
    its partitions.

    Args:
        handler: gets consecutive events of one factory; its effects commit together with the consumer's
            position.
        fetch_gap: `fetch_gap(factory_id, after_seq, limit)` returns from the publisher the events that a
            stream has lost, and which ones the publisher has.
        fetch_heads: returns every factory's newest seq from the publisher, so that a factory is found even
            if Redis has lost its stream.
        partitions: how many partitions the factories are divided into.
        sealing_key: the publisher's `ServiceSettings.sealing_key`.
        process: tells this process from others that work, or have worked, on the same database.
    """

    def __init__(
        self,
        *,
        database: Database,
        redis: Redis,
        publisher: str,
        consumer: str,
        handler: Handler,
        fetch_gap: FetchGap,
        fetch_heads: FetchHeads | None = None,
        partitions: int = 1,
        sealing_key: SecretStr | None = None,
        process: UUID = PROCESS,
    ) -> None:
        self._database = database
        self._redis = redis
        self._publisher = publisher
        self._consumer = consumer
        self._wire = Wire(publisher, Seal(publisher, sealing_key))
        self._records = Records.of(database, consumer, publisher, process)
        self._work = Work(self._records, publisher, handler, fetch_gap)
        self._fetch_heads = fetch_heads
        self._partitions = partitions
        self._lanes = Lanes(self._work, partitions)
        self._reading: asyncio.Task[None] | None = None
        self._index_position = "0"
        self._redis_away = False

    async def run(self) -> None:
        """Consume until cancelled; retry while the database, Redis or the publisher is away."""
        metrics.expose_consumer(self._publisher, self._partitions)
        while True:
            connection: asyncpg.Connection | None = None
            try:
                connection = await self._database.open_connection(purpose="consumer", **HOLDER_SETTINGS)
                await self._consume(connection)
            except DATABASE_FAULTS as error:
                name = type(error).__name__
                logger.warning("the consumer lost its database", extra={**self._about(), "error": name})
            finally:
                metrics.forget_share(self._publisher)
                if connection is not None:
                    connection.terminate()
            heed_cancellation()
            await asyncio.sleep(RETRY_SECONDS)

    async def _consume(self, connection: asyncpg.Connection) -> None:
        name = f"consumer {self._consumer} of {self._publisher}"
        share = PartitionShare(connection, name, self._partitions)
        await share.join()
        self._index_position = "0"
        jobs = Jobs()
        try:
            jobs.start(self._keep_share(share, jobs))
            jobs.start(self._ask_publisher(jobs))
            await jobs.first_failure()
        finally:
            await jobs.end()
            self._lanes.clear()

    async def _keep_share(self, share: PartitionShare, jobs: Jobs) -> None:
        """Hold this process's part of the partitions, and update the metrics, once a second.

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError: the connection failed, so the locks may be lost and
                all consuming must end.
        """
        told: dict[str, int] = {}
        while True:
            taken = await share.balance(self._lanes.close)
            if taken:
                self._lanes.open(taken, await self._records.positions.load(self._database), jobs)
                await self._find_waiting(jobs)
                await self._read_anew(jobs)
            state = {"partitions": len(share.held), "of": self._partitions, "processes": share.members}
            if state != told:
                logger.info("consuming" if share.held else "standing by", extra={**self._about(), **state})
                told = state
            await self._look_at_set_aside(jobs)
            self._measure()
            await asyncio.sleep(BALANCE_SECONDS)

    async def _find_waiting(self, jobs: Jobs) -> None:
        """Wake the factories of this process in which something waits for a time."""
        async with self._database.transaction() as transaction:
            waiting = await self._work.handler.waiting(transaction)
        for factory_id in waiting:
            lane = self._lanes.of(factory_id, jobs)
            if lane is not None:
                lane.wake()

    async def _look_at_set_aside(self, jobs: Jobs) -> None:
        """Count this process's events that are set aside, and try again those that people ask for."""
        overview = await self._records.set_aside.overview(self._database)
        mine: list[FactorySetAside] = []
        for factory_id, aside in overview.items():
            lane = self._lanes.of(factory_id, jobs)
            if lane is not None:
                lane.retry(aside.wanted)
                mine.append(aside)
        metrics.CONSUMER_SET_ASIDE.labels(self._publisher).set(sum(aside.events for aside in mine))
        metrics.CONSUMER_IMPAIRED.labels(self._publisher).set(len(mine))

    def _measure(self) -> None:
        lag = self._lanes.lag
        metrics.CONSUMER_PARTITIONS_HELD.labels(self._publisher).set(self._lanes.open_partitions)
        metrics.CONSUMER_LAG.labels(self._publisher).set(lag)
        if lag == 0:
            metrics.CONSUMER_LAST_SUCCESS.labels(self._publisher).set(utc_now().timestamp())

    async def _read_anew(self, jobs: Jobs) -> None:
        """Restart the reading: a read under way may block for a second without the lanes just opened."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self._reading = jobs.start(self._read(jobs))

    async def _read(self, jobs: Jobs) -> None:
        while True:
            heed_cancellation()
            try:
                await self._read_once(jobs)
            except REDIS_FAULTS as error:
                self._note_redis(error)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._note_redis(None)

    async def _read_once(self, jobs: Jobs) -> None:
        """Read streams with a backlog one by one, then all others in one call."""
        if self._lanes.queued_bytes >= QUEUED_BYTES:
            await asyncio.sleep(BUSY_SECONDS)
            return
        open_lanes = {key: lane for key, lane in self._lanes.by_key.items() if lane.reads_stream}
        behind = [key for key, lane in open_lanes.items() if lane.behind][:STREAMS_AT_ONCE]
        for key in behind:
            await self._read_streams(jobs, {key: open_lanes[key]}, block_seconds=None)
        caught_up = {key: lane for key, lane in open_lanes.items() if not lane.behind}
        busy = behind or len(open_lanes) < len(self._lanes.by_key)
        block_seconds = BUSY_SECONDS if busy else BLOCK_SECONDS
        await self._read_streams(jobs, caught_up, block_seconds=block_seconds)

    async def _read_streams(
        self, jobs: Jobs, lanes: Mapping[str, Lane], *, block_seconds: float | None
    ) -> None:
        index = index_key(self._publisher)
        positions = {key: after_seq(lane.received) for key, lane in lanes.items()}
        positions[index] = self._index_position
        answer = await read_streams(
            self._redis, positions, count=ENTRIES_PER_READ, block_seconds=block_seconds
        )
        for entry in answer.pop(index, []):
            self._note_stream(entry, jobs)
        for key, lane in lanes.items():
            entries = answer.get(key, [])
            lane.behind = len(entries) == ENTRIES_PER_READ
            found = self._wire.read(lane.factory_id, entries)
            lane.offer(found.events)
            if found.foreign:
                lane.distrust_stream("it holds entries that its publisher did not write")

    def _note_stream(self, entry: Entry, jobs: Jobs) -> None:
        identifier, fields = entry
        self._index_position = identifier.decode()
        try:
            self._lanes.of(UUID(fields[b"factory_id"].decode()), jobs)
        except (KeyError, ValueError):
            metrics.STREAM_FOREIGN.labels(self._publisher).inc()

    def _note_redis(self, error: Exception | None) -> None:
        if error is not None and not self._redis_away:
            name = type(error).__name__
            logger.warning("Redis is away; the publisher is polled", extra={**self._about(), "error": name})
        if error is None and self._redis_away:
            logger.info("Redis is back", extra=self._about())
        self._redis_away = error is not None

    async def _ask_publisher(self, jobs: Jobs) -> None:
        """Fetch events from the publisher: every second while Redis is away, else every 15 s.

        The latter finds events that Redis has lost. A factory whose stream is not trusted is asked for every
        second too.
        """
        due = 0.0
        while True:
            await asyncio.sleep(AWAY_POLL_SECONDS)
            for lane in self._lanes:
                if lane.is_stream_distrusted:
                    await self._fetch_missing(lane, None)
            if not self._redis_away and time.monotonic() < due:
                continue
            due = time.monotonic() + SAFETY_POLL_SECONDS
            await self._ask_once(jobs)
            heed_cancellation()

    async def _ask_once(self, jobs: Jobs) -> None:
        heads = await self._ask_heads()
        if _milliseconds(self._index_position) > unix_milliseconds() + INDEX_SKEW_MILLISECONDS:
            self._index_position = "0"  # somebody's entry is dated ahead of all that will come
        for factory_id, head in heads.items():
            lane = self._lanes.of(factory_id, jobs)
            if lane is not None:
                self._note_head(lane, head)
        for lane in self._lanes:
            if lane.factory_id in heads or self._redis_away:
                await self._fetch_missing(lane, heads.get(lane.factory_id))

    async def _ask_heads(self) -> Mapping[UUID, int]:
        if self._fetch_heads is None:
            return {}
        try:
            return await self._fetch_heads()
        except Exception as error:  # noqa: BLE001 - the publisher is asked again after any failure
            self._note_silence(error)
            return {}

    def _note_head(self, lane: Lane, head: int) -> None:
        lane.head = head
        if head < lane.position:
            logger.error(
                "the publisher's log ends before what was handled: its database was set back",
                extra={**self._about(), "factory_id": str(lane.factory_id), "head": head},
            )

    async def _fetch_missing(self, lane: Lane, head: int | None) -> None:
        """Fetch the events that the stream lacks from the publisher; a failing factory blocks no other."""
        while not lane.full and (head is None or lane.received < head):
            before = lane.received
            try:
                lane.offer((await self._work.fetch_gap(lane.factory_id, before, GAP_EVENTS)).events)
            except Exception as error:  # noqa: BLE001 - the publisher is asked again after any failure
                self._note_silence(error)
                return
            if lane.received == before:
                return
            metrics.CONSUMER_FETCHED.labels(self._publisher).inc(lane.received - before)

    def _note_silence(self, error: Exception) -> None:
        extra = {**self._about(), "error": type(error).__name__}
        logger.warning("the publisher does not answer", extra=extra)

    def _about(self) -> dict[str, str]:
        return {"publisher": self._publisher, "consumer": self._consumer}


def _milliseconds(stream_id: str) -> int:
    return int(stream_id.partition("-")[0])
