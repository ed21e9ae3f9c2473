"""A consumer handles every event once, in order, whatever Redis, PostgreSQL or the publisher do meanwhile."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from prometheus_client import Gauge
from redis.asyncio import Redis

from support.kit.events import (
    SERVICE,
    Handling,
    eventually,
    gaps_of,
    in_background,
    number_of,
    publish,
    relay,
    stream_reaches,
    value,
)
from support.servers import Postgres, Valkey
from utils.clock import utc_now
from utils.database import Database, Transaction
from utils.outbox import EventLog, StoredEvent
from utils.streams import Gap, SetAsideList, StreamConsumer, index_key, metrics, stream_key
from utils.streams.handling import ENDED
from utils.streams.share import PartitionShare, partition_of

INSERT = "INSERT INTO effects (factory_id, seq, text) VALUES ($1, $2, $3)"


class ProcessEndedError(BaseException):
    """A process ended while it handled an event."""


class Worker:
    """A consumer of the kit's own events that writes one row per event."""

    def __init__(self, database: Database, redis: Redis) -> None:
        self.database = database
        self.log = EventLog(database)
        self.redis = redis
        self.batches: list[int] = []
        self.gaps: list[tuple[int, int]] = []
        self.process = uuid4()
        self.broken: set[int] = set()
        self.deadly: set[int] = set()
        self.failures: list[Exception] = []
        self.handled: set[UUID] = set()
        self.attempts: list[tuple[UUID, int]] = []
        self.slow_seconds = 0.0
        self.handler = Handling(self.handle)
        self.running = self.consumer()

    def consumer(self, **changes: Any) -> StreamConsumer:
        arguments: dict[str, Any] = {
            "database": self.database,
            "redis": self.redis,
            "publisher": SERVICE,
            "consumer": "tests",
            "handler": self.handler,
            "fetch_gap": self.fetch_gap,
            "fetch_heads": self.fetch_heads,
            "process": self.process,
        }
        return StreamConsumer(**{**arguments, **changes})

    async def run(self) -> None:
        await self.consumer().run()

    async def handle(self, transaction: Transaction, events: list[StoredEvent]) -> None:
        self.batches.append(len(events))
        self.handled.add(events[0].factory_id)
        self.attempts += [(event.factory_id, event.seq) for event in events]
        await asyncio.sleep(self.slow_seconds)
        connection = await transaction.connection()
        if self.failures:
            raise self.failures.pop()
        for event in events:
            if number_of(event) in self.deadly:
                raise ProcessEndedError
            await connection.execute(INSERT, event.factory_id, event.seq, str(number_of(event)))
            if number_of(event) in self.broken:
                raise ValueError(f"cannot handle {number_of(event)}")

    async def lives_until_it_has_handled(self, factory_id: UUID, last: int) -> None:
        """Run as a process that ends at once, without a word, with an event of `deadly`."""
        self.process = uuid4()
        running = asyncio.ensure_future(self.run())
        try:

            async def handled() -> bool:
                return running.done() or last in await self.effects(factory_id)

            await eventually(handled)
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    async def has_effects(self, factory_id: UUID, *seqs: int) -> None:
        async def has() -> bool:
            return await self.effects(factory_id) == list(seqs)

        await eventually(has)

    async def shows(self, gauge: Gauge, wanted: int) -> bool:
        return value(gauge.labels(SERVICE)) == wanted

    async def has_ticked(self, factory_id: UUID) -> bool:
        return factory_id in self.handler.ticks

    async def retry(self, factory_id: UUID) -> list[tuple[int, int]]:
        """Ask for another attempt at all that is set aside; give (seq, attempts)."""
        async with self.database.transaction() as transaction:
            asked = await SetAsideList(transaction, "tests").request_retry(factory_id, None, utc_now())
        return [(event.seq, event.attempts) for event in asked]

    async def is_set_aside(self, factory_id: UUID, *events: tuple[int, int]) -> bool:
        async with self.database.transaction() as transaction:
            held = await SetAsideList(transaction, "tests").list_after([factory_id], None, 100)
        return [(event.seq, event.attempts) for event in held if not event.retry_requested_at] == list(events)

    async def fetch_gap(self, factory_id: UUID, after: int, limit: int) -> Gap:
        self.gaps.append((after, limit))
        return await gaps_of(self.log)(factory_id, after, limit)

    async def fetch_heads(self) -> dict[UUID, int]:
        return dict(await self.log.heads(None, 1000))

    async def effects(self, factory_id: UUID) -> list[int]:
        """Give the seqs of all effects, in the order they were written."""
        async with self.database.transaction() as transaction:
            connection = await transaction.connection()
            rows = await connection.fetch(
                "SELECT seq FROM effects WHERE factory_id = $1 ORDER BY n", factory_id
            )
        return [row["seq"] for row in rows]

    async def has_handled(self, factory_id: UUID, last: int, *, seconds: float = 20) -> None:
        """Wait for the effects of 1..last, each once and in order."""

        async def handled() -> bool:
            return len(await self.effects(factory_id)) >= last

        await eventually(handled, seconds=seconds)
        assert await self.effects(factory_id) == list(range(1, last + 1))


@pytest.fixture
def worker(fresh_database: Database, redis: Redis) -> Worker:
    return Worker(fresh_database, redis)


@pytest.fixture
def publisher(fresh_database: Database, redis: Redis) -> Callable[[], Any]:
    return relay(fresh_database, redis).run


async def test_events_are_handled_in_order_and_in_few_transactions(worker: Worker, publisher: Any) -> None:
    factory = uuid4()
    await publish(worker.database, factory, *range(1, 301), together=True)
    async with in_background(publisher, worker.run):
        await worker.has_handled(factory, 300)
    assert len(worker.batches) < 30
    assert worker.gaps == []


async def test_live_events_of_many_factories_are_handled(worker: Worker, publisher: Any) -> None:
    factories = [uuid4() for _ in range(10)]
    async with in_background(publisher, worker.run):
        for number in range(5):
            for factory in factories:
                await publish(worker.database, factory, number)
        for factory in factories:
            await worker.has_handled(factory, 5)


async def test_a_restarted_consumer_goes_on_where_it_was(worker: Worker, publisher: Any) -> None:
    factory = uuid4()
    async with in_background(publisher):
        async with in_background(worker.run):
            await publish(worker.database, factory, 1, 2, 3)
            await worker.has_handled(factory, 3)
        await publish(worker.database, factory, 4, 5)
        async with in_background(worker.run):
            await worker.has_handled(factory, 5)


async def test_what_the_stream_has_trimmed_is_fetched_from_the_publisher(
    worker: Worker, publisher: Any, redis: Redis
) -> None:
    factory = uuid4()
    async with in_background(publisher):
        await publish(worker.database, factory, *range(1, 151), together=True)
        await stream_reaches(redis, factory, 150)
        await redis.xtrim(stream_key(SERVICE, factory), minid="140-0", approximate=False)
        async with in_background(worker.run):
            await worker.has_handled(factory, 150)
    assert worker.gaps[0][0] == 0


async def test_a_hole_in_the_stream_is_fetched_from_the_publisher(
    worker: Worker, publisher: Any, redis: Redis
) -> None:
    factory = uuid4()
    async with in_background(publisher):
        await publish(worker.database, factory, *range(1, 11))
        await stream_reaches(redis, factory, 10)
        await redis.xdel(stream_key(SERVICE, factory), *(f"{seq}-0" for seq in range(4, 8)))
        async with in_background(worker.run):
            await worker.has_handled(factory, 10)


async def test_consuming_goes_on_while_redis_is_away(
    worker: Worker, publisher: Any, hurt_valkey: Valkey
) -> None:
    factory, born_meanwhile = uuid4(), uuid4()
    async with in_background(publisher, worker.run):
        await publish(worker.database, factory, 1)
        await worker.has_handled(factory, 1)
        hurt_valkey.stop()
        await publish(worker.database, factory, 2, 3)
        await publish(worker.database, born_meanwhile, 1)
        await worker.has_handled(factory, 3)
        await worker.has_handled(born_meanwhile, 1)
        hurt_valkey.start()
        await publish(worker.database, factory, 4)
        await worker.has_handled(factory, 4)


async def test_consuming_goes_on_while_redis_hangs(
    worker: Worker, publisher: Any, hurt_valkey: Valkey
) -> None:
    factory = uuid4()
    async with in_background(publisher, worker.run):
        await publish(worker.database, factory, 1)
        await worker.has_handled(factory, 1)
        hurt_valkey.pause()
        await publish(worker.database, factory, 2)
        await worker.has_handled(factory, 2)
        hurt_valkey.resume()
        await publish(worker.database, factory, 3)
        await worker.has_handled(factory, 3)


async def test_a_wiped_redis_loses_nothing(worker: Worker, publisher: Any, valkey: Valkey) -> None:
    factory = uuid4()
    async with in_background(publisher, worker.run):
        for round_ in range(4):
            await publish(worker.database, factory, *range(5))
            valkey.flush()
            await publish(worker.database, factory, *range(5))
            await worker.has_handled(factory, 10 * (round_ + 1))


async def test_a_stream_nobody_told_of_is_found_all_the_same(
    worker: Worker, publisher: Any, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utils.streams.consumer.SAFETY_POLL_SECONDS", 0.5)
    factory, other = uuid4(), uuid4()
    async with in_background(publisher):
        await publish(worker.database, factory, 1, 2)
        await publish(worker.database, other, 1)
        await stream_reaches(redis, factory, 2)
        await redis.xtrim(index_key(SERVICE), maxlen=0, approximate=False)
        async with in_background(worker.run):
            await worker.has_handled(factory, 2)


async def test_a_poison_event_is_set_aside_and_blocks_nothing(worker: Worker, publisher: Any) -> None:
    sick, well = uuid4(), uuid4()
    failures = metrics.CONSUMER_FAILURES.labels(SERVICE)
    before = value(failures)
    worker.broken = {3}
    await publish(worker.database, sick, 1, 2, 3, 4)
    await publish(worker.database, well, 10, 20)
    async with in_background(publisher, worker.run):
        await worker.has_handled(well, 2)
        await worker.has_effects(sick, 1, 2, 4)
        assert value(failures) >= before + 3
        assert worker.handler.told == [("impaired", sick, 3, "ValueError")]
        await eventually(partial(worker.shows, metrics.CONSUMER_SET_ASIDE, 1))
        assert await worker.retry(sick) == [(3, 3)]
        await eventually(partial(worker.is_set_aside, sick, (3, 4)))
        worker.broken = set()
        await worker.retry(sick)
        await worker.has_effects(sick, 1, 2, 4, 3)
        await eventually(partial(worker.shows, metrics.CONSUMER_SET_ASIDE, 0))
        assert worker.handler.told[1:] == [("restored", sick, 0, "")]


async def test_an_event_that_ends_the_process_is_found_and_set_aside(worker: Worker, publisher: Any) -> None:
    sick, well = uuid4(), uuid4()
    await publish(worker.database, sick, 1, 2, 3, 4)
    await publish(worker.database, well, 1)
    worker.deadly = {3}
    async with in_background(publisher):
        for _ in range(6):
            with suppress(ProcessEndedError):
                await worker.lives_until_it_has_handled(sick, 4)
    assert await worker.effects(sick) == [1, 2, 4]
    assert await worker.effects(well) == [1]
    assert worker.handler.told == [("impaired", sick, 3, ENDED)]
    assert worker.attempts.count((sick, 3)) == 3


async def test_processes_that_end_for_another_reason_set_nothing_aside(
    worker: Worker, publisher: Any
) -> None:
    factory = uuid4()
    await publish(worker.database, factory, *range(1, 11))
    async with in_background(publisher):
        for number in (3, 5, 7):
            worker.deadly = {number}
            with suppress(ProcessEndedError):
                await worker.lives_until_it_has_handled(factory, 10)
        worker.deadly = set()
        async with in_background(worker.run):
            await worker.has_handled(factory, 10)
    assert worker.handler.told == []


async def test_a_process_that_stops_in_order_again_and_again_sets_nothing_aside(
    worker: Worker, publisher: Any
) -> None:
    factory = uuid4()
    await publish(worker.database, factory, 1)
    worker.slow_seconds = 60
    async with in_background(publisher):
        for number in range(1, 5):
            worker.process = uuid4()
            async with in_background(worker.run):

                async def begun(number: int = number) -> bool:
                    return worker.attempts.count((factory, 1)) >= number

                await eventually(begun)
        worker.slow_seconds = 0
        async with in_background(worker.run):
            await worker.has_handled(factory, 1)
    assert worker.handler.told == []


@pytest.mark.parametrize(
    "error", [asyncpg.DeadlockDetectedError(), asyncpg.DiskFullError(), asyncpg.ReadOnlySQLTransactionError()]
)
async def test_a_fault_of_the_database_sets_nothing_aside(
    error: Exception, worker: Worker, publisher: Any
) -> None:
    factory = uuid4()
    await publish(worker.database, factory, 1, 2)
    worker.failures = [error] * 4
    async with in_background(publisher, worker.run):
        await worker.has_handled(factory, 2)
    assert worker.handler.told == []


async def test_time_passes_for_a_factory_without_events(worker: Worker, publisher: Any) -> None:
    factory, other = uuid4(), uuid4()
    await publish(worker.database, factory, 1)
    async with in_background(publisher, worker.run):
        await worker.has_handled(factory, 1)
        worker.handler.due_at[factory] = utc_now() + timedelta(seconds=0.2)
        worker.handler.due_at[other] = utc_now() + timedelta(hours=1)
        await publish(worker.database, factory, 2)  # so that the lane looks when the next thing is due
        await worker.has_handled(factory, 2)
        await eventually(partial(worker.has_ticked, factory))
    assert worker.handler.ticks == [factory]


async def test_what_waits_for_a_time_is_found_at_the_start(worker: Worker) -> None:
    factory = uuid4()
    worker.handler.due_at[factory] = utc_now()
    async with in_background(worker.run):
        await eventually(partial(worker.has_ticked, factory))


async def test_of_two_consumers_of_one_partition_the_second_takes_over(
    worker: Worker, publisher: Any
) -> None:
    factory = uuid4()
    async with in_background(publisher), in_background(worker.run, worker.run) as consumers:
        await publish(worker.database, factory, *range(1, 6))
        await worker.has_handled(factory, 5)
        consumers.pop(0).cancel()
        await publish(worker.database, factory, *range(6, 11))
        await worker.has_handled(factory, 10)


async def test_a_consumer_that_lost_its_lock_without_noticing_doubles_nothing(
    worker: Worker, publisher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def everything(share: PartitionShare, _stop_work: object) -> set[int]:
        taken = {0} - share.held
        share._held.update(taken)
        return taken

    monkeypatch.setattr(PartitionShare, "balance", everything)
    factory = uuid4()
    async with in_background(publisher, worker.run, worker.run):
        for number in range(60):
            await publish(worker.database, factory, number)
        await worker.has_handled(factory, 60)


def sharing(*workers: Worker, **changes: Any) -> list[Callable[[], Any]]:
    """Give the runs of consumers that share eight partitions."""
    for one in workers:
        one.running = one.consumer(partitions=8, **changes)
    return [one.running.run for one in workers]


def factories_of_all_partitions() -> list[UUID]:
    """Give three factories of each of eight partitions."""
    found: dict[int, list[UUID]] = {number: [] for number in range(8)}
    while min(len(one) for one in found.values()) < 3:
        factory = uuid4()
        found[partition_of(factory, 8)].append(factory)
    return [factory for one in found.values() for factory in one[:3]]


async def all_share(*workers: Worker) -> bool:
    """Say whether eight partitions are divided evenly."""
    shares = [one.running._lanes.open_partitions for one in workers]
    return sum(shares) == 8 and max(shares) - min(shares) <= 1


async def all_begun(factories: list[UUID], *workers: Worker) -> bool:
    """Say whether somebody has seen events of each factory."""
    return set(factories) == set().union(*(one.handled for one in workers))


async def test_consumers_divide_the_factories_and_each_event_is_handled_once(
    worker: Worker, publisher: Any
) -> None:
    others = [Worker(worker.database, worker.redis) for _ in range(2)]
    factories = factories_of_all_partitions()
    async with in_background(publisher, *sharing(worker, *others)):
        await eventually(lambda: all_share(worker, *others))
        for factory in factories:
            await publish(worker.database, factory, 1, 2, together=True)
        for factory in factories:
            await worker.has_handled(factory, 2)
    for one in (worker, *others):
        assert one.handled
    assert sum(len(one.handled) for one in (worker, *others)) == len(factories)


async def test_what_comes_while_processes_come_and_go_is_handled_once_and_in_order(
    worker: Worker, publisher: Any
) -> None:
    others = [Worker(worker.database, worker.redis) for _ in range(3)]
    factories = [uuid4() for _ in range(8)]
    rounds = 12
    async with in_background(publisher, *sharing(worker)) as tasks:
        for number in range(rounds):
            for factory in factories:
                await publish(worker.database, factory, number)
            if others:
                tasks.extend(asyncio.ensure_future(run()) for run in sharing(others.pop()))
            elif len(tasks) > 2:
                tasks.pop(1).cancel()
            await asyncio.sleep(0.4)
        for factory in factories:
            await worker.has_handled(factory, rounds)
    assert worker.handler.left, "no factory went to another process"


async def test_what_is_under_way_when_a_factory_goes_to_another_process_is_finished_first(
    worker: Worker, publisher: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utils.streams.lanes.LET_GO_SECONDS", 10.0)
    other = Worker(worker.database, worker.redis)
    worker.slow_seconds = 0.6  # longer than until the next event: something is always under way
    factories = factories_of_all_partitions()[::3]
    async with in_background(publisher, *sharing(worker)) as tasks:
        await eventually(lambda: all_share(worker))
        for number in range(20):
            for factory in factories:
                await publish(worker.database, factory, number)
            if number == 5:
                tasks.extend(asyncio.ensure_future(run()) for run in sharing(other))
            await asyncio.sleep(0.1)
        for factory in factories:
            await worker.has_handled(factory, 20)
    attempts = worker.attempts + other.attempts
    assert other.attempts
    assert sorted(attempts) == sorted(set(attempts)), "nothing was broken off and done again"


async def test_what_hangs_when_a_factory_goes_to_another_process_is_broken_off_and_done_there(
    worker: Worker, publisher: Any
) -> None:
    other = Worker(worker.database, worker.redis)
    worker.slow_seconds = 60
    factories = factories_of_all_partitions()[::3]
    async with in_background(publisher, *sharing(worker)) as tasks:
        await eventually(lambda: all_share(worker))
        for factory in factories:
            await publish(worker.database, factory, 1)
        await eventually(lambda: all_begun(factories, worker))
        tasks.extend(asyncio.ensure_future(run()) for run in sharing(other))
        await eventually(lambda: all_share(worker, other))
        for factory in worker.handler.left:
            await worker.has_handled(factory, 1)
        assert len(worker.handler.left) == 4


async def test_a_factory_nobody_has_begun_is_found_by_who_takes_it_over(
    worker: Worker, publisher: Any
) -> None:
    broken = Worker(worker.database, worker.redis)
    broken.failures = [asyncpg.DeadlockDetectedError()] * 10_000
    factories = factories_of_all_partitions()
    async with in_background(publisher, *sharing(worker, broken, fetch_heads=None)) as tasks:
        await eventually(lambda: all_share(worker, broken))
        for factory in factories:
            await publish(worker.database, factory, 1)
        await eventually(lambda: all_begun(factories, worker, broken))
        assert broken.handled
        tasks.pop().cancel()
        for factory in factories:
            await worker.has_handled(factory, 1)
    assert worker.gaps == []


async def test_figures_are_of_this_process_alone_and_gone_with_its_database(
    worker: Worker, publisher: Any, hurt_postgres: Postgres
) -> None:
    held = metrics.CONSUMER_PARTITIONS_HELD.labels(SERVICE)
    async with in_background(publisher, *sharing(worker)):

        async def holds(number: int) -> bool:
            return value(held) == number

        await eventually(lambda: holds(8))
        assert value(metrics.CONSUMER_PARTITIONS.labels(SERVICE)) == 8
        hurt_postgres.kill()
        await eventually(lambda: holds(0))
        assert not [sample for one in metrics.CONSUMER_LAG.collect() for sample in one.samples]
        hurt_postgres.start()
        await eventually(lambda: holds(8))


async def test_events_nobody_has_any_more_are_counted_as_skipped(
    worker: Worker, publisher: Any, redis: Redis
) -> None:
    factory = uuid4()
    before = value(metrics.CONSUMER_SKIPPED.labels(SERVICE))
    async with in_background(publisher):
        await publish(worker.database, factory, *range(1, 11))
        await stream_reaches(redis, factory, 10)
        await redis.xtrim(stream_key(SERVICE, factory), minid="9-0", approximate=False)
        async with worker.database.transaction() as transaction:
            await (await transaction.connection()).execute("DELETE FROM outbox WHERE seq < 7")
        async with in_background(worker.run):

            async def caught_up() -> bool:
                return await worker.effects(factory) == [7, 8, 9, 10]

            await eventually(caught_up)
    assert value(metrics.CONSUMER_SKIPPED.labels(SERVICE)) - before == 6


async def test_a_publisher_that_does_not_answer_delays_only_the_gap(
    worker: Worker, publisher: Any, redis: Redis
) -> None:
    factory = uuid4()
    answers = iter([OSError("refused"), ValueError("not JSON")])

    async def fetch_gap(factory_id: UUID, after: int, limit: int) -> Gap:
        if error := next(answers, None):
            raise error
        return await worker.fetch_gap(factory_id, after, limit)

    async with in_background(publisher):
        await publish(worker.database, factory, *range(1, 11))
        await stream_reaches(redis, factory, 10)
        await redis.xtrim(stream_key(SERVICE, factory), minid="9-0", approximate=False)
        async with in_background(worker.consumer(fetch_gap=fetch_gap, fetch_heads=None).run):
            await worker.has_handled(factory, 10)


async def test_a_restarted_database_is_waited_for(
    worker: Worker, publisher: Any, hurt_postgres: Postgres
) -> None:
    factory = uuid4()
    async with in_background(publisher, worker.run):
        await publish(worker.database, factory, 1)
        await worker.has_handled(factory, 1)
        hurt_postgres.kill()
        await asyncio.sleep(0.5)
        hurt_postgres.start()
        await publish(worker.database, factory, 2)
        await worker.has_handled(factory, 2)


async def test_the_lag_is_told(worker: Worker, publisher: Any) -> None:
    factory = uuid4()
    worker.broken = {1}
    await publish(worker.database, factory, 1, 2, 3)

    async def told(expected: int) -> bool:
        return value(metrics.CONSUMER_LAG.labels(SERVICE)) == expected

    async with in_background(publisher, worker.run):
        await eventually(lambda: told(3))
        worker.broken = set()
        await eventually(lambda: told(0))
        assert value(metrics.CONSUMER_LAST_SUCCESS.labels(SERVICE)) > 1.7e9
