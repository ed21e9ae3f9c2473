"""The asyncio client behind the face of the other, so that one test holds for both."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import AbstractContextManager
from typing import Any, TypeVar, Unpack

import httpx

from plant_client import (
    AsyncPlantClient,
    Event,
    Json,
    Plant,
    PlantClient,
    RequestOptions,
    Reset,
    Service,
    Subscription,
)
from support.servers.scripted import ScriptedServer

T = TypeVar("T")


class Blocking:
    """The asyncio client, each of whose calls is waited for."""

    def __init__(self, plant: Plant, **options: Any) -> None:
        self._runner = asyncio.Runner()
        self._client = AsyncPlantClient(plant, **options)

    def close(self) -> None:
        self._wait(self._client.close())
        self._runner.close()

    def send(
        self, service: Service, method: str, path: str, **options: Unpack[RequestOptions]
    ) -> httpx.Response:
        return self._wait(self._client.send(service, method, path, **options))

    def get(self, service: Service, path: str, **parameters: object) -> Json:
        return self._wait(self._client.get(service, path, **parameters))

    def items(self, service: Service, path: str, **parameters: object) -> Generator[Json, None, None]:
        return self._each(self._client.items(service, path, **parameters))

    def post(
        self,
        service: Service,
        path: str,
        body: Mapping[str, object],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        return self._wait(self._client.post(service, path, body, headers=headers))

    def post_bytes(self, service: Service, path: str, content: bytes, **more: Any) -> Json:
        return self._wait(self._client.post_bytes(service, path, content, **more))

    def follow(self, subscription: Subscription) -> Generator[Event | Reset, None, None]:
        return self._each(self._client.follow(subscription))

    def _each(self, items: AsyncGenerator[T, None]) -> Generator[T, None, None]:
        try:
            while True:
                try:
                    yield self._wait(anext(items))
                except StopAsyncIteration:
                    return
        finally:
            self._wait(items.aclose())

    def _wait(self, awaitable: Awaitable[T]) -> T:
        async def waited() -> T:
            return await awaitable

        return self._runner.run(waited())


Client = PlantClient | Blocking
ClientOf = Callable[..., AbstractContextManager[Client]]
Connect = Callable[..., AbstractContextManager[tuple[ScriptedServer, Client]]]
