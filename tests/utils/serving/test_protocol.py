"""What a client sends that is no proper request, too much of it, or nothing: the protocol's bounds."""

import asyncio
import contextlib
import re
import socket
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
import uvicorn
from fastapi import APIRouter, FastAPI, Request

from support.waiting import wait_until
from utils.http import BodyRule, build_app, exchange
from utils.lifecycle import RECEIVED
from utils.serving import BoundedProtocol, connections, protocol
from utils.settings import ServiceSettings

DEAD = {"database_url": "postgresql://u:p@127.0.0.1:1/d", "redis_url": "redis://:p@127.0.0.1:1/0"}
MIB = 1024 * 1024
LIVE = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = LIVE.replace(b"Host", b"Connection: close\r\nHost")
CHUNKED = b"POST /v1/notes HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
JSON = b"Content-Type: application/json\r\n"


class Seen:
    """What the endpoints saw."""

    headers: list[tuple[bytes, bytes]]
    notes: list[int]


def make_app() -> FastAPI:
    app = build_app(
        ServiceSettings(service_name="kit", **DEAD),
        title="Kit",
        description="",
        bodies={
            ("POST", "/v1/batches"): BodyRule(4 * MIB, is_json=True, max_values=None),
            ("POST", "/v1/documents"): BodyRule(512 * MIB, is_json=True),
            ("PUT", "/v1/files"): BodyRule(512 * MIB),
        },
    )
    router = APIRouter(prefix="/v1")

    @router.post("/notes", status_code=201)
    async def note(request: Request) -> int:
        body = await request.body()
        Seen.headers = request.scope["headers"]
        Seen.notes.append(len(body))
        return len(body)

    @router.post("/slow-notes", status_code=201)
    async def slow_note(request: Request) -> int:
        body = await request.body()
        await asyncio.sleep(0.2)
        Seen.notes.append(len(body))
        return len(body)

    @router.post("/batches")
    async def batch(request: Request) -> int:
        return len(await request.body())

    @router.post("/documents")
    async def document(request: Request) -> int:
        return len(await request.body())

    @router.put("/files")
    async def file(request: Request) -> int:
        return sum([len(part) async for part in request.stream()])

    app.include_router(router)
    return app


@pytest.fixture(scope="module")
def served() -> Iterator[int]:
    """Serve the app by a real server, with our protocol, on a port of 127.0.0.1."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    config = uvicorn.Config(
        make_app(), http=BoundedProtocol, ws="none", lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()


@pytest.fixture
def port(served: int) -> int:
    Seen.headers, Seen.notes = [], []
    return served


class Client:
    """A connection on which anything can be sent."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Read one answer with a length."""
        async with asyncio.timeout(20):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
            body = await self.reader.readexactly(int(headers["content-length"]))
        return int(head[0].split()[1]), headers, body

    async def ending(self) -> bytes:
        """Read to the end of the connection."""
        async with asyncio.timeout(20):
            return await self.reader.read()

    async def statuses(self) -> list[int]:
        """Read to the end, and return the status of each answer."""
        return [int(status) for status in re.findall(rb"HTTP/1.1 (\d{3}) ", await self.ending())]


@contextlib.asynccontextmanager
async def connected(port: int) -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


async def ask(port: int, request: bytes) -> list[int]:
    async with connected(port) as client:
        await client.send(request)
        return await client.statuses()


async def test_trailers_never_become_headers(port: int) -> None:
    async with connected(port) as client:
        await client.send(CHUNKED + b"\r\n2\r\nab\r\n0\r\nAuthorization: Bearer x\r\nHost: y\r\n\r\n")
        status, _, body = await client.answer()
        await client.send(LIVE)
        assert (await client.answer())[0] == 200  # the connection goes on
    assert (status, body) == (201, b"2")
    assert [name for name, _ in Seen.headers] == [b"host", b"transfer-encoding"]


@pytest.mark.parametrize(
    "endless",
    [b"a: b\r\n", b"a: " + b"b" * 1000 + b"\r\n", b"x" * 1000],
    ids=["short fields", "long fields", "one field"],
)
async def test_trailers_without_end_are_cut(port: int, endless: bytes) -> None:
    async with connected(port) as client:
        with contextlib.suppress(ConnectionError):
            await client.send(CHUNKED + b"\r\n0\r\n", *([endless * (20_000 // len(endless))] * 20))
        assert (await client.answer())[0] == 431
    assert Seen.notes == []


async def test_extensions_of_chunks_without_end_are_cut(port: int) -> None:
    async with connected(port) as client:
        await client.send(CHUNKED + b"\r\n2;", *([b"x" * 10_000] * 20))
        assert (await client.answer())[0] == 431


async def test_a_body_in_the_smallest_chunks_is_no_endless_framing(port: int) -> None:
    async with connected(port) as client:
        await client.send(CHUNKED + b"\r\n", *([b"1\r\na\r\n" * 1000] * 20), b"0\r\n\r\n")
        status, _, body = await client.answer()
    assert (status, body) == (201, b"20000")


async def test_a_head_of_too_many_fields_is_refused(port: int) -> None:
    assert await ask(port, b"GET / HTTP/1.1\r\n" + b"a:b\r\n" * 5000) == [431]


@pytest.mark.parametrize(
    "hosts", [b"", b"Host: a\r\nHost: a\r\n", b"Host: a\r\nHost: b\r\n", b"Host: a b\r\n", b"Host: a/b\r\n"]
)
async def test_a_request_names_one_host(port: int, hosts: bytes) -> None:
    assert await ask(port, b"POST /v1/notes HTTP/1.1\r\nContent-Length: 0\r\n" + hosts + b"\r\n") == [400]
    assert Seen.notes == []


@pytest.mark.parametrize("host", [b"", b"localhost", b"[::1]:8000", b"plant.example:80"])
async def test_any_proper_host_will_do(port: int, host: bytes) -> None:
    request = b"POST /v1/notes HTTP/1.1\r\nConnection: close\r\nContent-Length: 0\r\nHost: " + host
    assert await ask(port, request + b"\r\n\r\n") == [201]


async def test_http_1_0_needs_no_host(port: int) -> None:
    assert await ask(port, b"GET /health/live HTTP/1.0\r\n\r\n") == [200]


@pytest.mark.parametrize(
    "fields",
    [
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: xchunked\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        b"Content-Length: 2\r\nContent-Length: 2\r\n",
        b"Content-Length: 2, 2\r\n",
        b"Content-Length: +2\r\n",
        b"X: a\r\n b\r\nContent-Length: 2\r\n",
    ],
)
async def test_a_body_whose_end_is_in_doubt_is_never_run(port: int, fields: bytes) -> None:
    request = b"POST /v1/notes HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n2\r\nab\r\n0\r\n\r\n"
    assert await ask(port, request) == [400]
    assert Seen.notes == []


async def test_http_1_0_has_no_chunks(port: int) -> None:
    request = b"POST /v1/notes HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    assert await ask(port, request) == [400]
    assert Seen.notes == []


@pytest.mark.parametrize("garbage", [b"garbage\r\n\r\n", b"\x00\x01", b"GET / HTTP/9.9\r\n\r\n"])
@pytest.mark.parametrize("path", [b"notes", b"slow-notes"])
async def test_a_request_before_garbage_is_answered_as_what_it_is(
    port: int, path: bytes, garbage: bytes
) -> None:
    request = b"POST /v1/" + path + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nab"
    assert await ask(port, request + garbage) == [201, 400]
    assert await ask(port, request + request + garbage) == [201, 201, 400]
    assert Seen.notes == [2, 2, 2]


async def test_a_body_that_turns_out_broken_leaves_nothing(port: int) -> None:
    before = b"POST /v1/slow-notes HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    assert await ask(port, before + CHUNKED + b"\r\n2\r\nab\r\nzz\r\n") == [201, 400]
    assert await ask(port, CHUNKED + b"\r\n2\r\nab\r\nzz\r\n") == [400]
    assert Seen.notes == [3]


async def test_a_flood_of_pipelined_requests_is_cut_after_those_accepted(port: int) -> None:
    one = b"POST /v1/slow-notes HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
    statuses = await ask(port, one * 1000)
    assert statuses[-1] == 429
    assert statuses[:-1] == [201] * (protocol.MAX_PIPELINED + 1)
    assert len(Seen.notes) == protocol.MAX_PIPELINED + 1


REFUSED = {
    "404": (b"POST /v1/nowhere HTTP/1.1\r\n", JSON, 404),
    "405": (b"DELETE /v1/notes HTTP/1.1\r\n", JSON, 405),
    "413": (b"POST /v1/batches HTTP/1.1\r\n", JSON, 413),
    "415": (b"POST /v1/documents HTTP/1.1\r\n", b"Content-Type: text/plain\r\n", 415),
    "400": (b"POST /v1/batches HTTP/1.1\r\nHost: y\r\n", JSON, 400),
}


@pytest.mark.parametrize("connection", [b"close", b"keep-alive"])
@pytest.mark.parametrize("size", [4 * MIB + 1, 20 * MIB])
@pytest.mark.parametrize("name", REFUSED)
async def test_a_refused_body_gets_its_answer_however_long_it_is(
    port: int, name: str, size: int, connection: bytes
) -> None:
    line, kind, status = REFUSED[name]
    head = b"Host: x\r\nConnection: %b\r\nContent-Length: %d\r\n\r\n" % (connection, size)
    async with connected(port) as client:
        await client.send(line + kind + head, *([b" " * MIB] * (size // MIB)), b" " * (size % MIB))
        assert (await client.answer())[0] == status


async def test_bodies_beyond_the_budget_are_refused_and_small_ones_are_not(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RECEIVED, "limit", 8 * MIB)
    held = b"POST /v1/batches HTTP/1.1\r\nHost: x\r\n" + JSON + b"Content-Length: %d\r\n\r\n" % (4 * MIB)
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(port)) for _ in range(6)]
        for number, client in enumerate(clients[:2], 1):
            await client.send(held + b" " * (3 * MIB))
            await wait_until(lambda expected=number * 3 * MIB: RECEIVED.held == expected)  # type: ignore[misc]
        for client in clients[2:]:
            await client.send(held + b" " * (3 * MIB))
            status, headers, _ = await client.answer()
            assert (status, bool(headers["retry-after"])) == (503, True)
        assert 0 < RECEIVED.held <= 8 * MIB
        small = b"POST /v1/notes HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc"
        assert await ask(port, small) == [201]
        await clients[0].send(b" " * MIB)
        assert (await clients[0].answer())[0] == 200
    await wait_until(lambda: RECEIVED.held == 0)


async def test_a_streamed_file_takes_nothing_of_the_budget(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RECEIVED, "limit", 2 * MIB)
    async with connected(port) as client:
        head = b"PUT /v1/files HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (32 * MIB)
        await client.send(head, *([b" " * MIB] * 32))
        status, _, body = await client.answer()
    assert (status, int(body)) == (200, 32 * MIB)
    await wait_until(lambda: RECEIVED.held == 0)


async def test_a_body_that_stalls_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "STALL_SECONDS", 0.2)
    async with connected(port) as client:
        await client.send(CHUNKED + b"\r\n2\r\nab\r\n")
        assert (await client.answer())[0] == 408


async def test_an_idle_connection_makes_room_for_a_new_one(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wait_until(lambda: len(connections.CONNECTIONS) == 0)
    monkeypatch.setattr(connections.CONNECTIONS, "limit", 10)
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(port)) for _ in range(40)]
        await clients[-1].send(LIVE)
        assert (await clients[-1].answer())[0] == 200
        assert await clients[0].ending() == b""
        await wait_until(lambda: len(connections.CONNECTIONS) <= 10)


async def test_probes_are_answered_while_every_connection_is_busy(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wait_until(lambda: len(connections.CONNECTIONS) == 0)
    monkeypatch.setattr(connections.CONNECTIONS, "limit", 10)
    note = b"POST /v1/notes HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"
    async with contextlib.AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(connected(port)) for _ in range(10)]
        for client in clients:
            await client.send(note + b"a")
        await wait_until(lambda: not connections.CONNECTIONS._idle)
        for probe in (LAST, LAST.replace(b"/health/live", b"/metrics")):
            assert await ask(port, probe) == [200]
        async with connected(port) as late:
            await late.send(note + b"abc")
            status, headers, _ = await late.answer()
        assert (status, headers["connection"]) == (503, "close")
        assert headers["retry-after"]
        for client in clients:
            await client.send(b"bc")
            assert (await client.answer())[0] == 201


async def test_a_flood_beyond_the_reserve_leaves_no_connection_behind(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await wait_until(lambda: len(connections.CONNECTIONS) == 0)
    monkeypatch.setattr(connections.CONNECTIONS, "limit", 10)
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(200):
            client = await stack.enter_async_context(connected(port))
            await client.send(b"POST /v1/notes HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n")
            assert len(connections.CONNECTIONS) <= 10 + connections.RESERVED
        assert await ask(port, LAST) == [200]


async def test_a_client_that_reads_nothing_is_cut(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "UNREAD_SECONDS", 0.2)
    monkeypatch.setattr(protocol, "MAX_PIPELINED", 100_000)
    with socket.create_connection(("127.0.0.1", port)) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        deaf.setblocking(False)  # noqa: FBT003 - the socket module's own
        with contextlib.suppress(BlockingIOError):
            for _ in range(10_000):
                deaf.send(LIVE.replace(b"/health/live", b"/openapi.json") * 10)
        await wait_until(lambda: len(connections.CONNECTIONS) == 0)
