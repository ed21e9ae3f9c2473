"""What a part may do instead of answering: everything ends in time and in words."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator

import pytest

from embedded import free_port
from support.servers.scripted import serve
from vfactory.stack.health_checks import HealthAnswer
from vfactory.top import prometheus
from vfactory.top.asking import Asker

PATIENCE = 1.0


@pytest.fixture
async def asker() -> AsyncIterator[Asker]:
    async with Asker(PATIENCE) as asker:
        yield asker


async def ask_everything(asker: Asker, url: str) -> HealthAnswer:
    """Ask all that can be asked of somebody who knows nothing; gives what is said of its health."""
    health, *rest = await asyncio.gather(
        asker.health(url), asker.metrics(url), asker.firing(url), prometheus.ask(asker, url)
    )
    assert health.status is None
    assert rest == [None, None, None]
    return health


async def test_nobody_listens(asker: Asker) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    assert (await ask_everything(asker, url)).describe() == "nobody listens"


async def test_a_server_that_hangs_costs_its_patience_and_no_more(asker: Asker) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        begun = time.monotonic()
        assert (await ask_everything(asker, url)).describe() == "takes too long"
        assert time.monotonic() - begun < PATIENCE + 5


async def test_a_server_that_drips_costs_no_more(asker: Asker) -> None:
    async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
        try:
            while True:
                writer.write(b"{")
                await writer.drain()
                await asyncio.sleep(PATIENCE / 10)
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    begun = time.monotonic()
    assert (await ask_everything(asker, url)).describe() == "takes too long"
    assert time.monotonic() - begun < PATIENCE + 5
    server.close()


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"data": 3}', b'{"data": {"result": [{}]}}'])
async def test_another_program_is_not_believed(asker: Asker, body: bytes) -> None:
    with serve((200, "text/html", body)) as server:
        assert await asker.metrics(server.url) is None
        assert await asker.firing(server.url) is None
        assert await prometheus.ask(asker, server.url) is None


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b"\xff"])
async def test_what_is_no_health_check_is_told_as_such(asker: Asker, body: bytes) -> None:
    with serve((200, "text/html", body)) as server:
        answer = await asker.health(server.url)
    assert answer.status is None
    assert answer.describe() == "another program answers there"


async def test_what_health_says_is_told(asker: Asker) -> None:
    said = b'{"status":"unhealthy","database":"disconnected","database_error":"Connection refused"}'
    with serve((503, "application/json", said)) as server:
        answer = await asker.health(server.url)
    assert answer.status == 503
    assert not answer.is_healthy
    assert answer.describe() == "database: Connection refused"
