"""P5: readings over HTTP, durable, published, with auth, beside the barest sketch that stores them.

The sketch is one ASGI function: msgspec, COPY into the same table under the same unique key; no auth, no
batch record, no event, no metrics, no log, no check of anything. Both keep `fsync` on and share one server.

Where the goals are missed, by processor time per request in a profile of November 2026: a batch of one costs
the API 0.12 ms besides the HTTP server's own work, of which 0.09 is what every request of every service costs
(FastAPI's layers, metrics, access log, auth, routing) and 0.03 is ingest; publishing costs the relay and
Redis another 0.05 ms for a batch of one and 0.2 ms for one of 100, against 0.8 ms for the whole sketch. Both
are per event: batches of 1,000 come close. On two cores database, worker and load share what the API leaves.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, cast
from uuid import UUID, uuid4

import asyncpg
import msgspec
import uvloop

from benchmarks.harness import Goal, Options, Result, interleave
from benchmarks.harness.http_server import served
from benchmarks.harness.stack import plant_at, servers, service
from plant_client import PlantClient

THOUSAND = Goal("P5", "batches of 1,000 beside the sketch, 8 connections", "readings/s", 0.9, "at least")
HUNDRED = Goal("P5", "batches of 100 beside the sketch, 16 connections", "readings/s", 0.9, "at least")
ONE = Goal("P5", "batches of 1, 64 connections", "readings/s", 5_000, "at least")

METRICS: Final = 8
SOURCES: Final = 64
FIRST: Final = datetime(2020, 1, 1, tzinfo=UTC)
COLUMNS: Final = ("factory_id", "at", "value", "series_id", "quality")
TABLE: Final = """
    CREATE TABLE sketch_readings (
        factory_id uuid NOT NULL, at timestamptz NOT NULL, value float8 NOT NULL, series_id int NOT NULL,
        quality smallint NOT NULL, PRIMARY KEY (factory_id, series_id, at)
    )
"""


@dataclass(frozen=True)
class Shape:
    """How the readings come: so many connections, each sending so many batches of such a size, one by one."""

    size: int
    connections: int
    batches: int


@dataclass
class Target:
    """A server under load, and where in time its next round begins: no round repeats a reading."""

    port: int
    path: str
    token: str
    instant: int = 0

    def rate(self, shape: Shape) -> float:
        """Load it from another process and give the readings per second."""
        task = {"port": self.port, "path": self.path, "token": self.token, "instant": self.instant}
        self.instant += shape.batches * _instants(shape.size)
        command = [sys.executable, "-m", "benchmarks.ingest", json.dumps({**task, **vars(shape)})]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
        return float(done.stdout)


def run(options: Options) -> list[Result]:
    """Load ours and the sketch in turn, shape by shape."""
    with (
        servers() as environment,
        service("factory_core", "api", environment) as port,
        service("factory_core", "worker", environment),
        served("benchmarks.ingest:sketch", environment) as bare,
    ):
        plant = plant_at({"factory-core": port})
        token = plant.token()
        with PlantClient(plant) as client:
            ours = Target(port, f"/v1/factories/{_build_factory(client)}/readings", token)
        theirs = Target(bare, "/", token)
        shapes = [
            (THOUSAND, Shape(1000, 8, options.scaled(25, 3))),
            (HUNDRED, Shape(100, 16, options.scaled(50, 5))),
            (ONE, Shape(1, 64, options.scaled(80, 5))),
        ]
        return [_compare(goal, shape, ours, theirs, options) for goal, shape in shapes]


def _instants(size: int) -> int:
    return -(-size // METRICS)


def _compare(goal: Goal, shape: Shape, ours: Target, theirs: Target, options: Options) -> Result:
    subjects: dict[str, Callable[[], float]] = {
        "ours": lambda: ours.rate(shape),
        "sketch": lambda: theirs.rate(shape),
    }
    figures = interleave(subjects, options)
    if goal.target > 1:  # a figure of its own; the sketch, which coalesces nothing, is only shown
        print(f"   the sketch reaches {figures['sketch']}")
        return goal.judge(figures["ours"])
    return goal.judge(figures["ours"], figures["sketch"])


def _build_factory(client: PlantClient) -> str:
    factory = str(client.post("factory-core", "/v1/factories", {"name": "benchmark"})["id"])
    for number in range(SOURCES):
        body = {"tag": f"source-{number}"}
        client.post("factory-core", f"/v1/factories/{factory}/equipment", body)
    return factory


# ── the sketch


class _Reading(msgspec.Struct):
    source: str
    metric: str
    at: datetime
    value: float
    quality: str = "good"


class _Batch(msgspec.Struct):
    batch_id: str
    readings: list[_Reading]


class Sketch:
    """What anybody fast would write in an hour."""

    def __init__(self) -> None:
        self.factory_id: UUID = uuid4()
        self.decoder = msgspec.json.Decoder(_Batch)
        self.series = {
            (f"source-{number}", f"metric-{metric}"): number * METRICS + metric
            for number in range(SOURCES)
            for metric in range(METRICS)
        }
        self.pool: Any = None
        self.opening = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Store one batch."""
        if scope["type"] != "http":
            return
        body = bytearray()
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        readings = self.decoder.decode(body).readings
        factory_id, series = self.factory_id, self.series
        rows = [(factory_id, r.at, r.value, series[r.source, r.metric], 0) for r in readings]
        if self.pool is None:
            await self._open()
        async with self.pool.acquire() as connection:
            await connection.copy_records_to_table("sketch_readings", columns=COLUMNS, records=rows)
        answer = msgspec.json.encode({"accepted": len(rows)})
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    async def _open(self) -> None:
        async with self.opening:
            if self.pool is None:
                pool = await asyncpg.create_pool(os.environ["DATABASE_URL"], min_size=10, max_size=10)
                await pool.execute(TABLE)
                self.pool = pool


def sketch() -> Sketch:
    """Make the sketch for the server."""
    return Sketch()


# ── the load, in a process of its own


class _Sender(asyncio.Protocol):
    """One connection: sends the next batch when the last is answered."""

    def __init__(self, requests: list[bytes], done: asyncio.Future[None]) -> None:
        self.requests = iter(requests)
        self.done = done
        self.buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass of it

    def begin(self) -> None:
        """Send the next batch, or end."""
        request = next(self.requests, None)
        if request is not None:
            self.transport.write(request)
        elif not self.done.done():
            self.done.set_result(None)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, end, body = self.buffer.partition(b"\r\n\r\n")
        length = head.lower().partition(b"\r\ncontent-length: ")[2].split(b"\r\n", 1)[0]
        if not end or len(body) < int(length):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            self.done.set_exception(RuntimeError(self.buffer[:500].decode("latin-1")))
            return
        self.buffer = b""
        self.begin()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the server closed the connection"))


async def _send(task: dict[str, Any]) -> float:
    loop = asyncio.get_running_loop()
    senders = []
    for number in range(task["connections"]):
        requests = [_request(task, number, batch) for batch in range(task["batches"])]
        sender = _Sender(requests, loop.create_future())
        await loop.create_connection(lambda sender=sender: sender, "127.0.0.1", task["port"])  # type: ignore[misc]
        senders.append(sender)
    began = time.perf_counter()
    for sender in senders:
        sender.begin()
    await asyncio.gather(*(sender.done for sender in senders))
    return float(task["connections"] * task["batches"] * task["size"] / (time.perf_counter() - began))


def _request(task: dict[str, Any], number: int, batch: int) -> bytes:
    """Build the batch of one source: all its metrics at one instant, and the next instant."""
    instants = _instants(task["size"])
    start = task["instant"] + batch * instants
    readings = [
        {
            "source": f"source-{number}",
            "metric": f"metric-{place % METRICS}",
            "at": (FIRST + timedelta(milliseconds=10 * (start + place // METRICS))).isoformat(),
            "value": 20.5 + place / 7,
        }
        for place in range(task["size"])
    ]
    body = json.dumps({"batch_id": uuid4().hex, "readings": readings}, separators=(",", ":")).encode()
    head = (
        f"POST {task['path']} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {task['token']}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


if __name__ == "__main__":
    print(uvloop.run(_send(json.loads(sys.argv[1]))))
