"""A read replica is used while it keeps up; whatever becomes of it, the primary answers, and soon."""

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY

from support.servers import Postgres, Replica
from support.waiting import wait_until
from utils.database import Database, Transaction
from utils.database.replica import ReplicaReader
from utils.errors import NotFoundError
from utils.settings import ServiceSettings

INSERT = "INSERT INTO effects (factory_id, seq) VALUES (gen_random_uuid(), $1)"
MAX_LAG = 1.0
NEVER = 40.0

# How old an answer may be, and how long it may take, is what is promised here.
pytestmark = pytest.mark.serial

Make = Callable[..., Awaitable[ReplicaReader]]


class Site:
    """A primary's database, and readers of it that use a replica."""

    def __init__(self, primary: Database, settings: Callable[..., ServiceSettings], name: str) -> None:
        self.primary = primary
        self.readers: list[ReplicaReader] = []
        self._settings = settings
        self._name = name

    async def reader(self, replica: Replica, **more: Any) -> ReplicaReader:
        """A reader that uses the replica already."""
        url = replica.url(self._name)
        given = {"database_read_url": url, "database_read_max_lag_seconds": MAX_LAG, **more}
        reader = ReplicaReader(self.primary, self._settings("kit", **given))
        self.readers.append(reader)
        await reader.start()
        await self.becomes(reader, "replica")
        return reader

    async def becomes(self, reader: ReplicaReader, server: str) -> None:
        """Wait until reads are answered by that server."""
        deadline = time.monotonic() + NEVER
        while await reader.read(who) != server:
            assert time.monotonic() < deadline, f"reads never went to the {server}"
            await asyncio.sleep(0.02)

    async def write(self, number: int = 1) -> None:
        async with self.primary.transaction() as transaction:
            await (await transaction.connection()).execute(INSERT, number)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("utils.database.replica.reader.LOOK_SECONDS", 0.1)
    monkeypatch.setattr("utils.database.replica.usage.FIRST_REST_SECONDS", 0.3)
    monkeypatch.setattr("utils.database.replica.usage.LONGEST_REST_SECONDS", 0.3)


@pytest.fixture
async def site(
    replica: Replica,
    settings_for: Callable[..., ServiceSettings],
    fresh_url: Callable[[str], str],
    caplog: pytest.LogCaptureFixture,
) -> AsyncIterator[Site]:
    caplog.set_level(logging.INFO)
    primary = Database(settings_for("kit"), schema="kit")
    site = Site(primary, settings_for, fresh_url("kit").rpartition("/")[2])
    await asyncio.to_thread(replica.catch_up)
    yield site
    for reader in site.readers:
        await reader.close()
    await primary.close()


async def who(transaction: Transaction) -> str:
    is_replica = await (await transaction.connection()).fetchval("SELECT pg_is_in_recovery()")
    return "replica" if is_replica else "primary"


async def count(transaction: Transaction) -> int:
    return int(await (await transaction.connection()).fetchval("SELECT count(*) FROM effects"))


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    lines = [(record.levelname, record.getMessage()) for record in caplog.records]
    return [line for line in lines if "replica" in line[1]]


def sample(name: str, **labels: str) -> float | None:
    return REGISTRY.get_sample_value(f"vfactory_database_{name}", labels)


async def test_without_a_replica_every_read_is_on_the_primary_and_nothing_runs(
    fresh_database: Database, settings_for: Callable[..., ServiceSettings]
) -> None:
    reader = ReplicaReader(fresh_database, settings_for("kit"))
    before = asyncio.all_tasks()
    await reader.start()
    assert asyncio.all_tasks() == before
    assert await reader.read(who) == "primary"
    await reader.close()


async def test_reads_go_to_the_replica_which_cannot_be_written(site: Site, replica: Replica) -> None:
    reader = await site.reader(replica)

    async def limits(transaction: Transaction) -> list[str]:
        connection = await transaction.connection()
        names = ("default_transaction_read_only", "search_path", "statement_timeout")
        return [await connection.fetchval("SELECT current_setting($1)", name) for name in names]

    assert [await reader.read(who) for _ in range(20)] == ["replica"] * 20
    assert await reader.read(limits) == ["on", '"kit"', "2s"]


async def test_no_read_misses_what_was_committed_before_the_bound(site: Site, replica: Replica) -> None:
    reader = await site.reader(replica)
    await asyncio.to_thread(replica.hold_back)
    await site.write()
    committed = time.monotonic()
    seen = []
    while (age := time.monotonic() - committed) < MAX_LAG + 1:
        seen.append((age, await reader.read(count)))
        await asyncio.sleep(0.01)
    assert [age for age, found in seen if found == 0], "the replica was not used while it was allowed to be"
    assert max(age for age, found in seen if found == 0) <= MAX_LAG
    await asyncio.to_thread(replica.catch_up)
    await site.becomes(reader, "replica")
    assert await reader.read(count) == 1


async def test_a_replica_that_was_behind_at_the_start_is_not_read_until_it_has_caught_up(
    site: Site, replica: Replica
) -> None:
    await asyncio.to_thread(replica.hold_back)
    await site.write()
    settings = site._settings("kit", database_read_url=replica.url(site._name))
    reader = ReplicaReader(site.primary, settings)
    site.readers.append(reader)
    await reader.start()
    for _ in range(30):
        assert await reader.read(count) == 1
        await asyncio.sleep(0.02)
    await asyncio.to_thread(replica.catch_up)
    await site.becomes(reader, "replica")


async def test_a_frozen_replica_costs_the_reads_under_way_two_seconds_and_no_other(
    site: Site, replica: Replica
) -> None:
    reader = await site.reader(replica)
    await asyncio.gather(*(reader.read(who) for _ in range(5)))
    replica.pause()
    began = time.monotonic()
    assert await asyncio.gather(*(reader.read(who) for _ in range(5))) == ["primary"] * 5
    assert time.monotonic() - began < 4
    for _ in range(30):
        began = time.monotonic()
        assert await reader.read(who) == "primary"
        assert time.monotonic() - began < 1.5
        await asyncio.sleep(0.1)  # looks at the frozen replica go on meanwhile
    replica.resume()
    await site.becomes(reader, "replica")


@pytest.mark.parametrize("end", ["kill", "stop"])
async def test_a_replica_that_ended_costs_nothing_and_is_used_when_it_is_back(
    site: Site, replica: Replica, end: str
) -> None:
    reader = await site.reader(replica)
    await asyncio.to_thread(getattr(replica, end))
    for _ in range(10):
        began = time.monotonic()
        assert await reader.read(who) == "primary"
        assert time.monotonic() - began < 1.5
    await asyncio.to_thread(replica.start)
    await site.becomes(reader, "replica")


async def test_reads_under_way_when_a_replica_is_killed_are_answered_by_the_primary(
    site: Site, replica: Replica
) -> None:
    reader = await site.reader(replica)

    async def slow(transaction: Transaction) -> str:
        server = await who(transaction)
        await (await transaction.connection()).execute("SELECT pg_sleep(0.5)")
        return server

    async def kill() -> None:
        await asyncio.sleep(0.2)
        await asyncio.to_thread(replica.kill)

    *answers, _ = await asyncio.gather(*(reader.read(slow) for _ in range(5)), kill())
    assert answers == ["primary"] * 5


async def test_a_promoted_replica_is_a_replica_no_more(
    site: Site, postgres: Postgres, tmp_path: Path
) -> None:
    promoted = await asyncio.to_thread(Replica, tmp_path / "promoted", postgres)
    await asyncio.to_thread(promoted.start)
    try:
        reader = await site.reader(promoted)
        await asyncio.to_thread(promoted.promote)
        await site.write()
        assert await reader.read(count) == 1
        for _ in range(20):
            assert await reader.read(count) == 1
            await asyncio.sleep(0.05)
        assert sample("replica_usable") == 0
    finally:
        await asyncio.to_thread(promoted.stop)


@contextlib.asynccontextmanager
async def balancer(*ports: int) -> AsyncIterator[int]:
    """One port whose connections lead to these in turn."""
    turn = itertools.cycle(ports)
    pumps: set[asyncio.Task[None]] = set()

    async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError), contextlib.closing(target):
            while data := await source.read(65536):
                target.write(data)
                await target.drain()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", next(turn))
        for pair in ((reader, back), (there, writer)):
            task = asyncio.create_task(pump(*pair))
            pumps.add(task)
            task.add_done_callback(pumps.discard)

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]
        for task in pumps:
            task.cancel()


async def test_the_bound_holds_whichever_of_several_replicas_a_load_balancer_chooses(
    site: Site, replica: Replica, postgres: Postgres, tmp_path: Path
) -> None:
    other = await asyncio.to_thread(Replica, tmp_path / "other", postgres)
    await asyncio.to_thread(other.start)
    async with balancer(replica.port, other.port, postgres.port) as port:
        reader = await site.reader(
            replica, database_read_url=replica.url(site._name).replace(f":{replica.port}/", f":{port}/")
        )
        for _ in range(4):  # connections to all of them
            await asyncio.gather(*(reader.read(who) for _ in range(6)))
        await asyncio.to_thread(replica.hold_back)
        await site.write()
        await asyncio.sleep(MAX_LAG)
        servers = set()
        deadline = time.monotonic() + NEVER  # by chance three unfit in a row, and the address rests meanwhile
        for number in itertools.count():
            assert await asyncio.gather(*(reader.read(count) for _ in range(4))) == [1] * 4
            servers |= {await reader.read(who)}
            if number >= 100 and "replica" in servers:
                break
            assert time.monotonic() < deadline, "the replica that had kept up was not used"
            await asyncio.sleep(0.02)
        await reader.close()
    await asyncio.to_thread(other.stop)


async def test_an_address_that_leads_to_the_primary_is_no_replica(
    site: Site, postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    settings = site._settings("kit", database_read_url=postgres.url(site._name))
    reader = ReplicaReader(site.primary, settings)
    site.readers.append(reader)
    await reader.start()
    await asyncio.sleep(0.5)
    assert await reader.read(who) == "primary"
    assert told(caplog) == [
        ("WARNING", "Reads go to the primary, not to the read replica: Not a replica, or promoted")
    ]


@pytest.mark.parametrize("end", ["kill", "pause"])
async def test_history_stays_readable_while_the_primary_is_away(
    site: Site, replica: Replica, hurt_postgres: Postgres, end: str
) -> None:
    await site.write()
    await asyncio.to_thread(replica.catch_up)
    reader = await site.reader(replica)
    await asyncio.to_thread(getattr(hurt_postgres, end))
    away = time.monotonic()
    while time.monotonic() - away < 3 * MAX_LAG:
        began = time.monotonic()
        assert await reader.read(count) == 1
        assert time.monotonic() - began < 1.5
        await asyncio.sleep(0.05)
    await asyncio.to_thread(hurt_postgres.heal)
    async with asyncio.timeout(NEVER):
        while True:
            with contextlib.suppress(OSError):
                await site.write()
                break
    await asyncio.sleep(MAX_LAG)
    assert await reader.read(count) >= 2


async def test_a_read_cancelled_by_recovery_is_the_primarys_and_nothing_else_follows(
    site: Site, replica: Replica
) -> None:
    await asyncio.to_thread(replica.sql, "ALTER SYSTEM SET max_standby_streaming_delay = 0")
    await asyncio.to_thread(replica.sql, "SELECT pg_reload_conf()")
    reader = await site.reader(replica)
    seen: list[str] = []

    async def long(transaction: Transaction) -> int:
        seen.append(await who(transaction))
        found = await count(transaction)
        if seen[-1] == "replica":
            await (await transaction.connection()).execute("SELECT pg_sleep(1.5)")
        return found

    async def truncate() -> None:
        await asyncio.sleep(0.3)
        async with site.primary.transaction() as transaction:
            await (await transaction.connection()).execute("TRUNCATE effects")

    answer, _ = await asyncio.gather(reader.read(long), truncate())
    assert (answer, seen) == (0, ["replica", "primary"])
    assert await reader.read(who) == "replica"


async def test_a_slow_read_is_given_up_on_the_replica_and_ends_there(site: Site, replica: Replica) -> None:
    reader = await site.reader(replica)

    async def slow(transaction: Transaction) -> str:
        server = await who(transaction)
        if server == "replica":
            await (await transaction.connection()).execute("SELECT pg_sleep(30)")
        return server

    began = time.monotonic()
    assert await reader.read(slow) == "primary"
    assert time.monotonic() - began < 4
    await asyncio.sleep(0.3)
    sleeping = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(30)'"
    assert await asyncio.to_thread(replica.sql, sleeping + " AND pid <> pg_backend_pid()") == "0"


async def test_what_a_replica_does_not_have_is_asked_of_the_primary(site: Site, replica: Replica) -> None:
    reader = await site.reader(replica, database_read_max_lag_seconds=60)
    await asyncio.to_thread(replica.hold_back)
    await site.write(7)

    async def get(transaction: Transaction) -> int:
        found = await (await transaction.connection()).fetchval("SELECT seq FROM effects")
        if found is None:
            raise NotFoundError("There is none.")
        return int(found)

    assert await reader.read(get) == 7
    assert await reader.read(who) == "replica"


async def test_an_error_of_the_read_itself_is_the_callers(site: Site, replica: Replica) -> None:
    reader = await site.reader(replica)

    async def wrong(transaction: Transaction) -> None:
        await (await transaction.connection()).execute("SELECT 1 / 0")

    with pytest.raises(Exception, match="division by zero"):
        await reader.read(wrong)
    assert await reader.read(who) == "replica"


async def test_a_full_pool_is_no_fault_of_the_replica(site: Site, replica: Replica) -> None:
    reader = await site.reader(replica, database_pool_size=1)

    async def hold(transaction: Transaction) -> str:
        server = await who(transaction)
        await asyncio.sleep(1.8 if server == "replica" else 0)
        return server

    began = time.monotonic()
    holding = asyncio.create_task(reader.read(hold))
    await asyncio.sleep(0.2)
    assert await reader.read(who) == "primary"
    assert time.monotonic() - began < 1.6
    assert await holding == "replica"
    assert await reader.read(who) == "replica"


async def test_a_cancelled_read_ends_at_once_and_leaves_the_replica_in_use(
    site: Site, replica: Replica
) -> None:
    reader = await site.reader(replica)

    async def slow(transaction: Transaction) -> None:
        await (await transaction.connection()).execute("SELECT pg_sleep(1.5)")

    began = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await reader.read(slow)
    assert time.monotonic() - began < 1
    assert await reader.read(who) == "replica"
    await wait_until(lambda: sample("replica_pool_connections", state="in_use") == 0)


async def test_every_change_is_one_line_however_many_reads_it_meets(
    site: Site, replica: Replica, caplog: pytest.LogCaptureFixture
) -> None:
    reader = await site.reader(replica)
    await asyncio.gather(*(reader.read(who) for _ in range(8)))
    await asyncio.to_thread(replica.kill)
    for _ in range(10):
        await asyncio.gather(*(reader.read(who) for _ in range(8)))
        await asyncio.sleep(0.05)
    await asyncio.to_thread(replica.start)
    await site.becomes(reader, "replica")
    levels = [level for level, _ in told(caplog)]
    assert levels == ["INFO", "WARNING", "INFO"], told(caplog)


async def test_a_dead_replica_shows_without_a_read_and_its_lag_is_told(site: Site, replica: Replica) -> None:
    await site.reader(replica)
    assert sample("replica_usable") == 1
    await asyncio.to_thread(replica.hold_back)
    await site.write()
    await wait_until(lambda: sample("replica_usable") == 0)
    await wait_until(lambda: (sample("replica_lag_seconds") or 0) > MAX_LAG)
    await asyncio.to_thread(replica.catch_up)
    await wait_until(lambda: sample("replica_usable") == 1 and sample("replica_lag_seconds") == 0)
    replica.pause()
    await wait_until(lambda: sample("replica_usable") == 0)


async def test_reads_are_counted_by_the_server_that_answered(site: Site, replica: Replica) -> None:
    reader = await site.reader(replica)

    def counted() -> tuple[float, float]:
        return sample("reads_total", server="replica") or 0, sample("reads_total", server="primary") or 0

    before = counted()
    await reader.read(who)
    assert counted() == (before[0] + 1, before[1])
    await asyncio.to_thread(replica.kill)
    await reader.read(who)
    assert counted() == (before[0] + 1, before[1] + 1)
    assert sample("replica_pool_connections", state="limit") == 10


async def test_closing_does_not_wait_for_a_frozen_replica(site: Site, replica: Replica) -> None:
    reader = await site.reader(replica)
    replica.pause()
    began = time.monotonic()
    await reader.close()
    assert time.monotonic() - began < 2
