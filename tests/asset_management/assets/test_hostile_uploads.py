"""Uploads as no browser sends them: cut, lying, endless, empty, in any framing."""

import asyncio
import re
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.plant.asset_files import GLB, JPEG, PNG, WEBP, glb, jpeg, png, webp
from support.plant.asset_management import MAX_UPLOAD_BYTES, Service

GOOD = {GLB: glb(), PNG: png(), JPEG: jpeg(), WEBP: webp()}


def head(service: Service, factory: UUID, *headers: str, kind: str = "image") -> bytes:
    token = service.client().headers["Authorization"]
    lines = [
        f"POST /v1/assets?factory={factory}&name=x&kind={kind} HTTP/1.1",
        "Host: assets",
        f"Authorization: {token}",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def chunked(*parts: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts if part) + end


async def talk(service: Service, *sent: bytes, wait_seconds: float = 20) -> int | None:
    """Send bytes as they are and return the answer's status, None where there was none in time."""
    address = urlsplit(service.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    try:
        for part in sent:
            writer.write(part)
            await writer.drain()
        answer = await asyncio.wait_for(reader.read(4096), wait_seconds)
    except (ConnectionError, TimeoutError):
        return None
    finally:
        writer.close()
    status = re.match(rb"HTTP/1\.1 (\d{3})", answer)
    return int(status[1]) if status else None


async def nothing_left(service: Service) -> bool:
    for _ in range(200):
        if not service.half_received():
            return True
        await asyncio.sleep(0.02)
    return False


async def count(service: Service, factory: UUID) -> int:
    async with service.client() as client:
        answer = await client.get("/v1/assets", params={"factory": str(factory)})
        return len(answer.json()["items"])


@pytest.mark.parametrize("cut", [0, 1, 11, 40, len(png()) - 1])
async def test_a_client_that_goes_away_leaves_nothing(shared: Service, factory: UUID, cut: int) -> None:
    length = f"Content-Length: {len(png())}"
    await talk(shared, head(shared, factory, f"Content-Type: {PNG}", length), png()[:cut], wait_seconds=0.02)
    await talk(
        shared,
        head(shared, factory, f"Content-Type: {PNG}", "Transfer-Encoding: chunked"),
        chunked(png()[:cut], end=b""),
        wait_seconds=0.02,
    )
    assert await nothing_left(shared)
    assert await count(shared, factory) == 0


async def test_a_client_that_goes_away_in_the_middle_of_a_large_file_leaves_nothing(
    shared: Service, factory: UUID
) -> None:
    start = png(extra=b"x" * (3 * 1024 * 1024))[:-100]
    request = head(shared, factory, f"Content-Type: {PNG}", "Content-Length: 4000000")
    address = urlsplit(shared.url)
    _, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(request + start)
    await writer.drain()
    for _ in range(200):
        if any(path.stat().st_size > 1024 * 1024 for path in shared.half_received()):
            break
        await asyncio.sleep(0.02)
    else:
        pytest.fail("the file is not streamed to the store")
    writer.transport.abort()
    assert await nothing_left(shared)
    assert await count(shared, factory) == 0


async def test_a_chunked_upload_is_kept(shared: Service, factory: UUID) -> None:
    request = head(shared, factory, f"Content-Type: {PNG}", "Transfer-Encoding: chunked", "Connection: close")
    body = [png()[at : at + 7] for at in range(0, len(png()), 7)]
    assert await talk(shared, request, chunked(*body)) == 201


async def test_an_endless_upload_is_cut_at_the_limit(shared: Service, factory: UUID) -> None:
    request = head(shared, factory, f"Content-Type: {PNG}", "Transfer-Encoding: chunked")
    block = b"x" * 65536
    blocks = [chunked(png()[:-12], end=b""), *[chunked(block, end=b"")] * (MAX_UPLOAD_BYTES // 65536 + 20)]
    assert await talk(shared, request, *blocks) in (413, None)
    assert await nothing_left(shared)


async def test_a_length_beyond_the_limit_is_refused_before_the_body(shared: Service, factory: UUID) -> None:
    request = head(shared, factory, f"Content-Type: {PNG}", f"Content-Length: {10**15}")
    assert await talk(shared, request) == 413


async def test_a_wrong_type_is_refused_before_the_body(shared: Service, factory: UUID) -> None:
    request = head(shared, factory, "Content-Type: text/html", "Content-Length: 100")
    assert await talk(shared, request) == 415


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    media_type=st.sampled_from([*GOOD, "text/plain", ""]),
    kind=st.sampled_from(["model", "image"]),
    start=st.sampled_from([*GOOD.values(), b""]),
    cut=st.integers(0, 150),
    noise=st.binary(max_size=60),
    framing=st.sampled_from(["length", "chunked", "both", "none", "lie long", "lie short", "not a number"]),
)
async def test_whatever_is_sent_is_kept_or_refused_and_never_breaks_the_service(
    *,
    shared: Service,
    media_type: str,
    kind: str,
    start: bytes,
    cut: int,
    noise: bytes,
    framing: str,
) -> None:
    body = start[:cut] + noise + start[cut + len(noise) :]
    lengths = {"length": len(body), "both": len(body), "lie long": len(body) + 9, "lie short": len(body) // 2}
    headers = [f"Content-Type: {media_type}", "Connection: close"]
    if framing in lengths:
        headers.append(f"Content-Length: {lengths[framing]}")
    if framing in ("chunked", "both"):
        headers.append("Transfer-Encoding: chunked")
    if framing == "not a number":
        headers.append("Content-Length: x")
    sent = chunked(body) if framing in ("chunked", "both") else body
    seconds = 0.1 if framing == "lie long" else 20  # it waits for the rest
    status = await talk(shared, head(shared, uuid4(), *headers, kind=kind), sent, wait_seconds=seconds)
    assert status is None or status == 201 or 400 <= status < 500


async def test_after_all_that_the_service_is_well(shared: Service, client: httpx.AsyncClient) -> None:
    assert await nothing_left(shared)
    assert (await client.get("/health")).json()["status"] == "healthy"
    assert not [line for line in shared.process.lines if '"level":"CRITICAL"' in line.replace(" ", "")]
    assert not [line for line in shared.process.lines if "Unhandled" in line]
