"""Clients of a running Incident Event: requests by role, and an event stream read as a browser reads it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx

from support.servers import AUTH_SECRET
from utils.auth import Role, issue_token

REPORT = {"title": "오일이 새고 있다", "severity": 3, "type": "equipment"}
RULE = {
    "name": "Shakes",
    "equipment": "pump-1",
    "metric": "M",
    "operator": ">",
    "threshold": 10.0,
    "severity": 4,
}


def client_of(
    base_url: str, role: str = "engineer", factories: Any = "*", subject: str = "kim"
) -> httpx.AsyncClient:
    token = issue_token(AUTH_SECRET, subject=subject, role=Role(role), factories=factories)
    return httpx.AsyncClient(
        base_url=base_url, timeout=20, headers={"Authorization": f"Bearer {token}"}, trust_env=False
    )


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
    last_id: int | None = None
    comments: list[str] = field(default_factory=list)
    retry: int | None = None
    _lines: AsyncIterator[str] | None = None

    async def next(self, *, seconds: float = 10) -> Message:
        """Wait for the next event; raises StopAsyncIteration when the stream ends."""
        async with asyncio.timeout(seconds):
            return await self._next()

    async def take(self, count: int) -> list[Message]:
        return [await self.next() for _ in range(count)]

    async def opened(self) -> None:
        """Wait for the first words of the stream."""
        async with asyncio.timeout(10):
            while not self.comments:
                await self._line()

    async def ended(self, *, seconds: float = 10) -> None:
        """Wait for the stream's end, whatever comes before it."""
        async with asyncio.timeout(seconds):
            try:
                while True:
                    await self._line()
            except StopAsyncIteration:
                return

    async def _next(self) -> Message:
        type_, data = "message", ""
        while True:
            name, value = await self._line()
            if name == "event":
                type_ = value
            elif name == "data":
                data += value
            elif not name and data:
                return Message(self.last_id or 0, type_, json.loads(data))
            elif not name:
                type_ = "message"

    async def _line(self) -> tuple[str, str]:
        if self._lines is None:
            self._lines = aiter(self.response.aiter_lines())
        line = await anext(self._lines)
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if line and not name:
            self.comments.append(value)
        elif name == "id":
            self.last_id = int(value)
        elif name == "retry":
            self.retry = int(value)
        return name, value


@asynccontextmanager
async def listening(
    client: httpx.AsyncClient, factory_id: UUID, *, last_id: int | str | None = None, **query: str
) -> AsyncIterator[Listener]:
    """Hold an event stream open."""
    headers = {} if last_id is None else {"Last-Event-ID": str(last_id)}
    params = {"factory": str(factory_id), **query}
    async with client.stream("GET", "/v1/events", params=params, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        listener = Listener(response)
        await listener.opened()
        yield listener
