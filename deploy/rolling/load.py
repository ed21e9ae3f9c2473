"""The load: people, gateways and screens that use the plant, and keep account of every answer."""

import asyncio
import hashlib
import json
import random
import struct
import time
import uuid
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx

PAUSE_SECONDS: Final = 0.1
READINGS_PER_BATCH: Final = 20
SLOW_PARTS: Final = 14
SLOW_PART_SECONDS: Final = 0.5
TIMEOUT_SECONDS: Final = 15.0
_START: Final = datetime.now(UTC) - timedelta(hours=1)


class AnswerError(Exception):
    """An answer that is not what was asked for."""


@dataclass
class Account:
    """One kind of request: how long each took, in seconds, and why any failed."""

    seconds: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


@dataclass
class Accepted:
    """What the plant has said it holds."""

    reported: dict[str, str] = field(default_factory=dict)
    acknowledged: set[str] = field(default_factory=set)
    readings: int = 0
    assets: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Addresses:
    """Where a client finds each service: all by the Ingress, or all by the Services."""

    factory_core: str
    incident_event: str
    asset_management: str


class Load:
    """Everybody who uses the plant. Nobody tries anything again: what fails has failed."""

    def __init__(self, ways: Sequence[Addresses], factory: str, token: str) -> None:
        self._ways = ways
        self._factory = factory
        self._headers = {"Authorization": f"Bearer {token}"}
        self._readings_sent = 0
        self.accounts: dict[str, Account] = {}
        self.accepted = Accepted()

    async def run(self, done: asyncio.Event) -> None:
        """Let one client of each kind work on each way until `done`."""
        kinds = (
            self.report,
            self.send_readings,
            self.list_incidents,
            self.list_equipment,
            self.upload,
            self.upload_slowly,
            self.download,
        )
        async with asyncio.TaskGroup() as group:
            for way in self._ways:
                for kind in kinds:
                    group.create_task(self._repeat(kind, way, done))

    async def report(self, client: httpx.AsyncClient, way: Addresses) -> None:
        """Report an incident and acknowledge it."""
        title = f"report-{uuid.uuid4().hex}"
        body = {"factory_id": self._factory, "type": "fall", "severity": 3, "title": title}
        url = f"{way.incident_event}/v1/incidents"
        told = await client.post(url, json=body, headers={"Idempotency-Key": title})
        identifier = _expect(told, 201).json()["id"]
        self.accepted.reported[identifier] = title
        _expect(await client.post(f"{url}/{identifier}/acknowledge", json={}), 200)
        self.accepted.acknowledged.add(identifier)

    async def send_readings(self, client: httpx.AsyncClient, way: Addresses) -> None:
        """Send a batch nobody has sent before."""
        first, self._readings_sent = self._readings_sent, self._readings_sent + READINGS_PER_BATCH
        readings = [
            {
                "source": "tank-1",
                "metric": "level",
                "at": (_START + timedelta(milliseconds=number)).isoformat(),
                "value": number % 5,
            }
            for number in range(first, first + READINGS_PER_BATCH)
        ]
        url = f"{way.factory_core}/v1/factories/{self._factory}/readings"
        answer = await client.post(url, json={"batch_id": f"batch-{first}", "readings": readings})
        told = _expect(answer, 200).json()
        if told["accepted"] != READINGS_PER_BATCH:
            raise AnswerError(f"a batch was not taken whole: {told}")
        self.accepted.readings += READINGS_PER_BATCH

    async def list_incidents(self, client: httpx.AsyncClient, way: Addresses) -> None:
        """Read the newest incidents."""
        _expect(await client.get(f"{way.incident_event}/v1/incidents", params=self._page()), 200)

    async def list_equipment(self, client: httpx.AsyncClient, way: Addresses) -> None:
        """Read the factory's equipment."""
        _expect(await client.get(f"{way.factory_core}/v1/factories/{self._factory}/equipment"), 200)

    async def upload(self, client: httpx.AsyncClient, way: Addresses) -> None:
        """Upload a picture nobody has uploaded before."""
        content = picture(uuid.uuid4().hex.encode())
        await self._upload(client, way, content, content)

    async def upload_slowly(self, client: httpx.AsyncClient, way: Addresses) -> None:
        """Upload a picture over a bad line: the request takes longer than a pod drains."""
        content = picture(uuid.uuid4().hex.encode() * 1000)
        size = len(content) // SLOW_PARTS + 1

        async def parts() -> AsyncIterator[bytes]:
            for begin in range(0, len(content), size):
                yield content[begin : begin + size]
                await asyncio.sleep(SLOW_PART_SECONDS)

        await self._upload(client, way, content, parts())

    async def _upload(
        self, client: httpx.AsyncClient, way: Addresses, content: bytes, body: bytes | AsyncIterator[bytes]
    ) -> None:
        answer = await client.post(
            f"{way.asset_management}/v1/assets",
            params={"factory": self._factory, "name": uuid.uuid4().hex, "kind": "image"},
            content=body,
            headers={"Content-Type": "image/png"},
        )
        self.accepted.assets[_expect(answer, 201).json()["id"]] = hashlib.sha256(content).hexdigest()

    async def download(self, client: httpx.AsyncClient, way: Addresses) -> None:
        """Download any picture and compare it."""
        known = list(self.accepted.assets.items())
        if not known:
            return
        identifier, expected = random.choice(known)  # noqa: S311 - any will do
        answer = _expect(await client.get(f"{way.asset_management}/v1/assets/{identifier}/content"), 200)
        if hashlib.sha256(answer.content).hexdigest() != expected:
            raise AnswerError("a picture is not what was uploaded")

    def _page(self) -> dict[str, str]:
        return {"factory": self._factory, "limit": "20"}

    async def _repeat(
        self,
        act: Callable[[httpx.AsyncClient, Addresses], Awaitable[None]],
        way: Addresses,
        done: asyncio.Event,
    ) -> None:
        """Work until done on a connection of one's own, which is kept as long as the other side keeps it."""
        account = self.accounts.setdefault(act.__name__, Account())
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, headers=self._headers) as client:
            while not done.is_set():
                began = time.monotonic()
                try:
                    await act(client, way)
                except (httpx.HTTPError, AnswerError) as error:
                    account.failures.append(f"{type(error).__name__}: {error}")
                account.seconds.append(time.monotonic() - began)
                await asyncio.sleep(PAUSE_SECONDS)


def _expect(answer: httpx.Response, status: int) -> httpx.Response:
    if answer.status_code != status:
        raise AnswerError(f"{answer.request.method} {answer.url.path}: {answer.status_code} {answer.text}")
    return answer


def picture(text: bytes) -> bytes:
    """Make a PNG of one pixel that carries a text."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    parts = (
        chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)),
        chunk(b"tEXt", b"Comment\0" + text),
        chunk(b"IDAT", zlib.compress(b"\0\0")),
        chunk(b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


class Screen:
    """A client of the event stream that comes back where it was, as a browser's EventSource does."""

    def __init__(self, url: str, factory: str, token: str) -> None:
        self._url = f"{url}/v1/events"
        self._parameters = {"factory": factory}
        self._headers = {"Authorization": f"Bearer {token}"}
        self._retry_seconds = 2.0
        self.connected = asyncio.Event()
        self.position: int | None = None
        self.first: int | None = None
        self.sequence: list[int] = []
        self.types: list[str] = []
        self.connections = 0
        self.failures: list[str] = []

    async def run(self) -> None:
        """Watch for ever."""
        timeout = httpx.Timeout(TIMEOUT_SECONDS, read=40)  # a heartbeat comes every 15 s
        async with httpx.AsyncClient(timeout=timeout, headers=self._headers) as client:
            while True:
                try:
                    await self._watch(client)
                except (httpx.HTTPError, AnswerError) as error:
                    self.failures.append(f"{type(error).__name__}: {error}")
                await asyncio.sleep(self._retry_seconds)

    async def _watch(self, client: httpx.AsyncClient) -> None:
        headers = {} if self.position is None else {"Last-Event-ID": str(self.position)}
        async with client.stream("GET", self._url, params=self._parameters, headers=headers) as answer:
            if answer.status_code != httpx.codes.OK:
                raise AnswerError(f"the event stream: {answer.status_code}")
            self.connections += 1
            message: dict[str, str] = {}
            async for line in answer.aiter_lines():
                if line:
                    name, _, value = line.partition(": ")
                    message[name] = value
                else:  # only now: what is cut in its middle has not been received
                    self._take(message)
                    message = {}

    def _take(self, message: dict[str, str]) -> None:
        if "retry" in message:
            self._retry_seconds = int(message["retry"]) / 1000
        if message.get("event") == "reset":
            self.failures.append("the stream said reset")
        if "data" in message:
            event: dict[str, Any] = json.loads(message["data"])
            self.sequence.append(event["seq"])
            self.types.append(event["type"])
        if "id" in message:
            self.position = int(message["id"])
            if self.first is None:
                self.first = self.position
                self.connected.set()
