import asyncio
import logging
import os
import signal
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import msgspec
import orjson
import pytest
from fastapi import FastAPI
from prometheus_client import REGISTRY

from support.servers import Postgres, Valkey, make_settings
from support.waiting import wait_until
from utils.faults import Fault
from utils.health import DatabaseProbe, HealthMonitor, HealthReport, Probe, RedisProbe, health_type
from utils.http import build_app

BOUND_SECONDS = 0.8
NOWHERE = "127.0.0.1:1"


@asynccontextmanager
async def monitoring(*probes: Probe) -> AsyncIterator[HealthMonitor]:
    monitor = HealthMonitor("kit", probes)
    try:
        yield monitor
    finally:
        await monitor.stop()


async def ask(monitor: HealthMonitor) -> dict[str, str | None]:
    """Ask past the cache, within the contract's time."""
    monitor._expires = 0
    started = time.monotonic()
    report = await monitor.report()
    assert time.monotonic() - started < BOUND_SECONDS
    return {name: fault and fault.value for name, fault in report.faults.items()}


async def ask_until_healthy(monitor: HealthMonitor) -> None:
    found: dict[str, str | None] = {}
    for _ in range(200):
        found = await ask(monitor)
        if not any(found.values()):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"still not healthy after 10 s: {found}")


@asynccontextmanager
async def tcp_server(behave: Callable[[socket.socket], Awaitable[None]]) -> AsyncIterator[str]:
    """Serve connections by `behave` on a raw socket, and give host:port."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)  # noqa: FBT003 - the socket module's signature
    loop = asyncio.get_running_loop()

    async def accept() -> None:
        while True:
            connection, _ = await loop.sock_accept(listener)
            with connection:
                await behave(connection)

    task = asyncio.create_task(accept())
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        listener.close()


async def reset(connection: socket.socket) -> None:
    await asyncio.get_running_loop().sock_recv(connection, 1)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def say_loading(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    await loop.sock_recv(connection, 1024)
    await loop.sock_sendall(connection, b"-LOADING Valkey is loading the dataset in memory\r\n" * 5)


async def stay_silent(_: socket.socket) -> None:
    await asyncio.sleep(60)


def test_a_healthy_report_is_written_with_the_keys_in_the_guides_order() -> None:
    report = HealthReport("2026-01-15T10:30:00Z", {"database": None, "redis": None})
    assert report.body == (
        b'{"status":"healthy","timestamp":"2026-01-15T10:30:00Z","database":"connected","redis":"connected"}'
    )


def test_an_unhealthy_report_puts_each_error_behind_its_dependency() -> None:
    faults = {"database": Fault.REFUSED, "redis": Fault.TIMEOUT}
    assert HealthReport("2026-01-15T10:30:00Z", faults).body == (
        b'{"status":"unhealthy","timestamp":"2026-01-15T10:30:00Z",'
        b'"database":"disconnected","database_error":"Connection refused",'
        b'"redis":"disconnected","redis_error":"Connection timeout"}'
    )


@pytest.mark.parametrize("fault", [None, *Fault])
def test_every_report_is_of_the_documented_type(fault: Fault | None) -> None:
    faults = {"database": fault, "redis": None}
    answer = msgspec.json.decode(HealthReport("2026-01-15T10:30:00Z", faults).body, type=health_type(faults))
    assert msgspec.to_builtins(answer).get("database_error") == fault


async def test_real_servers_that_answer_are_connected(postgres: Postgres, valkey: Valkey) -> None:
    async with monitoring(DatabaseProbe(postgres.url()), RedisProbe(valkey.url())) as monitor:
        assert await ask(monitor) == {"database": None, "redis": None}


@pytest.mark.serial
async def test_stopped_servers_refuse_and_heal_by_themselves(
    hurt_postgres: Postgres, hurt_valkey: Valkey
) -> None:
    async with monitoring(DatabaseProbe(hurt_postgres.url()), RedisProbe(hurt_valkey.url())) as monitor:
        await ask(monitor)
        hurt_postgres.stop()
        hurt_valkey.stop()
        assert await ask(monitor) == {"database": "Connection refused", "redis": "Connection refused"}
        hurt_postgres.start()
        hurt_valkey.start()
        await ask_until_healthy(monitor)


@pytest.mark.serial
@pytest.mark.parametrize("asked_before", [True, False])
async def test_frozen_servers_time_out_and_heal_by_themselves(
    hurt_postgres: Postgres, hurt_valkey: Valkey, *, asked_before: bool
) -> None:
    async with monitoring(DatabaseProbe(hurt_postgres.url()), RedisProbe(hurt_valkey.url())) as monitor:
        if asked_before:
            await ask(monitor)
        hurt_postgres.pause()
        hurt_valkey.pause()
        for _ in range(2):
            assert await ask(monitor) == {"database": "Connection timeout", "redis": "Connection timeout"}
        hurt_postgres.resume()
        hurt_valkey.resume()
        await ask_until_healthy(monitor)


@pytest.mark.serial
async def test_a_postmaster_frozen_alone_is_noticed_behind_a_living_session(hurt_postgres: Postgres) -> None:
    async with monitoring(DatabaseProbe(hurt_postgres.url())) as monitor:
        await ask(monitor)
        pid = hurt_postgres.server.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            assert await ask(monitor) == {"database": "Connection timeout"}
        finally:
            os.kill(pid, signal.SIGCONT)
        await ask_until_healthy(monitor)


@pytest.mark.serial
async def test_a_restart_or_ended_sessions_between_two_checks_change_nothing(
    hurt_postgres: Postgres, hurt_valkey: Valkey
) -> None:
    async with monitoring(DatabaseProbe(hurt_postgres.url()), RedisProbe(hurt_valkey.url())) as monitor:
        await ask(monitor)
        hurt_postgres.terminate_sessions()
        hurt_valkey.command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        assert await ask(monitor) == {"database": None, "redis": None}
        hurt_postgres.restart()
        hurt_valkey.restart()
        assert await ask(monitor) == {"database": None, "redis": None}


async def test_a_changed_password_is_an_authentication_failure_and_names_nobody(
    hurt_postgres: Postgres,
) -> None:
    url = hurt_postgres.url()
    async with monitoring(DatabaseProbe(url)) as monitor:
        await ask(monitor)
        hurt_postgres.change_password("another")
        hurt_postgres.terminate_sessions()
        assert await ask(monitor) == {"database": "Authentication failed"}
        hurt_postgres.heal()
        await ask_until_healthy(monitor)


async def test_a_wrong_redis_password_is_an_authentication_failure(valkey: Valkey) -> None:
    url = valkey.url().replace(valkey.server.password, "wrong")
    async with monitoring(RedisProbe(url)) as monitor:
        assert await ask(monitor) == {"redis": "Authentication failed"}


async def test_read_only_servers_stay_connected(hurt_postgres: Postgres, valkey: Valkey) -> None:
    async with monitoring(DatabaseProbe(hurt_postgres.url()), RedisProbe(valkey.url())) as monitor:
        hurt_postgres.sql("ALTER SYSTEM SET default_transaction_read_only = on")
        hurt_postgres.sql("SELECT pg_reload_conf()")
        valkey.command("CONFIG", "SET", "min-replicas-to-write", "3")
        try:
            assert await ask(monitor) == {"database": None, "redis": None}
        finally:
            hurt_postgres.sql("ALTER SYSTEM RESET default_transaction_read_only")
            hurt_postgres.sql("SELECT pg_reload_conf()")
            valkey.command("CONFIG", "SET", "min-replicas-to-write", "0")


@pytest.mark.parametrize(
    ("behave", "database", "redis"),
    [
        (reset, "Connection reset", "Connection reset"),
        (stay_silent, "Connection timeout", "Connection timeout"),
    ],
)
async def test_a_broken_server_has_its_word(
    behave: Callable[[socket.socket], Awaitable[None]], database: str, redis: str
) -> None:
    async with tcp_server(behave) as address:
        probes = (
            DatabaseProbe(f"postgresql://u:secret@{address}/d"),
            RedisProbe(f"redis://:secret@{address}/0"),
        )
        async with monitoring(probes[0]) as monitor:
            assert await ask(monitor) == {"database": database}
        async with monitoring(probes[1]) as monitor:
            assert await ask(monitor) == {"redis": redis}


async def test_a_redis_that_reads_its_file_is_loading() -> None:
    async with (
        tcp_server(say_loading) as address,
        monitoring(RedisProbe(f"redis://:x@{address}/0")) as monitor,
    ):
        assert await ask(monitor) == {"redis": "Loading dataset"}


async def test_a_name_nobody_knows_is_a_name_resolution_failure() -> None:
    probes = DatabaseProbe("postgresql://u:p@nobody.invalid/d"), RedisProbe("redis://nobody.invalid/0")
    async with monitoring(*probes) as monitor:
        assert await ask(monitor) == {"database": "Name resolution failed", "redis": "Name resolution failed"}


async def test_an_unknown_database_is_unavailable(postgres: Postgres) -> None:
    async with monitoring(DatabaseProbe(postgres.url("missing"))) as monitor:
        assert await ask(monitor) == {"database": "Unavailable"}


class ScriptedProbe:
    """A dependency whose answers a test writes."""

    name = "database"

    def __init__(self, answers: Sequence[Exception | None]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def check(self) -> None:
        self.asked += 1
        await asyncio.sleep(0.01)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if answer is not None:
            raise answer

    def abandon(self) -> None:
        pass


async def test_a_storm_of_questions_asks_the_dependency_once() -> None:
    probe = ScriptedProbe([None])
    async with monitoring(probe) as monitor:
        reports = await asyncio.gather(*(monitor.report() for _ in range(100)))
        await monitor.report()
    assert probe.asked == 1
    assert len({id(report) for report in reports}) == 1


async def test_a_report_is_at_most_a_second_old() -> None:
    probe = ScriptedProbe([None])
    async with monitoring(probe) as monitor:
        await monitor.report()
        monitor._expires -= 1
        await monitor.report()
    assert probe.asked == 2


async def test_a_client_that_goes_away_does_not_take_the_check_with_it() -> None:
    probe = ScriptedProbe([None])
    async with monitoring(probe) as monitor:
        impatient = asyncio.create_task(monitor.report())
        patient = asyncio.create_task(monitor.report())
        await asyncio.sleep(0)
        impatient.cancel()
        assert (await patient).healthy
    assert probe.asked == 1


async def test_only_a_change_is_logged_as_a_warning_and_then_as_good_news(
    caplog: pytest.LogCaptureFixture,
) -> None:
    refused = ConnectionRefusedError(111, "refused")
    async with monitoring(ScriptedProbe([None, refused, refused, None, None])) as monitor:
        with caplog.at_level(logging.INFO):
            for _ in range(5):
                await ask(monitor)
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    assert lines == [
        ("WARNING", "database is disconnected: Connection refused"),
        ("INFO", "database is connected again"),
    ]


def up(dependency: str) -> float | None:
    return REGISTRY.get_sample_value("vfactory_dependency_up", {"dependency": dependency})


async def test_the_gauge_follows_a_fault_nobody_asks_about() -> None:
    probe = ScriptedProbe([None, OSError("gone")])
    async with monitoring(probe) as monitor:
        monitor.start()
        await wait_until(lambda: up("database") == 1)
        await wait_until(lambda: up("database") == 0)


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.serial
async def test_checks_leave_no_task_and_no_socket_behind(
    hurt_postgres: Postgres, hurt_valkey: Valkey
) -> None:
    tasks, files = asyncio.all_tasks(), open_files()
    async with monitoring(DatabaseProbe(hurt_postgres.url()), RedisProbe(hurt_valkey.url())) as monitor:
        await ask(monitor)
        hurt_postgres.pause()
        hurt_valkey.pause()
        for _ in range(3):
            await ask(monitor)
        hurt_postgres.resume()
        hurt_valkey.resume()
        await ask_until_healthy(monitor)
    await wait_until(lambda: asyncio.all_tasks() <= tasks and open_files() <= files)


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://kit") as client,
    ):
        yield client


def app_on(database_url: str, redis_url: str, *, uses_redis: bool = True) -> FastAPI:
    settings = make_settings("kit", database_url, redis_url)
    return build_app(settings, title="Kit", description="", uses_redis=uses_redis)


DEAD_POSTGRES, DEAD_REDIS = f"postgresql://u:p@{NOWHERE}/d", f"redis://:p@{NOWHERE}/0"


async def test_health_answers_200_with_everything_connected(postgres: Postgres, valkey: Valkey) -> None:
    async with client_of(app_on(postgres.url(), valkey.url())) as client:
        answer = await client.get("/health")
    assert answer.status_code == 200
    assert list(answer.json()) == ["status", "timestamp", "database", "redis"]
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"


async def test_health_answers_head_like_get_without_the_body() -> None:
    async with client_of(app_on(DEAD_POSTGRES, DEAD_REDIS)) as client:
        get, head = await client.get("/health"), await client.head("/health")
    assert head.status_code == get.status_code == 503
    assert head.content == b""
    assert head.headers["content-length"] == str(len(get.content))
    assert head.headers["cache-control"] == "no-store"


async def test_a_service_without_redis_never_mentions_it(postgres: Postgres, valkey: Valkey) -> None:
    async with client_of(app_on(postgres.url(), valkey.url(), uses_redis=False)) as client:
        answer = await client.get("/health")
    assert orjson.loads(answer.content).keys() == {"status", "timestamp", "database"}


async def test_live_answers_200_whatever_is_down() -> None:
    async with client_of(app_on(DEAD_POSTGRES, DEAD_REDIS)) as client:
        answer = await client.get("/health/live")
    assert (answer.status_code, answer.json()["status"]) == (200, "alive")


async def test_ready_needs_the_database_and_not_redis(postgres: Postgres, valkey: Valkey) -> None:
    async with client_of(app_on(postgres.url(), DEAD_REDIS)) as client:
        assert (await client.get("/health/ready")).status_code == 200
    async with client_of(app_on(DEAD_POSTGRES, valkey.url())) as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json() | {"timestamp": ""} == {
        "status": "unready",
        "timestamp": "",
        "database": "disconnected",
        "database_error": "Connection refused",
    }


async def test_a_draining_process_is_not_ready_and_still_healthy(postgres: Postgres, valkey: Valkey) -> None:
    app = app_on(postgres.url(), valkey.url())
    async with client_of(app) as client:
        app.state.lifecycle.begin_drain()
        ready, health = await client.get("/health/ready"), await client.get("/health")
    assert (ready.status_code, ready.json()["status"]) == (503, "draining")
    assert health.status_code == 200


async def test_a_saturated_pool_leaves_the_service_healthy(postgres: Postgres, valkey: Valkey) -> None:
    app = app_on(postgres.url(), valkey.url())
    async with client_of(app) as client:
        engine = app.state.kit.database.engine
        held = [await engine.connect() for _ in range(app.state.kit.settings.database_pool_size)]
        try:
            assert (await client.get("/health")).status_code == 200
        finally:
            for connection in held:
                await connection.close()
