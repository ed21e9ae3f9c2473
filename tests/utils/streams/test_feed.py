"""Every open connection gets its factory's events: none missing, none twice, whatever is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import pytest
from redis.asyncio import Redis

from support.kit.events import (
    SERVICE,
    eventually,
    in_background,
    number_of,
    publish,
    relay,
    stream_reaches,
    value,
)
from support.servers import Postgres, Valkey
from utils.database import Database
from utils.outbox import EventLog, StoredEvent
from utils.streams import EventFeed, FeedItem, Heartbeat, Reset, metrics, stream_key
from utils.streams.tail import Tail


class Client:
    """A subscriber that writes down what it gets."""

    def __init__(self, feed: EventFeed, factory_id: UUID, after: int | None = None) -> None:
        self.items: list[FeedItem] = []
        self._subscription = feed.subscribe(factory_id, after)

    async def run(self) -> None:
        async with aclosing(self._subscription) as items:
            async for item in items:
                self.items.append(item)

    @property
    def seqs(self) -> list[int]:
        return [item.seq for item in self.items if isinstance(item, StoredEvent)]

    @property
    def start(self) -> FeedItem | None:
        return self.items[0] if self.items else None

    async def has(self, *seqs: int, seconds: float = 20) -> None:
        """Wait until so many events came, then compare them."""

        async def reached() -> bool:
            return len(self.seqs) >= len(seqs)

        await eventually(reached, seconds=seconds)
        assert self.seqs == list(seqs)


@asynccontextmanager
async def following(feed: EventFeed, factory: UUID, *afters: int | None) -> AsyncIterator[list[Client]]:
    """Run a client per position; live ones have begun when the block begins."""
    clients = [Client(feed, factory, after) for after in afters]
    async with in_background(*(client.run for client in clients)):
        for client, after in zip(clients, afters, strict=True):
            if after is None:
                await eventually(partial(begun, client))
        yield clients


async def found(client: Client, item: FeedItem) -> bool:
    return item in client.items


async def begun(client: Client) -> bool:
    return client.start is not None


@pytest.fixture
async def feed(fresh_database: Database, redis: Redis) -> AsyncIterator[EventFeed]:
    feed = EventFeed(database=fresh_database, redis=redis, publisher=SERVICE, heartbeat_seconds=0.3)
    yield feed
    await feed.close()


@pytest.fixture
def publisher(fresh_database: Database, redis: Redis) -> Any:
    return relay(fresh_database, redis).run


async def test_a_new_client_begins_at_the_head_and_gets_what_comes(
    feed: EventFeed, fresh_database: Database, publisher: Any, redis: Redis
) -> None:
    factory = uuid4()
    async with in_background(publisher):
        await publish(fresh_database, factory, 10, 20)
        await stream_reaches(redis, factory, 2)
        async with following(feed, factory, None) as [client]:
            assert client.start == Heartbeat(2)
            await publish(fresh_database, factory, 30)
            await client.has(3)
    assert [number_of(item) for item in client.items if isinstance(item, StoredEvent)] == [30]


async def test_a_client_of_a_factory_without_events_begins_at_zero(
    feed: EventFeed, fresh_database: Database, publisher: Any
) -> None:
    factory = uuid4()
    async with in_background(publisher), following(feed, factory, None) as [client]:
        assert client.start == Heartbeat(0)
        await publish(fresh_database, factory, 1)
        await client.has(1)


async def test_clients_resume_where_they_were_and_join_what_is_live(
    feed: EventFeed, fresh_database: Database, publisher: Any, redis: Redis
) -> None:
    factory = uuid4()
    async with in_background(publisher):
        await publish(fresh_database, factory, *range(1, 301), together=True)
        await stream_reaches(redis, factory, 300)
        async with following(feed, factory, 0, 150, 299, 300) as clients:
            await publish(fresh_database, factory, *range(301, 311))
            for client, after in zip(clients, (0, 150, 299, 300), strict=True):
                await client.has(*range(after + 1, 311))


async def test_resuming_while_events_come_leaves_no_gap_and_no_duplicate(
    feed: EventFeed, fresh_database: Database, publisher: Any, redis: Redis
) -> None:
    factory = uuid4()
    afters = [0, 3, 50, 99, 100]

    async def keep_publishing() -> None:
        for number in range(101, 201):
            await publish(fresh_database, factory, number)

    async with in_background(publisher):
        await publish(fresh_database, factory, *range(1, 101), together=True)
        await stream_reaches(redis, factory, 100)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(keep_publishing())
            async with following(feed, factory, *afters) as clients:
                for client, after in zip(clients, afters, strict=True):
                    await client.has(*range(after + 1, 201))


async def test_a_silent_factory_gives_heartbeats(feed: EventFeed) -> None:
    async with following(feed, uuid4(), None) as [client]:

        async def beats() -> bool:
            return client.items.count(Heartbeat(0)) >= 3

        await eventually(beats)


async def test_a_client_that_missed_purged_events_is_reset_and_then_live(
    feed: EventFeed, fresh_database: Database, publisher: Any, redis: Redis
) -> None:
    factory = uuid4()
    async with in_background(publisher):
        await publish(fresh_database, factory, *range(1, 11))
        await stream_reaches(redis, factory, 10)
        async with fresh_database.transaction() as transaction:
            await (await transaction.connection()).execute("DELETE FROM outbox WHERE seq <= 5")
        async with following(feed, factory, 3, 5) as [late, just_in_time]:
            await just_in_time.has(*range(6, 11))
            await eventually(lambda: begun(late))
            assert late.start == Reset(10)
            await publish(fresh_database, factory, 11)
            await late.has(11)


class LateNews(EventLog):
    """A history in which an event is published right after a read has found nothing."""

    def __init__(self, database: Database, factory_id: UUID) -> None:
        super().__init__(database)
        self._publish = partial(publish, database, factory_id, 3)
        self._factory_id = factory_id

    async def read(self, *arguments: Any, **options: Any) -> list[StoredEvent]:
        events = await super().read(*arguments, **options)
        if not events and await self.head(self._factory_id) == 2:
            await self._publish()
            await eventually(self._is_numbered)
        return events

    async def _is_numbered(self) -> bool:
        return await self.head(self._factory_id) == 3


async def test_an_event_that_comes_between_two_looks_at_the_history_is_no_loss(
    feed: EventFeed, fresh_database: Database, publisher: Any, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    factory = uuid4()
    async with in_background(publisher):
        await publish(fresh_database, factory, 1, 2)
        await stream_reaches(redis, factory, 2)
        monkeypatch.setattr(feed, "_log", LateNews(fresh_database, factory))
        # A client of another replica knows event 2; the follower here has not seen it yet.
        monkeypatch.setattr(Tail, "after", lambda _tail, _seq: None)
        subscription = feed.subscribe(factory, 2)
        items = [await anext(subscription) for _ in range(2)]
        await subscription.aclose()
    assert Reset(3) not in items
    assert [item.seq for item in items if isinstance(item, StoredEvent)] == [3]


async def test_a_client_from_the_future_is_reset(
    feed: EventFeed, fresh_database: Database, publisher: Any, redis: Redis
) -> None:
    factory = uuid4()
    async with in_background(publisher):
        await publish(fresh_database, factory, 1, 2)
        await stream_reaches(redis, factory, 2)
        async with following(feed, factory, 77) as [client]:
            await eventually(lambda: begun(client))
            assert client.start == Reset(2)


async def test_a_slow_client_is_cut_and_resumes_without_a_gap(
    feed: EventFeed,
    fresh_database: Database,
    publisher: Any,
    redis: Redis,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("utils.streams.tail.RING_EVENTS", 10)
    factory = uuid4()
    before = value(metrics.FEED_CUT)
    got: list[int] = []
    async with in_background(publisher):
        async with aclosing(feed.subscribe(factory)) as items:
            assert await anext(items) == Heartbeat(0)
            await publish(fresh_database, factory, *range(1, 41))
            await stream_reaches(redis, factory, 40)
            await asyncio.sleep(0.1)
            got += [item.seq async for item in items if isinstance(item, StoredEvent)]
        assert value(metrics.FEED_CUT) - before == 1
        async with following(feed, factory, len(got)) as [client]:
            await client.has(*range(len(got) + 1, 41))


async def test_events_come_while_redis_is_away_and_after(
    feed: EventFeed, fresh_database: Database, publisher: Any, hurt_valkey: Valkey
) -> None:
    factory = uuid4()
    async with in_background(publisher), following(feed, factory, None) as [client]:
        await publish(fresh_database, factory, 1)
        await client.has(1)
        hurt_valkey.stop()
        await publish(fresh_database, factory, 2, 3)
        await client.has(1, 2, 3)
        hurt_valkey.start()
        await publish(fresh_database, factory, 4)
        await client.has(1, 2, 3, 4)


async def test_events_come_while_redis_hangs(
    feed: EventFeed, fresh_database: Database, publisher: Any, hurt_valkey: Valkey
) -> None:
    factory = uuid4()
    async with in_background(publisher), following(feed, factory, None) as [client]:
        await publish(fresh_database, factory, 1)
        await client.has(1)
        hurt_valkey.pause()
        await publish(fresh_database, factory, 2)
        await client.has(1, 2)


async def test_a_wiped_redis_goes_unnoticed(
    feed: EventFeed, fresh_database: Database, publisher: Any, valkey: Valkey
) -> None:
    factory = uuid4()
    async with in_background(publisher), following(feed, factory, 0) as [client]:
        for seq in range(1, 31):
            await publish(fresh_database, factory, seq)
            if seq % 7 == 0:
                valkey.flush()
        await client.has(*range(1, 31))


async def test_cut_connections_go_unnoticed(
    feed: EventFeed, fresh_database: Database, publisher: Any, valkey: Valkey, postgres: Postgres
) -> None:
    factory = uuid4()
    async with in_background(publisher), following(feed, factory, 0) as [client]:
        for seq in range(1, 21):
            await publish(fresh_database, factory, seq)
            if seq % 5 == 0:
                valkey.terminate_sessions()
            if seq % 7 == 0:
                postgres.terminate_sessions()
                await asyncio.sleep(0.05)
        await client.has(*range(1, 21))


async def test_live_events_and_recent_history_come_while_postgresql_hangs(
    feed: EventFeed, fresh_database: Database, publisher: Any, redis: Redis, hurt_postgres: Postgres
) -> None:
    factory = uuid4()
    async with in_background(publisher):
        await publish(fresh_database, factory, 1, 2, 3)
        await stream_reaches(redis, factory, 3)
    hurt_postgres.pause()
    async with following(feed, factory, None, 1) as [fresh, resumed]:
        await eventually(lambda: found(fresh, Heartbeat(3)))
        await resumed.has(2, 3)
        entry: dict[Any, Any] = {
            "seq": 4,
            "type": "thing.happened.v1",
            "factory_id": str(factory),
            "at": "2026-01-15T10:30:00Z",
            "payload": '{"number":4}',
        }
        await redis.xadd(stream_key(SERVICE, factory), entry, id="4-0")
        await fresh.has(4)
        await resumed.has(2, 3, 4)


async def test_events_share_one_encoding(feed: EventFeed, fresh_database: Database, publisher: Any) -> None:
    factory = uuid4()
    async with in_background(publisher), following(feed, factory, None, None) as [one, other]:
        await publish(fresh_database, factory, 1)
        await one.has(1)
        await other.has(1)
    [first], [second] = (
        [item for item in client.items if isinstance(item, StoredEvent)] for client in (one, other)
    )
    assert first is second
    assert first.sse == (
        b'id: 1\nevent: thing.happened.v1\ndata: {"seq":1,"type":"thing.happened.v1","factory_id":"%s",'
        b'"at":"2026-01-15T10:30:00Z","payload":{"number":1,"padding":""}}\n\n' % str(factory).encode()
    )


async def test_an_unwatched_factory_is_forgotten(feed: EventFeed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.streams.feed.LINGER_SECONDS", 0.05)
    async with following(feed, uuid4(), None):
        assert len(feed._tails) == 1

    async def forgotten() -> bool:
        return not feed._tails and not feed._tasks

    await eventually(forgotten)


async def test_a_thousand_clients_get_every_event(
    feed: EventFeed, fresh_database: Database, publisher: Any
) -> None:
    factory = uuid4()
    async with in_background(publisher), following(feed, factory, *([None] * 1000)) as clients:
        await publish(fresh_database, factory, *range(1, 21))
        for client in clients:
            await client.has(*range(1, 21))
