"""One transaction per request, committed before its answer; faults cost little, end soon and heal."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import sqlalchemy.exc
from fastapi import FastAPI
from prometheus_client import REGISTRY
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text

from support.servers import Postgres
from utils.database import CONNECTION_FAULTS, Database, UtcDateTime, is_connection_fault
from utils.http import DatabaseTransaction
from utils.settings import ServiceSettings

INSERT = "INSERT INTO effects (factory_id, seq) VALUES (gen_random_uuid(), $1)"


async def count(database: Database) -> int:
    async with database.transaction() as transaction:
        return int(await (await transaction.connection()).fetchval("SELECT count(*) FROM effects"))


async def write(database: Database, number: int = 1) -> None:
    async with database.transaction() as transaction:
        await (await transaction.connection()).execute(INSERT, number)


async def test_a_transaction_commits_at_its_end(fresh_database: Database) -> None:
    await write(fresh_database)
    assert await count(fresh_database) == 1


async def test_an_error_rolls_back_raw_and_mapped_statements_alike(fresh_database: Database) -> None:
    with contextlib.suppress(LookupError):
        async with fresh_database.transaction() as transaction:
            await (await transaction.connection()).execute(INSERT, 1)
            await transaction.session.execute(text(INSERT.replace("$1", "2")))
            await (await transaction.connection()).execute(INSERT, 3)
            raise LookupError
    assert await count(fresh_database) == 0


async def test_raw_and_mapped_statements_see_each_other(fresh_database: Database) -> None:
    async with fresh_database.transaction() as transaction:
        await (await transaction.connection()).execute(INSERT, 1)
        seen = await transaction.session.scalar(text("SELECT count(*) FROM effects"))
    assert seen == 1


async def test_a_transaction_that_asks_nothing_takes_no_connection(fresh_database: Database) -> None:
    async with fresh_database.transaction():
        assert fresh_database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


async def test_callbacks_come_after_the_commit_and_not_after_a_rollback(fresh_database: Database) -> None:
    told: list[str] = []
    async with fresh_database.transaction() as transaction:
        transaction.on_commit(lambda: told.append("committed"))
        await (await transaction.connection()).execute(INSERT, 1)
        assert told == []
    assert told == ["committed"]
    with contextlib.suppress(LookupError):
        async with fresh_database.transaction() as transaction:
            transaction.on_commit(lambda: told.append("never"))
            raise LookupError
    assert told == ["committed"]


def app_on(database: Database) -> FastAPI:
    app = FastAPI()
    app.state.kit = SimpleNamespace(database=database)
    return app


async def call(app: FastAPI, method: str, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return await client.request(method, path)


async def test_the_commit_comes_before_the_answer_is_sent(fresh_database: Database) -> None:
    order: list[str] = []
    app = app_on(fresh_database)

    @app.post("/things")
    async def create(transaction: DatabaseTransaction) -> dict[str, str]:
        transaction.on_commit(lambda: order.append("commit"))
        await (await transaction.connection()).execute(INSERT, 1)
        return {}

    async def noting(scope: Any, receive: Any, send: Any) -> None:
        async def note(message: Any) -> None:
            order.append(message["type"])
            await send(message)

        await app(scope, receive, note)

    transport = httpx.ASGITransport(app=noting)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        assert (await client.post("/things")).status_code == 200
    assert order[:3] == ["commit", "http.response.start", "http.response.body"]
    assert set(order[3:]) <= {"http.response.body"}


async def test_a_commit_that_fails_is_no_success_to_the_client(fresh_database: Database) -> None:
    app = app_on(fresh_database)

    @app.post("/things")
    async def create(transaction: DatabaseTransaction) -> dict[str, str]:
        connection = await transaction.connection()
        await connection.execute("CREATE TEMP TABLE late (n int UNIQUE DEFERRABLE INITIALLY DEFERRED)")
        await connection.execute("INSERT INTO late VALUES (1), (1)")
        return {}

    assert (await call(app, "POST", "/things")).status_code == 500


async def test_a_refused_request_leaves_nothing_behind(fresh_database: Database) -> None:
    app = app_on(fresh_database)

    @app.post("/things")
    async def create(transaction: DatabaseTransaction) -> None:
        await (await transaction.connection()).execute(INSERT, 1)
        raise LookupError

    assert (await call(app, "POST", "/things")).status_code == 500
    assert await count(fresh_database) == 0


async def test_ended_sessions_cost_no_request(fresh_database: Database, postgres: Postgres) -> None:
    await asyncio.gather(*(write(fresh_database) for _ in range(10)))
    postgres.terminate_sessions()
    await asyncio.sleep(0.1)
    await asyncio.gather(*(write(fresh_database) for _ in range(10)))
    assert await count(fresh_database) == 20


async def test_sessions_that_ended_unnoticed_cost_no_request(
    fresh_database: Database, postgres: Postgres
) -> None:
    await asyncio.gather(*(write(fresh_database) for _ in range(5)))
    postgres.terminate_sessions()  # the event loop has not run: nobody knows yet
    await asyncio.gather(*(write(fresh_database) for _ in range(5)))
    assert await count(fresh_database) == 10


async def test_a_restart_costs_no_later_request(fresh_database: Database, hurt_postgres: Postgres) -> None:
    await asyncio.gather(*(write(fresh_database) for _ in range(5)))
    hurt_postgres.kill()
    with pytest.raises(OSError, match="onnect"):
        await write(fresh_database)
    hurt_postgres.start()
    await asyncio.gather(*(write(fresh_database) for _ in range(5)))
    assert await count(fresh_database) == 10


async def test_a_changed_password_heals_when_it_is_right_again(
    fresh_database: Database, hurt_postgres: Postgres
) -> None:
    await write(fresh_database)
    hurt_postgres.change_password("another")
    hurt_postgres.terminate_sessions()
    await asyncio.sleep(0.1)
    with pytest.raises(sqlalchemy.exc.DBAPIError) as caught:
        await write(fresh_database)
    assert is_connection_fault(caught.value)
    hurt_postgres.heal()
    await write(fresh_database)


async def test_a_session_ended_in_the_middle_fails_its_own_request_only(
    fresh_database: Database, postgres: Postgres
) -> None:
    async def interrupted() -> None:
        async with fresh_database.transaction() as transaction:
            connection = await transaction.connection()
            await connection.execute(INSERT, 1)
            postgres.terminate_sessions()
            await connection.execute(INSERT, 2)

    with pytest.raises(CONNECTION_FAULTS):
        await interrupted()
    await write(fresh_database)
    assert await count(fresh_database) == 1


@pytest.mark.parametrize("raw", [True, False], ids=["raw", "mapped"])
async def test_a_stopped_server_holds_no_request_for_long(
    settings_for: Callable[..., ServiceSettings],
    hurt_postgres: Postgres,
    monkeypatch: pytest.MonkeyPatch,
    *,
    raw: bool,
) -> None:
    monkeypatch.setattr("utils.database.connections.CONNECT_TIMEOUT_SECONDS", 0.6)
    monkeypatch.setattr("utils.database.engine.POOL_TIMEOUT_SECONDS", 1.0)
    database = Database(settings_for("kit", database_command_timeout_seconds=1.0), schema="kit")
    await asyncio.gather(*(write(database) for _ in range(3)))

    async def one_request() -> None:
        async with database.transaction() as transaction:
            if raw:
                await (await transaction.connection()).execute(INSERT, 2)
            else:
                await transaction.session.execute(text(INSERT.replace("$1", "2")))

    hurt_postgres.pause()
    began = time.monotonic()
    results = await asyncio.gather(*(one_request() for _ in range(30)), return_exceptions=True)
    took = time.monotonic() - began
    assert all(is_connection_fault(result) for result in results if result), results
    assert None not in results
    # the wait for the pool and one connect (by default 5 + 3 s); one command alone takes less (8 s)
    assert took < 1.6 + 0.5
    hurt_postgres.resume()
    await write(database)
    assert await count(database) == 4
    await database.close()


async def test_a_cancelled_request_on_a_stopped_server_ends_at_once(
    fresh_database: Database, hurt_postgres: Postgres
) -> None:
    await write(fresh_database)
    hurt_postgres.pause()
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await write(fresh_database)
    assert time.monotonic() - began < 1
    hurt_postgres.resume()
    await write(fresh_database)


async def test_closing_does_not_wait_for_a_stopped_server(
    settings_for: Callable[..., ServiceSettings], hurt_postgres: Postgres
) -> None:
    database = Database(settings_for("kit"), schema="kit")
    await asyncio.gather(*(write(database) for _ in range(3)))
    opened = list(database._opened)  # kept here: what nothing refers to any more is not among `_opened`
    hurt_postgres.pause()
    began = time.monotonic()
    await database.close()
    assert time.monotonic() - began < 2
    assert [connection.is_closed() for connection in opened] == [True] * 3


async def test_a_pool_that_is_used_up_refuses_soon_and_recovers(
    settings_for: Callable[..., ServiceSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("utils.database.engine.POOL_TIMEOUT_SECONDS", 0.2)
    database = Database(settings_for("kit", database_pool_size=2), schema="kit")
    async with database.transaction() as one, database.transaction() as other:
        await one.connection()
        await other.connection()
        with pytest.raises(sqlalchemy.exc.TimeoutError):
            await write(database)
    await write(database)
    await database.close()


async def test_the_pool_tells_what_it_holds(fresh_database: Database) -> None:
    def now(state: str) -> float:
        return REGISTRY.get_sample_value("vfactory_database_pool_connections", {"state": state}) or 0

    before, waits = now("in_use"), REGISTRY.get_sample_value("vfactory_database_pool_wait_seconds_count") or 0
    async with fresh_database.transaction() as transaction:
        await transaction.connection()
        assert now("in_use") == before + 1
        assert now("limit") >= 10
    assert now("in_use") == before
    assert (REGISTRY.get_sample_value("vfactory_database_pool_wait_seconds_count") or 0) == waits + 1


async def test_statements_locks_and_idle_transactions_are_bounded_by_the_server(
    fresh_database: Database,
) -> None:
    async with fresh_database.transaction() as transaction:
        connection = await transaction.connection()
        settings = {
            name: await connection.fetchval("SELECT current_setting($1)", name)
            for name in (
                "search_path",
                "statement_timeout",
                "lock_timeout",
                "idle_in_transaction_session_timeout",
                "application_name",
                "TimeZone",
            )
        }
    assert settings == {
        "search_path": '"kit"',
        "statement_timeout": "8s",
        "lock_timeout": "5s",
        "idle_in_transaction_session_timeout": "30s",
        "application_name": "kit",
        "TimeZone": "UTC",
    }


MOMENTS = Table("moments", MetaData(), Column("id", Integer, primary_key=True), Column("at", UtcDateTime))


async def test_times_come_back_aware_and_in_utc(fresh_database: Database) -> None:
    seoul = datetime(2026, 1, 15, 19, 30, tzinfo=timezone(timedelta(hours=9)))
    async with fresh_database.transaction() as transaction:
        await (await transaction.session.connection()).run_sync(MOMENTS.create)
        await transaction.session.execute(insert(MOMENTS).values(id=1, at=seoul))
        found = await transaction.session.scalar(select(MOMENTS.c.at))
    assert found == seoul
    assert found is not None
    assert found.tzinfo is UTC


async def test_a_naive_time_is_refused(fresh_database: Database) -> None:
    naive = datetime(2026, 1, 15, 19, 30)  # noqa: DTZ001 - the point of the test
    async with fresh_database.transaction() as transaction:
        await (await transaction.session.connection()).run_sync(MOMENTS.create)
        with pytest.raises(sqlalchemy.exc.StatementError, match="time zone"):
            await transaction.session.execute(insert(MOMENTS).values(id=1, at=naive))
