"""What the tests of outbox, relay and streams share: an event, a publisher, and ways to wait."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar
from uuid import UUID

import msgspec
from prometheus_client import Counter, Gauge
from pydantic import SecretStr
from redis.asyncio import Redis

from utils.database import Database, Transaction
from utils.outbox import EventLog, Outbox, StoredEvent
from utils.relay import Relay
from utils.streams import FetchGap, Gap, Seal
from utils.streams.wire import Wire

AT = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)
SERVICE = "kit"


class Happened(msgspec.Struct, frozen=True):
    """Something happened, told apart by its number."""

    type: ClassVar[str] = "thing.happened.v1"
    number: int
    padding: str = ""


async def publish(
    database: Database, factory_id: UUID, *numbers: int, padding: str = "", together: bool = False
) -> None:
    """Publish events, each in a transaction of its own unless `together`."""
    batches = [numbers] if together else [(number,) for number in numbers]
    for batch in batches:
        async with database.transaction() as transaction:
            outbox = Outbox(transaction)
            for number in batch:
                outbox.publish(factory_id, Happened(number, padding), at=AT)


def number_of(event: StoredEvent) -> int:
    """Give the number the event was published with."""
    return msgspec.json.decode(event.payload, type=Happened).number


async def stream(redis: Redis, factory_id: UUID) -> list[StoredEvent]:
    """Give all a factory's stream holds."""
    wire = Wire(SERVICE, Seal(SERVICE, None))
    return (await wire.range(redis, factory_id, after=0, count=100_000)).events


async def entries(redis: Redis, key: str, count: int | None = None) -> list[tuple[bytes, dict[bytes, bytes]]]:
    """Give a stream's raw entries."""
    answer: Any = await redis.xrange(key, count=count)
    return list(answer)


async def eventually(check: Callable[[], Awaitable[bool]], *, seconds: float = 20) -> None:
    """Wait until `check` holds; a server that is away counts as not yet."""
    deadline = time.monotonic() + seconds
    error: Exception | None = None
    while time.monotonic() < deadline:
        try:
            if await check():
                return
        except Exception as caught:  # noqa: BLE001 - shown if it never holds
            error = caught
        await asyncio.sleep(0.02)
    raise AssertionError(f"did not become true within {seconds} s (last error: {error!r})")


async def stream_reaches(redis: Redis, factory_id: UUID, seq: int, *, seconds: float = 20) -> None:
    """Wait until a factory's stream ends with `seq`."""

    async def reached() -> bool:
        events = await stream(redis, factory_id)
        return bool(events) and events[-1].seq == seq

    await eventually(reached, seconds=seconds)


@asynccontextmanager
async def in_background(*runs: Callable[[], Awaitable[None]]) -> AsyncIterator[list["asyncio.Task[None]"]]:
    """Run endless jobs while the block lasts; one that fails by itself fails the test."""
    tasks: list[asyncio.Task[None]] = [asyncio.ensure_future(_run(run)) for run in runs]
    try:
        yield tasks
    finally:
        ended = [task for task in tasks if task.done() and not task.cancelled()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in ended:
        task.result()


async def _run(run: Callable[[], Awaitable[None]]) -> None:
    await run()


def value(metric: Counter | Gauge) -> float:
    """Give a metric's present value."""
    return float(metric._value.get())


def relay(database: Database, redis: Redis, sealing_key: SecretStr | None = None) -> Relay:
    """Make a relay of the kit's own outbox."""
    return Relay(database, redis, SERVICE, sealing_key=sealing_key)


def gaps_of(log: EventLog) -> FetchGap:
    """Return what fetches gaps from a publisher's log."""

    async def fetch(factory_id: UUID, after: int, limit: int) -> Gap:
        oldest, head = await log.extent(factory_id)
        return Gap(await log.read(factory_id, after, limit), head, oldest)

    return fetch


Handle = Callable[[Transaction, list[StoredEvent]], Awaitable[None]]


@dataclass
class Written:
    """Effects that are found only while they are written."""

    handle: Handle
    events: list[StoredEvent]
    position: int

    @property
    def upto(self) -> int:
        return max([self.position, *(event.seq for event in self.events)])

    async def commit(self, transaction: Transaction) -> None:
        if self.events:
            await self.handle(transaction, self.events)


@dataclass
class Handling:
    """A handler that calls a function in the transaction, and remembers what else it is told."""

    handle: Handle
    left: list[UUID] = field(default_factory=list)
    told: list[tuple[str, UUID, int, str]] = field(default_factory=list)
    due_at: dict[UUID, datetime] = field(default_factory=dict)
    ticks: list[UUID] = field(default_factory=list)

    async def prepare(self, factory_id: UUID, events: Sequence[StoredEvent], *, position: int) -> Written:
        if not events:
            self.ticks.append(factory_id)
            self.due_at.pop(factory_id, None)
        return Written(self.handle, list(events), position)

    def due(self, factory_id: UUID) -> datetime | None:
        return self.due_at.get(factory_id)

    async def waiting(self, transaction: Transaction) -> Collection[UUID]:
        await transaction.connection()
        return list(self.due_at)

    async def impaired(self, transaction: Transaction, event: StoredEvent, reason: str) -> None:
        transaction.on_commit(lambda: self.told.append(("impaired", event.factory_id, event.seq, reason)))

    async def restored(self, transaction: Transaction, factory_id: UUID) -> None:
        transaction.on_commit(lambda: self.told.append(("restored", factory_id, 0, "")))

    def forget(self, factory_id: UUID) -> None:
        self.left.append(factory_id)
