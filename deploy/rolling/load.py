"""The load: people and gateways that use the plant, and keep account of every answer."""

import asyncio
import hashlib
import random
import struct
import time
import uuid
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

import httpx

from plant_client import AsyncPlantClient, Plant, UnreachableError

PAUSE_SECONDS: Final = 0.1
READINGS_PER_BATCH: Final = 20
SLOW_PARTS: Final = 14
SLOW_PART_SECONDS: Final = 0.5
TIMEOUT_SECONDS: Final = 15.0
INCIDENTS: Final = "/v1/incidents"
ASSETS: Final = "/v1/assets"
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


class Load:
    """Everybody who uses the plant. Nobody tries anything again: what fails has failed."""

    def __init__(self, ways: Sequence[Plant], factory: str) -> None:
        self._ways = ways
        self._factory = factory
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

    async def report(self, client: AsyncPlantClient) -> None:
        """Report an incident and acknowledge it."""
        title = f"report-{uuid.uuid4().hex}"
        body = {"factory_id": self._factory, "type": "fall", "severity": 3, "title": title}
        told = await client.send(
            "incident-event", "POST", INCIDENTS, json=body, headers={"Idempotency-Key": title}
        )
        identifier = _expect(told, 201).json()["id"]
        self.accepted.reported[identifier] = title
        path = f"{INCIDENTS}/{identifier}/acknowledge"
        _expect(await client.send("incident-event", "POST", path, json={}), 200)
        self.accepted.acknowledged.add(identifier)

    async def send_readings(self, client: AsyncPlantClient) -> None:
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
        path = f"/v1/factories/{self._factory}/readings"
        batch = {"batch_id": f"batch-{first}", "readings": readings}
        answer = await client.send("factory-core", "POST", path, json=batch)
        told = _expect(answer, 200).json()
        if told["accepted"] != READINGS_PER_BATCH:
            raise AnswerError(f"a batch was not taken whole: {told}")
        self.accepted.readings += READINGS_PER_BATCH

    async def list_incidents(self, client: AsyncPlantClient) -> None:
        """Read the newest incidents."""
        page = {"factory": self._factory, "limit": "20"}
        _expect(await client.send("incident-event", "GET", INCIDENTS, params=page), 200)

    async def list_equipment(self, client: AsyncPlantClient) -> None:
        """Read the factory's equipment."""
        path = f"/v1/factories/{self._factory}/equipment"
        _expect(await client.send("factory-core", "GET", path), 200)

    async def upload(self, client: AsyncPlantClient) -> None:
        """Upload a picture nobody has uploaded before."""
        content = picture(uuid.uuid4().hex.encode())
        await self._upload(client, content, content)

    async def upload_slowly(self, client: AsyncPlantClient) -> None:
        """Upload a picture over a bad line: the request takes longer than a pod drains."""
        content = picture(uuid.uuid4().hex.encode() * 1000)
        size = len(content) // SLOW_PARTS + 1

        async def parts() -> AsyncIterator[bytes]:
            for begin in range(0, len(content), size):
                yield content[begin : begin + size]
                await asyncio.sleep(SLOW_PART_SECONDS)

        await self._upload(client, content, parts())

    async def _upload(
        self, client: AsyncPlantClient, content: bytes, body: bytes | AsyncIterator[bytes]
    ) -> None:
        answer = await client.send(
            "asset-management",
            "POST",
            ASSETS,
            params={"factory": self._factory, "name": uuid.uuid4().hex, "kind": "image"},
            content=body,
            headers={"Content-Type": "image/png"},
        )
        self.accepted.assets[_expect(answer, 201).json()["id"]] = hashlib.sha256(content).hexdigest()

    async def download(self, client: AsyncPlantClient) -> None:
        """Download any picture and compare it."""
        known = list(self.accepted.assets.items())
        if not known:
            return
        identifier, expected = random.choice(known)  # noqa: S311 - any will do
        path = f"{ASSETS}/{identifier}/content"
        answer = _expect(await client.send("asset-management", "GET", path), 200)
        if hashlib.sha256(answer.content).hexdigest() != expected:
            raise AnswerError("a picture is not what was uploaded")

    async def _repeat(
        self, act: Callable[[AsyncPlantClient], Awaitable[None]], way: Plant, done: asyncio.Event
    ) -> None:
        """Work until done on a connection of one's own, which is kept as long as the other side keeps it."""
        account = self.accounts.setdefault(act.__name__, Account())
        async with AsyncPlantClient(way, timeout_seconds=TIMEOUT_SECONDS) as client:
            while not done.is_set():
                began = time.monotonic()
                try:
                    await act(client)
                except (UnreachableError, AnswerError) as error:
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
