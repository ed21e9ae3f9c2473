import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from typing import Any, ClassVar

import asyncpg
import httpx
import pytest
import redis.exceptions
import sqlalchemy.exc
from fastapi import APIRouter, FastAPI
from fastapi.responses import StreamingResponse
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from support.servers import Postgres
from utils import errors
from utils.errors import InvalidError, NotFoundError, ServiceError, UnavailableError
from utils.http import FiniteFloat, RequestModel, Text, build_app
from utils.settings import ServiceSettings

DEAD = {"database_url": "postgresql://u:p@127.0.0.1:1/d", "redis_url": "redis://:p@127.0.0.1:1/0"}


class Reading(RequestModel):
    metric: Text
    value: FiniteFloat


class Batch(RequestModel):
    readings: list[Reading]


class Failing:
    """What the next request raises."""

    error: ClassVar[Callable[[], BaseException]]


def make_app() -> FastAPI:
    app = build_app(ServiceSettings(service_name="kit", **DEAD), title="Kit", description="")
    router = APIRouter(prefix="/v1")

    @router.get("/fail")
    async def fail() -> None:
        raise Failing.error()

    @router.get("/fail-later")
    async def fail_later() -> StreamingResponse:
        async def body() -> AsyncIterator[bytes]:
            yield b"begin"
            raise Failing.error()

        return StreamingResponse(body())

    @router.post("/batches")
    async def take(batch: Batch) -> int:
        return len(batch.readings)

    app.include_router(router)
    return app


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(make_app()), base_url="http://kit") as client:
        yield client


async def fail_with(client: httpx.AsyncClient, error: Callable[[], BaseException]) -> httpx.Response:
    Failing.error = staticmethod(error)
    return await client.get("/v1/fail")


EVERY_ERROR = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, ServiceError) and kind is not ServiceError
]


@pytest.mark.parametrize("kind", EVERY_ERROR)
async def test_every_error_of_ours_is_a_problem_document(
    client: httpx.AsyncClient, kind: type[ServiceError]
) -> None:
    answer = await fail_with(client, lambda: kind("What happened.", extra={"allowed": ["a"]}))
    assert answer.status_code == kind.status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json() == {
        "type": f"urn:v-factory:problem:{kind.slug}",
        "title": kind.title,
        "status": kind.status,
        "detail": "What happened.",
        "instance": "/v1/fail",
        "request_id": answer.headers["x-request-id"],
        "allowed": ["a"],
    }


async def test_an_error_says_how_to_go_on(client: httpx.AsyncClient) -> None:
    assert (await fail_with(client, UnavailableError)).headers["retry-after"] == "1"
    assert (await fail_with(client, errors.UnauthorizedError)).headers["www-authenticate"] == "Bearer"


async def test_the_field_that_is_wrong_is_named(client: httpx.AsyncClient) -> None:
    answer = await fail_with(client, lambda: InvalidError.of("floor.width_m", "must be positive"))
    assert answer.json()["errors"] == [{"field": "floor.width_m", "detail": "must be positive"}]


async def test_what_nobody_foresaw_is_a_500_that_tells_nothing(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await fail_with(client, lambda: RuntimeError("password=hunter2"))
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert "hunter2" not in answer.text
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert "hunter2" in str(record.exc_info[1])


async def test_a_failure_after_the_answer_began_is_logged_once_and_breaks_it_off(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    Failing.error = staticmethod(lambda: RuntimeError("too late"))
    with pytest.raises(AssertionError):  # the transport's own: the answer never ended
        await client.get("/v1/fail-later")
    assert [record.levelname for record in caplog.records if record.levelno >= logging.ERROR] == ["ERROR"]


def wrapped(error: Exception) -> sqlalchemy.exc.DBAPIError:
    """Wrap a driver's error as SQLAlchemy's asyncpg dialect does."""
    translated = Exception("translated")
    translated.__cause__ = error
    return sqlalchemy.exc.DBAPIError("SELECT 1", {}, translated)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (ConnectionRefusedError(111, "refused"), "Connection refused"),
        (TimeoutError(), "Connection timeout"),
        (ConnectionResetError(104, "reset"), "Connection reset"),
        (sqlalchemy.exc.TimeoutError("QueuePool limit reached"), "Connection timeout"),
        (asyncpg.InterfaceError("connection is closed"), "Unavailable"),
        (asyncpg.InternalClientError("another operation (2) is in progress"), "Connection reset"),
        (asyncpg.TooManyConnectionsError("sorry"), "Unavailable"),
        (asyncpg.AdminShutdownError("terminating"), "Connection reset"),
        (asyncpg.InvalidPasswordError('for user "root"'), "Authentication failed"),
        (wrapped(asyncpg.ConnectionDoesNotExistError("gone")), "Connection reset"),
        (wrapped(asyncpg.QueryCanceledError("timeout")), "Unavailable"),
        (wrapped(asyncpg.DeadlockDetectedError("deadlock")), "Unavailable"),
        (redis.exceptions.ConnectionError("Error 111 connecting to x:1."), "Connection refused"),
        (redis.exceptions.TimeoutError("Timeout reading"), "Connection timeout"),
        (redis.exceptions.BusyLoadingError("loading"), "Loading dataset"),
    ],
    ids=repr,
)
async def test_a_dependency_that_fails_is_a_503_in_fixed_words(
    client: httpx.AsyncClient, error: Exception, word: str
) -> None:
    answer = await fail_with(client, lambda: error)
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert f"({word})" in answer.json()["detail"]
    assert "root" not in answer.text


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (asyncpg.ReadOnlySQLTransactionError("read only"), "The database is read-only."),
        (asyncpg.DiskFullError("could not extend file"), "The database's disk is full."),
        (wrapped(asyncpg.DiskFullError("could not extend file")), "The database's disk is full."),
        (asyncpg.OutOfMemoryError("out of memory"), "The database is out of memory."),
    ],
    ids=repr,
)
async def test_a_database_that_takes_no_writes_is_a_503_that_says_why(
    client: httpx.AsyncClient, error: Exception, words: str
) -> None:
    answer = await fail_with(client, lambda: error)
    assert (answer.status_code, answer.json()["detail"]) == (503, words)
    assert answer.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("statement", "values", "status"),
    [
        ("INSERT INTO thing VALUES (1)", {}, 409),
        ("INSERT INTO thing VALUES (-1)", {}, 422),
        ("SELECT 1 / CAST(:n AS int)", {"n": 0}, 422),
        ("SELECT CAST(:n AS int)", {"n": 2**40}, 422),
        ("SELECT CAST(:n AS text)", {"n": "\x00"}, 422),
        ("SELECT * FROM nothing_like_it", {}, 500),
    ],
)
async def test_what_the_database_refuses_is_no_fault_of_the_service(
    client: httpx.AsyncClient, postgres: Postgres, statement: str, values: dict[str, Any], status: int
) -> None:
    engine = create_async_engine(postgres.url().replace("postgresql://", "postgresql+asyncpg://"))
    try:
        async with engine.connect() as connection:
            await connection.execute(text("CREATE TEMP TABLE thing (id int PRIMARY KEY CHECK (id > 0))"))
            await connection.execute(text("INSERT INTO thing VALUES (1)"))
            with pytest.raises(sqlalchemy.exc.DBAPIError) as caught:
                await connection.execute(text(statement), values)
    finally:
        await engine.dispose()
    assert (await fail_with(client, lambda: caught.value)).status_code == status


@pytest.mark.parametrize(
    ("body", "field", "said"),
    [
        (b"", "body", "is required"),
        (b"{", "body", "is not JSON"),
        (b"null", "body", "must"),
        (b'{"readings": [{"metric": "m", "value": NaN}]}', "readings[0].value", "finite"),
        (b'{"readings": [{"metric": "m", "value": 1e999}]}', "readings[0].value", "finite"),
        (b'{"readings": [{"metric": "m", "value": "1"}]}', "readings[0].value", "number"),
        (b'{"readings": [{"metric": "\\u0000", "value": 1}]}', "readings[0].metric", "U+0000"),
        (b'{"readings": [{"metric": "\\ud800", "value": 1}]}', "readings[0].metric", "surrogates"),
        (b'{"readings": [{"value": 1}]}', "readings[0].metric", "is required"),
        (b'{"readings": [], "raedings": []}', "raedings", "is not a known field"),
        (b'{"readings": [], "\\ud800": []}', None, None),
        (b'{"readings": "\xff"}', "body", "UTF-8"),
        (b"[" * 100_000, "body", "nested too deeply"),
        (b"9" * 10_000, "body", "digits"),
    ],
)
async def test_a_bad_body_is_a_422_naming_the_field(
    client: httpx.AsyncClient, body: bytes, field: str | None, said: str | None
) -> None:
    answer = await client.post("/v1/batches", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    if field is not None and said is not None:
        [error] = answer.json()["errors"]
        assert error["field"] == field
        assert said in error["detail"]


async def test_a_thousand_wrong_fields_do_not_make_a_thousand_lines(client: httpx.AsyncClient) -> None:
    answer = await client.post("/v1/batches", json={"readings": [{}] * 1000})
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 100


async def test_a_path_nobody_serves_is_a_404_problem(client: httpx.AsyncClient) -> None:
    answer = await client.get("/v1/nowhere")
    assert answer.status_code == 404
    assert answer.json()["type"] == "urn:v-factory:problem:not-found"


async def test_concurrent_failures_keep_their_request_ids_apart(client: httpx.AsyncClient) -> None:
    Failing.error = staticmethod(NotFoundError)
    answers = await asyncio.gather(
        *(client.get("/v1/fail", headers={"x-request-id": f"r{number}"}) for number in range(20))
    )
    assert [answer.json()["request_id"] for answer in answers] == [f"r{number}" for number in range(20)]
