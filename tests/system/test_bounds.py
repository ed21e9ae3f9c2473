"""No client makes a process take more memory than it may, and every process answers probes meanwhile."""

import asyncio
import contextlib
import json
import socket
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest

from support.plant.bare_client import client_of
from support.plant.factory_core import build_factory
from support.servers import RunningProcess, Valkey
from support.servers.watched import Watched
from support.waiting import wait_until
from utils.relay.stream_sizes import MAX_TOTAL_BYTES

Start = Callable[..., RunningProcess]
MIB = 1024 * 1024
MAX_BYTES = 256 * MIB
HALF_SENT = 300
LARGE_EVENTS = 12
"""Large events of each of four factories; as many fill a stream."""

METRICS = 1_000
TAGS = [f"machine-{number}-{'x' * 85}" for number in range(8)]
FIRST = datetime(2026, 1, 15, 10, tzinfo=UTC)


class Plant:
    """The processes of two services, and their Valkey."""

    def __init__(self, start: Start, valkey: Valkey) -> None:
        self.core = start("factory-core")
        self.events = start("incident-event")
        address = {"INCIDENT_EVENT_FACTORY_CORE_URL": self.core.base_url}
        self.processes = {
            "factory-core": self.core,
            "incident-event": self.events,
            "factory-core-worker": start("factory-core", "worker"),
            "incident-event-worker": start("incident-event", "worker", env=address),
        }
        self.valkey = valkey

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Watch all processes; then each has answered, and none has taken more than it may."""
        pids = {name: one.process.pid for name, one in self.processes.items()}
        ports = {name: one.port for name, one in self.processes.items()}
        with Watched(pids, ports) as watched:
            yield
        seen = watched.seen
        print({name: f"{peak / MIB:.0f} MiB" for name, peak in seen.peak_bytes.items()})
        print({name: f"{slowest:.3f} s" for name, slowest in seen.slowest_seconds.items()})
        assert seen.failed == {name: [] for name in ports}
        assert [name for name, peak in seen.peak_bytes.items() if peak > MAX_BYTES] == []

    def used_memory(self) -> int:
        """Return the bytes that Valkey takes for its data."""
        for line in self.valkey.command("INFO", "memory").decode().splitlines():
            if line.startswith("used_memory:"):
                return int(line.partition(":")[2])
        raise LookupError("used_memory")


@pytest.fixture
def plant(running: Start, valkey: Valkey) -> Plant:
    return Plant(running, valkey)


def head(path: str, *fields: str) -> bytes:
    return "\r\n".join([f"POST {path} HTTP/1.1", "Host: x", *fields, "", ""]).encode()


def drop(writer: asyncio.StreamWriter) -> None:
    if not writer.is_closing():
        writer.transport.abort()


def send_endless_trailers(port: int) -> int:
    """Send up to 16 MiB of trailers without a token; return how many bytes were taken."""
    field = b"".join(b"a:%d\r\n" % (number % 10) for number in range(10_000))
    sent = 0
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(head("/v1/factories", "Transfer-Encoding: chunked") + b"0\r\n")
        with contextlib.suppress(OSError):
            while sent < 16 * MIB:
                client.sendall(field)
                sent += len(field)
    return sent


async def test_endless_trailers_take_no_memory(plant: Plant) -> None:
    with plant.watched():
        for process in plant.processes.values():
            for _ in range(4):
                await asyncio.to_thread(send_endless_trailers, process.port)


async def test_half_sent_bodies_take_no_more_than_their_share(plant: Plant) -> None:
    async with (
        client_of(plant.core.base_url) as core,
        client_of(plant.events.base_url) as events,
        contextlib.AsyncExitStack() as stack,
    ):
        factory = await build_factory(core, "press-1")
        incident = {"factory_id": str(factory.factory_id), "title": "Smoke", "type": "fire", "severity": 3}
        targets = [
            (core, f"/v1/factories/{factory.factory_id}/readings", 4 * MIB - 1),
            (events, "/v1/incidents", MIB - 1),
        ]
        with plant.watched():
            for client, path, size in targets:
                begun = [f"Authorization: {client.headers['Authorization']}", f"Content-Length: {size + 1}"]
                start = head(path, "Content-Type: application/json", *begun)
                for _ in range(HALF_SENT):
                    _, writer = await asyncio.open_connection("127.0.0.1", client.base_url.port)
                    stack.callback(drop, writer)
                    writer.write(start + b" " * size)
                    with contextlib.suppress(TimeoutError, ConnectionError):
                        await asyncio.wait_for(writer.drain(), 1)
            at = {"source": "press-1", "metric": "force", "at": "2026-01-15T10:30:00Z", "value": 1}
            assert (await factory.send([at])).json()["accepted"] == 1
            assert (await events.post("/v1/incidents", json=incident)).status_code == 201


def large_batch(number: int) -> bytes:
    """Return a batch of almost 4 MiB whose event is as long."""
    at = (FIRST + timedelta(seconds=number)).isoformat()
    readings = [
        {"source": tag, "metric": f"{place:03}" + "온" * 97, "at": at, "value": 1.2345678901234567}
        for tag in TAGS
        for place in range(METRICS)
    ]
    body = json.dumps({"batch_id": uuid.uuid4().hex, "readings": readings}, ensure_ascii=False).encode()
    assert 3 * MIB < len(body) < 4 * MIB
    return body


async def test_large_events_fill_neither_a_process_nor_valkey(plant: Plant) -> None:
    used: list[int] = []
    async with client_of(plant.core.base_url) as core, client_of(plant.core.base_url, "admin") as admin:
        factories = [await build_factory(core, *TAGS) for _ in range(4)]
        with plant.watched():
            for number in range(LARGE_EVENTS):
                for factory in factories:
                    await send(core, f"/v1/factories/{factory.factory_id}/readings", large_batch(number))
                    used.append(plant.used_memory())
            for factory in factories:
                await wait_until(partial(is_published, admin, factory.factory_id))
            used.append(plant.used_memory())
    print(f"Valkey took {max(used) / MIB:.0f} MiB")
    assert max(used) < 2 * MAX_TOTAL_BYTES
    assert used[-1] < MAX_TOTAL_BYTES + 32 * MIB


async def post(client: httpx.AsyncClient, path: str, body: bytes) -> httpx.Response:
    return await client.post(path, content=body, headers={"Content-Type": "application/json"}, timeout=90)


async def send(client: httpx.AsyncClient, path: str, body: bytes) -> None:
    answer = await post(client, path, body)
    assert answer.status_code == 200, answer.text[:300]
    assert answer.json()["accepted"] == len(TAGS) * METRICS


async def is_published(admin: httpx.AsyncClient, factory_id: object) -> bool:
    """Return whether all events of a factory are numbered, and so in its stream a moment later."""
    answer = await admin.get("/v1/event-log", params={"factory": str(factory_id), "limit": 1})
    return bool(answer.json()["head"] >= LARGE_EVENTS + 1 + len(TAGS))


HOSTILE = {
    "lists": b"[]," * MIB,
    "objects": b'{"":0},' * (MIB // 2),
    "floats": b"1.2345678901234567e-300," * (MIB // 7),
    "members": b'{"a":0' + b"".join(b',"%x":0' % number for number in range(MIB // 3)),
    "depth": b"[" * 3 * MIB,
    "digits": b"1" * 3 * MIB,
}


async def test_hostile_bodies_hold_up_no_probe(plant: Plant) -> None:
    async with client_of(plant.core.base_url) as core, client_of(plant.events.base_url) as events:
        factory = await build_factory(core, "press-1")
        with plant.watched():
            for content in HOSTILE.values():
                batch = b'{"batch_id":"b","readings":[' + content
                rule = b'{"name":[' + content[: MIB - 100]
                answers = await asyncio.gather(
                    *(post(core, f"/v1/factories/{factory.factory_id}/readings", batch) for _ in range(10)),
                    *(post(events, "/v1/rules", rule) for _ in range(10)),
                )
                assert {answer.status_code for answer in answers} == {422}


async def test_idle_connections_do_not_shut_probes_out(running: Start) -> None:
    core = running("factory-core", env={"MAX_CONNECTIONS": "200"})
    async with contextlib.AsyncExitStack() as stack:
        with Watched({"core": core.process.pid}, {"core": core.port}) as watched:
            for _ in range(1_100):
                _, writer = await asyncio.open_connection("127.0.0.1", core.port)
                stack.callback(drop, writer)
    assert watched.seen.failed == {"core": []}
