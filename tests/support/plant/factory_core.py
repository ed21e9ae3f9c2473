"""A factory of a test's own in a running Factory Core, and readings for it."""

import json
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx

MAX_METRICS = 5
"""How many metrics one piece of equipment of the shared service may have."""


@dataclass
class MeasuredFactory:
    """A factory with equipment, and the ways to its readings."""

    client: httpx.AsyncClient
    factory_id: UUID

    @property
    def path(self) -> str:
        return f"/v1/factories/{self.factory_id}/readings"

    async def send(self, readings: list[Any], batch_id: str | None = None) -> httpx.Response:
        """Send a batch; NaN and infinities go as Python writes them."""
        return await self.send_body({"batch_id": batch_id or uuid4().hex, "readings": readings})

    async def send_body(self, body: Any) -> httpx.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post(self.path, content=raw, headers={"Content-Type": "application/json"})

    async def read(self, source: str = "press-1", metric: str = "force", **query: Any) -> list[Any]:
        answer = await self.client.get(
            self.path, params={"source": source, "metric": metric, "limit": 10_000, **query}
        )
        assert answer.status_code == 200, answer.text
        items: list[Any] = answer.json()["items"]
        return items


async def build_factory(client: httpx.AsyncClient, *tags: str) -> MeasuredFactory:
    created = await client.post("/v1/factories", json={"name": f"factory {uuid4()}"})
    assert created.status_code == 201, created.text
    factory = MeasuredFactory(client, UUID(created.json()["id"]))
    for tag in tags or ("press-1",):
        answer = await client.post(f"/v1/factories/{factory.factory_id}/equipment", json={"tag": tag})
        assert answer.status_code == 201, answer.text
    return factory


def reading(second: float = 0, value: Any = 1.5, **more: Any) -> dict[str, Any]:
    """A reading of press-1's force, so many seconds after 2026-01-15T10:30:00Z (less than an hour)."""
    minutes, seconds = divmod(second, 60)
    at = f"2026-01-15T10:{30 + int(minutes):02}:{seconds:09.6f}Z"
    return {"source": "press-1", "metric": "force", "at": at, "value": value, **more}
