"""The stream of one connection, where the other side is a server that does what real ones seldom do."""

import asyncio
from collections.abc import AsyncGenerator, Collection
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from incident_event.events.metrics import SSE_CLIENTS, SSE_ENDED
from incident_event.events.stream import EventStream
from support.kit.events import AT
from utils.lifecycle import Lifecycle
from utils.outbox import StoredEvent
from utils.streams import FeedItem, Heartbeat


class Connection:
    """What the server gives an application: it may stop taking, and the client may leave."""

    def __init__(self, *, takes: int = 1000) -> None:
        self.bodies: list[bytes] = []
        self.is_complete = False
        self.left = asyncio.Event()
        self._takes = takes

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            if len(self.bodies) == self._takes:
                await asyncio.Event().wait()
            self.bodies.append(message["body"])
            self.is_complete = not message["more_body"]

    async def receive(self) -> Any:
        await self.left.wait()
        return {"type": "http.disconnect"}


class Source:
    """Items of a feed; knows whether it was given back."""

    def __init__(self, *items: FeedItem, ends: bool = False) -> None:
        self.is_closed = False
        self._items = items
        self._ends = ends

    async def items(self) -> AsyncGenerator[FeedItem, None]:
        try:
            for item in self._items:
                yield item
            if not self._ends:
                await asyncio.Event().wait()
        finally:
            self.is_closed = True


def event(seq: int, type_: str = "incident.reported.v1") -> StoredEvent:
    payload = msgspec.Raw(b'{"n":%d}' % seq)
    return StoredEvent(seq=seq, type=type_, factory_id=uuid4(), at=AT, payload=payload)


def stream(
    source: Source,
    *,
    types: Collection[str] | None = None,
    lifecycle: Lifecycle | None = None,
    seconds_left: float | None = None,
    slow_after: float = 5,
) -> EventStream:
    return EventStream(
        source.items(),
        types=types,
        is_resumed=True,
        lifecycle=lifecycle or Lifecycle(),
        seconds_left=seconds_left,
        slow_after=slow_after,
    )


async def serve(one: EventStream, connection: Connection) -> str:
    """Serve it to its end and give the reason it was counted under."""
    reasons = ("client", "slow", "expired", "drain")
    before = {reason: SSE_ENDED.labels(reason)._value.get() for reason in reasons}
    clients = SSE_CLIENTS._value.get()
    async with asyncio.timeout(5):
        await one({}, connection.receive, connection.send)
    assert SSE_CLIENTS._value.get() == clients
    [ended] = [reason for reason in reasons if SSE_ENDED.labels(reason)._value.get() > before[reason]]
    return ended


async def test_a_client_that_does_not_read_is_cut() -> None:
    source, connection = Source(*(event(seq) for seq in range(1, 50))), Connection(takes=3)
    assert await serve(stream(source, slow_after=0.05), connection) == "slow"
    assert (len(connection.bodies), connection.is_complete, source.is_closed) == (3, False, True)


async def test_a_client_the_feed_has_cut_sees_an_orderly_end() -> None:
    connection = Connection()
    assert await serve(stream(Source(event(1), ends=True)), connection) == "slow"
    assert (len(connection.bodies), connection.is_complete) == (3, True)


async def test_a_client_that_leaves_gives_its_place_back() -> None:
    source, connection = Source(event(1)), Connection()
    asyncio.get_running_loop().call_later(0.05, connection.left.set)
    assert await serve(stream(source), connection) == "client"
    assert source.is_closed


async def test_an_expired_token_and_a_draining_process_end_a_stream_in_order() -> None:
    expired = Connection()
    assert await serve(stream(Source(), seconds_left=0.05), expired) == "expired"
    assert expired.is_complete
    lifecycle, drained = Lifecycle(), Connection()
    asyncio.get_running_loop().call_later(0.05, lifecycle.begin_drain)
    assert await serve(stream(Source(), lifecycle=lifecycle), drained) == "drain"
    assert drained.is_complete


async def test_a_feed_that_fails_is_not_taken_for_a_slow_client() -> None:
    async def broken() -> AsyncGenerator[FeedItem, None]:
        yield Heartbeat(1)
        raise LookupError

    one = stream(Source())
    one._items = broken()
    with pytest.raises(LookupError):
        await one({}, Connection().receive, Connection().send)


def test_data_is_one_line_whatever_the_event_says() -> None:
    payload = msgspec.Raw(msgspec.json.encode({"title": "a\r\nb\u2028c\x85d"}))
    made = StoredEvent(seq=7, type="incident.reported.v1", factory_id=uuid4(), at=AT, payload=payload)
    frame = made.sse
    assert frame.startswith(b"id: 7\nevent: incident.reported.v1\ndata: {")
    assert (frame.count(b"\n"), frame.count(b"\r")) == (4, 0)
    assert frame.endswith(b"}\n\n")
