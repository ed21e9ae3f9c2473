"""The asyncio client."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from types import TracebackType
from typing import Self, Unpack

import httpx
from httpx_sse import EventSource

from plant_client.answers import is_stream, reaching, read_object, refuse_stream
from plant_client.errors import UnreachableError
from plant_client.events import NO_POSITION, PATH, SERVICE, Event, Reset, Subscription
from plant_client.plant import Json, Plant, Service
from plant_client.reading import (
    ACCEPTED_ENCODING,
    Body,
    Limits,
    MessageMeter,
    Unpacker,
    stream_of,
)
from plant_client.requests import (
    WRONG_PROXY,
    WRONG_REQUEST,
    BearerToken,
    Pages,
    RequestOptions,
    building,
    json_body,
    query,
    raw_body,
    wait_at_most,
)


class AsyncPlantClient:
    """A connection to one plant; use it as a context manager.

    Raises:
        UnreachableError: From every request: the plant cannot be reached, or cannot answer now.
        RefusedError: From every request but `send`: the plant refused it.
        UnsendableError: From every request: it cannot be sent, so nothing was.
    """

    def __init__(self, plant: Plant, *, timeout_seconds: float = 30.0, limits: Limits | None = None) -> None:
        self.plant = plant
        self._limits = limits or Limits()
        with building(WRONG_PROXY):
            self._http = httpx.AsyncClient(
                headers={"Accept-Encoding": ACCEPTED_ENCODING},
                auth=BearerToken(plant.token),
                timeout=wait_at_most(timeout_seconds),
                trust_env=not plant.is_local,
            )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def send(
        self, service: Service, method: str, path: str, **options: Unpack[RequestOptions]
    ) -> httpx.Response:
        """Return the answer, whatever its status."""
        url = self.plant.urls[service]
        with building(WRONG_REQUEST):
            request = self._http.build_request(method, url + path, **options)
        with reaching(service, url):
            async with aclosing(await self._http.send(request, stream=True)) as answer:
                return await self._read(service, answer)

    async def get(self, service: Service, path: str, **parameters: object) -> Json:
        """Return one resource; parameters that are None are omitted."""
        return read_object(service, await self.send(service, "GET", path, **query(parameters)))

    async def items(self, service: Service, path: str, **parameters: object) -> AsyncGenerator[Json, None]:
        """Yield every item of a list, page by page."""
        pages = Pages(service, parameters)
        while pages.wanted is not None:
            page = await self.get(service, path, **pages.wanted)
            for item in pages.take(page):
                yield item

    async def post(
        self,
        service: Service,
        path: str,
        body: Mapping[str, object],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """Send a JSON object and return the answer's object."""
        options = json_body(body, headers or {})
        return read_object(service, await self.send(service, "POST", path, **options))

    async def post_bytes(
        self,
        service: Service,
        path: str,
        content: bytes,
        *,
        content_type: str = "application/json",
        **parameters: object,
    ) -> Json:
        """Send bytes as the body and return the answer's object."""
        options = raw_body(content, content_type, parameters)
        return read_object(service, await self.send(service, "POST", path, **options))

    async def follow(self, subscription: Subscription) -> AsyncGenerator[Event | Reset, None]:
        """Yield events in order, each once, and reconnect after every break; it never ends by itself.

        A caller that stops iterating closes the generator (`contextlib.aclosing`).

        Raises:
            UnreachableError: The first connection failed; later ones are retried without a limit.
            RefusedError: The plant refused the request.
        """
        while True:
            try:
                async with aclosing(self._listen(subscription)) as items:
                    async for item in items:
                        if item is not None:
                            yield item
                pause = subscription.note_break()
            except UnreachableError as error:
                pause = subscription.note_break(error)
            await asyncio.sleep(pause)

    async def head(self, factory_id: str) -> int:
        """Return the seq of a factory's last event; 0 if there is none yet.

        Raises:
            UnreachableError: The stream ended before it told its position.
        """
        subscription = Subscription(factory_id)
        async with aclosing(self._listen(subscription)) as items:
            async for _ in items:
                if subscription.position is not None:
                    return subscription.position
        raise UnreachableError(NO_POSITION)

    async def _listen(self, subscription: Subscription) -> AsyncGenerator[Event | Reset | None, None]:
        """Yield what each message of one connection means; None if it only moves the position."""
        url = self.plant.urls[SERVICE]
        with building(WRONG_REQUEST):
            request = self._http.build_request(
                "GET",
                url + PATH,
                params=subscription.parameters,
                headers=subscription.headers,
                timeout=wait_at_most(subscription.silence_seconds),
            )
        with reaching(SERVICE, url):
            async with aclosing(await self._http.send(request, stream=True)) as answer:
                if not is_stream(answer):
                    refuse_stream(SERVICE, await self._read(SERVICE, answer))
                subscription.note_connection()
                async with (
                    aclosing(self._pieces(answer)) as pieces,
                    aclosing(EventSource(stream_of(pieces)).aiter_sse()) as messages,
                ):
                    async for message in messages:
                        yield subscription.take(message)

    async def _read(self, service: Service, answer: httpx.Response) -> httpx.Response:
        body = Body(service, answer, self._limits)
        async for data in answer.aiter_raw():
            body.add(data)
        return body.whole()

    async def _pieces(self, answer: httpx.Response) -> AsyncGenerator[bytes, None]:
        unpacker, meter = Unpacker(answer), MessageMeter(SERVICE, self._limits)
        async for data in answer.aiter_raw():
            for piece in unpacker.feed(data):
                meter.add(piece)
                yield piece
