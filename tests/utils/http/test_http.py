import asyncio
import logging
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import APIRouter, FastAPI, Request
from fastapi.responses import StreamingResponse

from utils.auth import Role, issue_token
from utils.http import MAX_BODY_BYTES, BodyRule, Limit, build_app, exchange
from utils.serving import BoundedProtocol, protocol
from utils.settings import ServiceSettings

DEAD = {"database_url": "postgresql://u:p@127.0.0.1:1/d", "redis_url": "redis://:p@127.0.0.1:1/0"}
SMALL, LARGE = 100, 3 * MAX_BODY_BYTES


def make_app() -> FastAPI:
    app = build_app(
        ServiceSettings(service_name="kit", **DEAD),
        title="Kit",
        description="",
        bodies={
            ("PUT", "/v1/small"): BodyRule(max_bytes=SMALL),
            ("PUT", "/v1/large"): BodyRule(max_bytes=LARGE),
        },
    )
    router = APIRouter(prefix="/v1")

    @router.get("/things/{key}")
    async def read(key: str, limit: Limit = 50) -> dict[str, str | int]:
        return {"key": key, "limit": limit}

    @router.put("/things/{_key}")
    async def write(_key: str, request: Request) -> int:
        return len(await request.body())

    @router.put("/small")
    async def small(request: Request) -> int:
        return len(await request.body())

    @router.put("/large")
    async def large(request: Request) -> int:
        return sum([len(part) async for part in request.stream()])

    @router.get("/endless")
    async def endless() -> StreamingResponse:
        async def events() -> AsyncIterator[bytes]:
            while True:
                yield b": alive\n\n"
                await asyncio.sleep(0.01)

        return StreamingResponse(events(), media_type="text/event-stream")

    app.include_router(router)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make_app()), base_url="http://kit") as client:
        yield client


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve the app by a real server, with our protocol, on a port of 127.0.0.1."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        make_app(), http=BoundedProtocol, ws="none", lifespan="off", log_config=None, access_log=False
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join(10)
    listener.close()


async def parts(count: int, size: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * size


async def test_a_sensible_request_id_is_kept(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/1", headers={"X-Request-ID": "Order-66.b_1"})
    assert answer.headers["x-request-id"] == "Order-66.b_1"


@pytest.mark.parametrize("sent", [None, "", "a" * 65, "two words", 'quote"', "새벽".encode()])
async def test_any_other_request_id_is_replaced(client: httpx.AsyncClient, sent: str | bytes | None) -> None:
    headers: Any = {} if sent is None else {"X-Request-ID": sent}
    made = (await client.get("/v1/things/1", headers=headers)).headers["x-request-id"]
    assert len(made) == 32
    assert made != sent


async def test_errors_carry_the_request_id_too(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere", headers={"X-Request-ID": "abc"})
    assert answer.headers["x-request-id"] == answer.json()["request_id"] == "abc"


async def test_every_answer_forbids_sniffing_and_caching(client: httpx.AsyncClient) -> None:
    for path in ("/v1/things/1", "/nowhere", "/health"):
        headers = (await client.get(path)).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


async def test_the_access_log_says_who_did_what_with_which_outcome(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    with caplog.at_level(logging.INFO):
        await client.get("/v1/things/1", headers={"traceparent": f"00-{trace}-b7ad6b7169203331-01"})
    [record] = [record for record in caplog.records if record.getMessage().startswith("GET")]
    fields = vars(record)
    assert record.getMessage() == "GET /v1/things/{key} 200"
    assert fields["method"] == "GET"
    assert fields["path"] == "/v1/things/{key}"
    assert fields["status"] == 200
    assert fields["duration_ms"] > 0
    assert fields["client"] == "127.0.0.1"


async def test_probes_and_scrapes_are_logged_at_debug_only(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        for path in ("/health/live", "/metrics"):
            await client.get(path)
    levels = {record.levelname for record in caplog.records if record.getMessage().startswith("GET")}
    assert levels == {"DEBUG"}


@pytest.mark.parametrize(
    ("path", "limit"), [("/v1/things/1", MAX_BODY_BYTES), ("/v1/small", SMALL), ("/v1/large", LARGE)]
)
async def test_a_body_may_be_as_long_as_its_route_says_and_not_a_byte_longer(
    client: httpx.AsyncClient, path: str, limit: int
) -> None:
    assert (await client.put(path, content=b"x" * limit)).json() == limit
    refused = await client.put(path, content=b"x" * (limit + 1))
    assert refused.status_code == 413
    assert refused.headers["content-type"] == "application/problem+json"
    assert str(limit) in refused.json()["detail"]


async def test_a_chunked_body_is_counted_as_it_comes(client: httpx.AsyncClient) -> None:
    assert (await client.put("/v1/small", content=parts(10, 10))).json() == 100
    assert (await client.put("/v1/small", content=parts(11, 10))).status_code == 413
    assert (await client.put("/v1/large", content=parts(4, MAX_BODY_BYTES))).status_code == 413


async def test_a_content_length_that_lies_is_no_way_around_the_limit(client: httpx.AsyncClient) -> None:
    answer = await client.put("/v1/small", content=parts(11, 10), headers={"Content-Length": "5"})
    assert answer.status_code == 413


async def test_nobodys_body_is_read_before_it_is_known_who_sends_it() -> None:
    settings = ServiceSettings(service_name="kit", auth_secret="s" * 32, **DEAD)
    access = {("POST", "/v1/things"): frozenset({Role.ENGINEER})}
    app = build_app(settings, title="Kit", description="", access=access)

    @app.post("/v1/things")
    async def take(thing: dict[str, int]) -> int:
        return len(thing)

    read: list[bytes] = []

    async def body() -> AsyncIterator[bytes]:
        for _ in range(3):
            read.append(b"x" * MAX_BODY_BYTES)
            yield read[-1]

    token = issue_token("s" * 32, subject="t", role=Role.ENGINEER)

    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://kit") as client,
    ):
        assert (await client.post("/v1/things", content=body())).status_code == 401
        assert (await client.post("/v1/things", content=b"{")).status_code == 401
        assert read == []
        headers = {"authorization": f"Bearer {token}"}
        assert (await client.post("/v1/things", json={"a": 1}, headers=headers)).json() == 1


async def test_a_refused_body_still_gets_its_answer_from_a_real_server(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(2):  # the connection survives
            answer = await client.put("/v1/small", content=b"x" * 5_000_000)
            assert answer.status_code == 413


async def test_a_slow_body_is_given_up(client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "BODY_SECONDS", 0.1)

    async def slowly() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x"
            await asyncio.sleep(0.05)

    answer = await client.put("/v1/things/1", content=slowly())
    assert answer.status_code == 408
    assert answer.headers["connection"] == "close"


async def read_all(reader: asyncio.StreamReader) -> bytes:
    async with asyncio.timeout(5):
        return await reader.read()


async def test_a_slow_head_is_cut_off(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    for beginning in (b"", b"GET /health HTT", b"GET /health/live HTTP/1.1\r\nhost: x\r\n\r\nGET "):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(beginning)
        received = await read_all(reader)
        assert received.startswith(b"HTTP/1.1 200") == (b"live" in beginning)
        writer.close()


async def test_a_head_without_end_is_cut_off(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET / HTTP/1.1\r\n" + b"x-filler: " + b"x" * 100_000)
    assert (await read_all(reader)).startswith(b"HTTP/1.1 431")
    writer.close()


async def test_a_body_nobody_reads_may_not_trickle_for_ever(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "DRAIN_SECONDS", 0.2)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"PUT /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nx")
    assert (await read_all(reader)).startswith(b"HTTP/1.1 404")
    writer.close()


async def test_a_client_that_goes_away_is_no_error(port: int, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for request in (
            b"PUT /v1/things/1 HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n\r\nx",
            b"GET /v1/endless HTTP/1.1\r\nhost: x\r\n\r\n",
        ):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(request)
            await asyncio.sleep(0.1)
            writer.transport.abort()
        await asyncio.sleep(0.3)
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []
    assert "PUT /v1/things/{_key} 499" in [record.getMessage() for record in caplog.records]


async def test_a_long_url_and_long_headers_are_refused(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/things/" + "x" * 9000)).status_code == 414
    assert (await client.get("/v1/things/1", headers={"x-filler": "x" * 40_000})).status_code == 431


async def test_an_unknown_query_parameter_is_named(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/things/1?limt=5&limit=5&colour=red")
    assert answer.status_code == 422
    assert answer.json()["errors"] == [
        {"field": "limt", "detail": "is not a known query parameter; did you mean limit?"},
        {"field": "colour", "detail": "is not a known query parameter; allowed: limit"},
    ]


@pytest.mark.parametrize(
    ("url", "field"),
    [
        ("/v1/things/%00", "path"),
        ("/v1/things/%ff", "path"),
        ("/v1/things/1?limit=%00", "limit"),
        ("/v1/things/1?limit=%ed%a0%80", "limit"),
        ("/v1/things/1?%ff=1", "\\xff"),
    ],
)
async def test_what_is_not_text_in_a_url_is_refused_by_name(
    client: httpx.AsyncClient, url: str, field: str
) -> None:
    answer = await client.get(url)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


async def test_korean_in_a_url_is_text(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/things/공장")).json()["key"] == "공장"


async def test_a_wrong_method_is_told_every_right_one(client: httpx.AsyncClient) -> None:
    answer = await client.delete("/v1/things/1")
    assert answer.status_code == 405
    assert set(answer.headers["allow"].split(", ")) - {"HEAD"} == {"GET", "PUT"}
    assert answer.headers["content-type"] == "application/problem+json"


async def test_slashes_are_not_redirected(client: httpx.AsyncClient) -> None:
    assert (await client.get("/v1/things/1/")).status_code == 404


async def test_head_answers_like_get_without_a_body(client: httpx.AsyncClient) -> None:
    get, head = await client.get("/v1/things/1"), await client.head("/v1/things/1")
    assert head.status_code == 200
    assert head.content == b""
    assert head.headers["content-length"] == get.headers["content-length"]
    assert (await client.head("/v1/small")).status_code == 405


async def test_head_of_an_endless_stream_ends(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=3) as client:
        answer = await client.head("/v1/endless")
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert (await client.get("/health/live")).status_code == 200


def resolve(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Follow a `$ref` within the document."""
    for step in node.get("$ref", "").split("/")[1:]:
        node = document = document[step]
    return node


async def test_the_document_tells_errors_tokens_and_what_is_open(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    operation = document["paths"]["/v1/things/{key}"]["get"]
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    assert operation["security"] == [{"bearer": []}]
    for status in ("401", "422", "503"):
        assert resolve(document, operation["responses"][status])["content"] == problem
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert document["paths"]["/health"]["get"]["security"] == []
    assert "HTTPValidationError" not in str(document)


async def test_the_documentation_is_open(client: httpx.AsyncClient) -> None:
    for path in ("/docs", "/redoc", "/openapi.json"):
        assert (await client.get(path)).status_code == 200
