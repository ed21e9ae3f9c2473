"""Random faults under load: what is received is what was committed, in order, without a gap, once."""

import asyncio
import contextlib
import itertools
import random
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from uuid import UUID, uuid4

import msgspec
import pytest
from redis.asyncio import Redis

from support.kit.events import SERVICE, Handling, Happened, eventually, gaps_of, in_background, publish, relay
from support.servers import Postgres, Valkey
from utils.database import Database, Transaction, is_connection_fault
from utils.outbox import Doorbell, EventLog, StoredEvent
from utils.streams import EventFeed, StreamConsumer

FACTORIES = 4
WRITERS = 6
FAULTS = 14
INSERT = "INSERT INTO effects (factory_id, seq, text) VALUES ($1, $2, $3)"


class Plant:
    """Writers, relays, consumers and watchers of the same few factories."""

    def __init__(self, database: Database, redis: Redis) -> None:
        self.database = database
        self.redis = redis
        self.log = EventLog(database)
        self.feed = EventFeed(database=database, redis=redis, publisher=SERVICE)
        self.factories = [uuid4() for _ in range(FACTORIES)]
        self.acknowledged: set[int] = set()
        self.watched: dict[UUID, list[int]] = {factory: [] for factory in self.factories}
        self._numbers = itertools.count(1)

    async def write(self) -> None:
        """Publish for ever; a number counts as accepted only when its commit returned."""
        while True:
            number = next(self._numbers)
            try:
                await publish(self.database, random.choice(self.factories), number)  # noqa: S311
            except Exception as error:
                if not is_connection_fault(error):
                    raise
                await asyncio.sleep(0.05)
            else:
                self.acknowledged.add(number)
            await asyncio.sleep(0.004)

    async def consume(self) -> None:
        consumer = StreamConsumer(
            database=self.database,
            redis=self.redis,
            publisher=SERVICE,
            consumer="tests",
            handler=Handling(self.handle),
            fetch_gap=gaps_of(self.log),
            fetch_heads=self.heads,
        )
        await consumer.run()

    async def handle(self, transaction: Transaction, events: list[StoredEvent]) -> None:
        connection = await transaction.connection()
        for event in events:
            number = msgspec.json.decode(event.payload, type=Happened).number
            await connection.execute(INSERT, event.factory_id, event.seq, str(number))

    async def heads(self) -> dict[UUID, int]:
        return dict(await self.log.heads(None, 1000))

    def watcher(self, factory: UUID) -> Callable[[], Awaitable[None]]:
        """Watch a factory as a browser does: when cut, resume after the last id."""

        async def watch() -> None:
            seen = self.watched[factory]
            while True:
                after = seen[-1] if seen else 0
                async with aclosing(self.feed.subscribe(factory, after)) as items:
                    async for item in items:
                        if isinstance(item, StoredEvent):
                            seen.append(item.seq)

        return watch

    async def rows(self, query: str) -> list[tuple[UUID, int, str]]:
        async with self.database.transaction() as transaction:
            rows = await (await transaction.connection()).fetch(query)
        return [tuple(row) for row in rows]


async def inflict(chance: random.Random, postgres: Postgres, valkey: Valkey) -> None:
    """Let every kind of fault happen, in a random order, while the writers write."""
    kinds: list[Callable[[], None]] = [
        postgres.kill,
        postgres.terminate_sessions,
        postgres.pause,
        postgres.restart,
        valkey.kill,
        valkey.flush,
        valkey.pause,
        valkey.terminate_sessions,
        valkey.restart,
    ]
    faults = kinds + chance.choices(kinds, k=FAULTS - len(kinds))
    chance.shuffle(faults)
    for fault in faults:
        await asyncio.sleep(chance.uniform(0.1, 0.4))
        await asyncio.to_thread(fault)
        await asyncio.sleep(chance.uniform(0.0, 0.5))
        await asyncio.to_thread(postgres.heal)
        await asyncio.to_thread(valkey.heal)


@pytest.fixture
async def plant(fresh_database: Database, redis: Redis) -> Plant:
    fresh_database.bell = Doorbell(redis, SERVICE)
    return Plant(fresh_database, redis)


async def test_what_is_received_is_what_was_committed(
    plant: Plant, redis: Redis, hurt_postgres: Postgres, hurt_valkey: Valkey
) -> None:
    relays = [relay(plant.database, redis).run for _ in range(2)]
    watchers = [plant.watcher(factory) for factory in plant.factories]
    async with in_background(*relays, plant.consume, plant.consume, *watchers):
        async with in_background(*([plant.write] * WRITERS)):
            await inflict(random.Random(20260115), hurt_postgres, hurt_valkey)  # noqa: S311
            await asyncio.sleep(0.3)
        await all_arrived(plant)
    await plant.feed.close()

    committed = await plant.rows(
        "SELECT factory_id, seq, convert_from(payload, 'UTF8')::json->>'number' FROM outbox ORDER BY 1, 2"
    )
    handled = await plant.rows("SELECT factory_id, seq, text FROM effects ORDER BY 1, n")
    assert len(plant.acknowledged) > 200
    assert plant.acknowledged <= {int(number) for _, _, number in committed}
    assert handled == committed
    for factory in plant.factories:
        seqs = [seq for owner, seq, _ in committed if owner == factory]
        assert seqs == list(range(1, len(seqs) + 1))
        assert plant.watched[factory] == seqs


async def all_arrived(plant: Plant) -> None:
    """Wait until consumer and watchers have as many events as were committed."""

    async def arrived() -> bool:
        [(_, committed, _)] = await plant.rows("SELECT null::uuid, count(*), '' FROM outbox")
        [(_, handled, _)] = await plant.rows("SELECT null::uuid, count(*), '' FROM effects")
        watched = sum(len(seqs) for seqs in plant.watched.values())
        return committed == handled == watched

    with contextlib.suppress(AssertionError):  # the comparison that follows says more
        await eventually(arrived, seconds=40)
