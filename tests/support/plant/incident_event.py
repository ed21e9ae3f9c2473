"""What tests ask of a running Incident Event: a report, a rule, and an event stream as a browser reads it."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from httpx_sse import EventSource, ServerSentEvent

REPORT = {"title": "오일이 새고 있다", "severity": 3, "type": "equipment"}
RULE = {
    "name": "Shakes",
    "equipment": "pump-1",
    "metric": "M",
    "operator": ">",
    "threshold": 10.0,
    "severity": 4,
}


async def report(client: httpx.AsyncClient, factory_id: UUID, **fields: Any) -> Any:
    """Report an incident that is accepted."""
    answer = await client.post("/v1/incidents", json={"factory_id": str(factory_id), **REPORT, **fields})
    assert answer.status_code == 201, answer.text
    return answer.json()


@dataclass
class Message:
    """One event as dispatched by the rules of the HTML standard."""

    id: int
    type: str
    data: Any


@dataclass
class Listener:
    """An open stream; `last_id` moves also without an event, as the standard says."""

    response: httpx.Response
    messages: AsyncGenerator[ServerSentEvent, None]
    last_id: int | None = None
    retry: int | None = None

    async def next(self, *, seconds: float = 10) -> Message:
        """Wait for the next event; raises StopAsyncIteration when the stream ends."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.word()
                if message.data:
                    return Message(int(message.id), message.event, json.loads(message.data))

    async def take(self, count: int) -> list[Message]:
        return [await self.next() for _ in range(count)]

    async def opened(self, *, is_resumed: bool) -> None:
        """Wait for the first word of a stream that resumes, and for the position of a live one."""
        async with asyncio.timeout(10):
            await self.word()
            while not is_resumed and self.last_id is None:
                await self.word()

    async def ended(self, *, seconds: float = 10) -> None:
        """Wait for the stream's end, whatever comes before it."""
        async with asyncio.timeout(seconds):
            try:
                while True:
                    await self.word()
            except StopAsyncIteration:
                return

    async def word(self) -> ServerSentEvent:
        """Wait for the next message, also for one without an event."""
        message = await anext(self.messages)
        self.last_id = int(message.id) if message.id else self.last_id
        self.retry = self.retry if message.retry is None else message.retry
        return message


LAST_ID_PARAMETERS = {"last_event_id", "lastEventId"}


@asynccontextmanager
async def listening(
    client: httpx.AsyncClient, factory_id: UUID, *, last_id: int | str | None = None, **query: str
) -> AsyncIterator[Listener]:
    """Hold an event stream open."""
    headers = {} if last_id is None else {"Last-Event-ID": str(last_id)}
    params = {"factory": str(factory_id), **query}
    async with client.stream("GET", "/v1/events", params=params, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        async with aclosing(EventSource(response).aiter_sse()) as messages:
            listener = Listener(response, messages)
            await listener.opened(is_resumed=bool(headers) or not query.keys().isdisjoint(LAST_ID_PARAMETERS))
            yield listener
