"""PostgreSQL, Valkey and the store answer and take no writes: metric, log and the client's answer say why."""

import json
import resource
from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit
from uuid import uuid4

import asyncpg
import httpx
from redis.asyncio import Redis

from support.plant.bare_client import client_of
from support.servers import RunningProcess, Valkey
from support.waiting import wait_until
from vfactory.stack.health_checks import ask_troubles

Running = Callable[..., RunningProcess]


async def metrics(process: RunningProcess) -> str:
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{process.base_url}/metrics")).text


def fault(dependency: str, why: str) -> str:
    return f'vfactory_dependency_write_fault{{dependency="{dependency}",fault="{why}"}} 1.0'


def problems(process: RunningProcess) -> list[str]:
    records = [json.loads(line) for line in [*process.lines, *process.stderr]]
    return [record["message"] for record in records if record["level"] in ("ERROR", "CRITICAL")]


async def test_a_database_that_is_read_only_says_so_to_clients_and_in_metrics(
    running: Running, environment_for: Callable[..., dict[str, str]]
) -> None:
    dsn = environment_for("factory-core")["DATABASE_URL"]
    name = urlsplit(dsn).path.removeprefix("/")
    process = running("factory-core")
    worker = running("factory-core", "worker")
    for each in (process, worker):
        await wait_until(partial(_has, each, 'writable{dependency="database"} 1.0'))
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
        await connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = $1 AND pid <> pg_backend_pid()",
            name,
        )
        async with client_of(process.base_url, "engineer", "*", "kim") as client:
            answer = await client.post("/v1/factories", json={"name": f"plant {uuid4()}", "timezone": "UTC"})
            assert (answer.status_code, answer.json()["detail"]) == (503, "The database is read-only.")
            assert (await client.get("/health")).status_code == 200
        for each in (process, worker):
            await wait_until(partial(_has, each, fault("database", "read-only")))
            await wait_until(partial(_has, each, 'writable{dependency="database"} 0.0'))
        await connection.execute("SET default_transaction_read_only = off")
        await connection.execute(f'ALTER DATABASE "{name}" RESET default_transaction_read_only')
        await wait_until(partial(_has, process, 'writable{dependency="database"} 1.0'))
        assert fault("database", "read-only") not in await metrics(process)
    finally:
        await connection.close()
    assert problems(process) == problems(worker) == []


FULL = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION USING ERRCODE = 'disk_full', MESSAGE = 'No space left on device';
    END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON factory_core.factories EXECUTE FUNCTION refuse();
"""


async def test_what_a_request_meets_is_told_at_once_and_ends_with_the_next_probe(
    running: Running, environment_for: Callable[..., dict[str, str]]
) -> None:
    process = running("factory-core")
    connection = await asyncpg.connect(environment_for("factory-core")["DATABASE_URL"])
    try:
        await connection.execute(FULL)  # the server's own error, without a disk to fill
        async with client_of(process.base_url) as client:
            answer = await client.post("/v1/factories", json={"name": f"plant {uuid4()}"})
            assert (answer.status_code, answer.json()["detail"]) == (503, "The database's disk is full.")
            assert answer.headers["retry-after"]
    finally:
        await connection.close()
    told = "database takes no writes: disk full"
    await wait_until(lambda: any(told in line for line in process.lines))
    await wait_until(partial(_has, process, 'writable{dependency="database"} 1.0'))
    assert problems(process) == []


async def _has(process: RunningProcess, words: str) -> bool:
    return words in await metrics(process)


async def test_a_valkey_that_is_out_of_memory_says_so_and_health_says_connected(
    running: Running, valkey: Valkey
) -> None:
    process = running("factory-core")
    worker = running("factory-core", "worker")
    client = Redis.from_url(valkey.url())
    try:
        await client.config_set("maxmemory", "1")
        for each in (process, worker):
            await wait_until(partial(_has, each, fault("redis", "out of memory")))
        async with httpx.AsyncClient() as http:
            assert (await http.get(f"{process.base_url}/health")).json()["redis"] == "connected"
        assert ask_troubles(process.base_url) == ["takes no writes: redis: out of memory"]
    finally:
        await client.config_set("maxmemory", "0")
        await client.aclose()
    await wait_until(partial(_has, process, 'writable{dependency="redis"} 1.0'))
    assert problems(process) == problems(worker) == []


async def test_a_store_whose_disk_is_full_says_so(running: Running, tmp_path: Path) -> None:
    process = running("asset-management", env={"ASSET_MANAGEMENT_STORE_DIR": str(tmp_path / "store")})
    await wait_until(partial(_has, process, 'writable{dependency="store"} 1.0'))
    # The kernel's own limit on a file's length stands for a full disk: the write itself fails.
    hard = resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE)[1]
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (4096, hard))
    await wait_until(partial(_has, process, fault("store", "disk full")))
    assert ask_troubles(process.base_url) == ["takes no writes: store: disk full"]
    resource.prlimit(process.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
    await wait_until(partial(_has, process, 'writable{dependency="store"} 1.0'))
    assert list((tmp_path / "store" / "incoming").iterdir()) == []
