"""The synchronous client."""

import time
from collections.abc import Generator, Mapping
from contextlib import closing
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


class PlantClient:
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
            self._http = httpx.Client(
                headers={"Accept-Encoding": ACCEPTED_ENCODING},
                auth=BearerToken(plant.token),
                timeout=wait_at_most(timeout_seconds),
                trust_env=not plant.is_local,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def send(
        self, service: Service, method: str, path: str, **options: Unpack[RequestOptions]
    ) -> httpx.Response:
        """Return the answer, whatever its status."""
        url = self.plant.urls[service]
        with building(WRONG_REQUEST):
            request = self._http.build_request(method, url + path, **options)
        with reaching(service, url), closing(self._http.send(request, stream=True)) as answer:
            return self._read(service, answer)

    def get(self, service: Service, path: str, **parameters: object) -> Json:
        """Return one resource; parameters that are None are omitted."""
        return read_object(service, self.send(service, "GET", path, **query(parameters)))

    def items(self, service: Service, path: str, **parameters: object) -> Generator[Json, None, None]:
        """Yield every item of a list, page by page."""
        pages = Pages(service, parameters)
        while pages.wanted is not None:
            page = self.get(service, path, **pages.wanted)
            yield from pages.take(page)

    def post(
        self,
        service: Service,
        path: str,
        body: Mapping[str, object],
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Json:
        """Send a JSON object and return the answer's object."""
        options = json_body(body, headers or {})
        return read_object(service, self.send(service, "POST", path, **options))

    def post_bytes(
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
        return read_object(service, self.send(service, "POST", path, **options))

    def follow(self, subscription: Subscription) -> Generator[Event | Reset, None, None]:
        """Yield events in order, each once, and reconnect after every break; it never ends by itself.

        Raises:
            UnreachableError: The first connection failed; later ones are retried without a limit.
            RefusedError: The plant refused the request.
        """
        while True:
            try:
                with closing(self._listen(subscription)) as items:
                    yield from (item for item in items if item is not None)
                pause = subscription.note_break()
            except UnreachableError as error:
                pause = subscription.note_break(error)
            time.sleep(pause)

    def head(self, factory_id: str) -> int:
        """Return the seq of a factory's last event; 0 if there is none yet.

        Raises:
            UnreachableError: The stream ended before it told its position.
        """
        subscription = Subscription(factory_id)
        with closing(self._listen(subscription)) as items:
            for _ in items:
                if subscription.position is not None:
                    return subscription.position
        raise UnreachableError(NO_POSITION)

    def _listen(self, subscription: Subscription) -> Generator[Event | Reset | None, None, None]:
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
        with reaching(SERVICE, url), closing(self._http.send(request, stream=True)) as answer:
            if not is_stream(answer):
                refuse_stream(SERVICE, self._read(SERVICE, answer))
            subscription.note_connection()
            for message in EventSource(stream_of(self._pieces(answer))).iter_sse():
                yield subscription.take(message)

    def _read(self, service: Service, answer: httpx.Response) -> httpx.Response:
        body = Body(service, answer, self._limits)
        for data in answer.iter_raw():
            body.add(data)
        return body.whole()

    def _pieces(self, answer: httpx.Response) -> Generator[bytes, None, None]:
        unpacker, meter = Unpacker(answer), MessageMeter(SERVICE, self._limits)
        for data in answer.iter_raw():
            for piece in unpacker.feed(data):
                meter.add(piece)
                yield piece
