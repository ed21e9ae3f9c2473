"""Checks that what this process depends on can be written; `/health` only says that it answers."""

import asyncio
from collections.abc import Sequence
from typing import Final, Protocol

import asyncpg

from utils.faults import WriteFault, write_fault_of
from utils.health.probes import redis_client
from utils.lifecycle import note_write

PROBE_SECONDS: Final = 10.0
BOUND_SECONDS: Final = 3.0
REDIS_KEY: Final = "vfactory:write-probe"

# A write into a table would reuse free space, and tell nothing of a full disk. What does not fit into
# `work_mem` goes into a temporary file (about 400 KB) beside the data, and leaves nothing in any table.
WORK_MEMORY: Final = "64kB"
SPILL: Final = """
    SELECT current_setting('transaction_read_only') = 'on' AS is_read_only,
        (SELECT count(*) FROM generate_series(1, 20000)) AS spilled
"""


class WriteProbe(Protocol):
    """Writes something small and short-lived to one dependency."""

    name: str

    async def write(self) -> None:
        """Return when it is written.

        Raises:
            Exception: whatever the driver raises when it is not.
        """


class CannotWriteError(Exception):
    """A dependency says of itself that it takes no writes."""

    def __init__(self, fault: WriteFault) -> None:
        super().__init__(fault)
        self.fault = fault


class DatabaseWriteProbe:
    """Asks PostgreSQL, on a new connection, whether transactions may write, and makes it write a file.

    A new connection, because a default of the database or the role counts from the next one on.
    """

    name = "database"

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    async def write(self) -> None:
        """Write.

        Raises:
            CannotWriteError: transactions are read-only.
            Exception: whatever asyncpg raises.
        """
        connection = await asyncpg.connect(
            self._dsn,
            timeout=BOUND_SECONDS,
            command_timeout=BOUND_SECONDS,
            statement_cache_size=0,
            server_settings={"application_name": "write probe", "work_mem": WORK_MEMORY, "jit": "off"},
        )
        try:
            row = await connection.fetchrow(SPILL)
        finally:
            connection.terminate()
        if row["is_read_only"]:
            raise CannotWriteError(WriteFault.READ_ONLY)


class RedisWriteProbe:
    """Sets one key that lives for a minute."""

    name = "redis"

    def __init__(self, url: str) -> None:
        self._url = url

    async def write(self) -> None:
        """Write.

        Raises:
            RedisError, OSError: it is not written.
        """
        client = redis_client(self._url)
        try:
            await client.set(REDIS_KEY, "1", ex=60)
        finally:
            await client.aclose()


class WriteMonitor:
    """Writes to every dependency every 10 s, within 6 s; one that does not answer changes nothing."""

    def __init__(self, probes: Sequence[WriteProbe]) -> None:
        self._probes = tuple(probes)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Write from now on, in the background."""
        if self._task is None:
            self._task = asyncio.create_task(self._run(), name="write probes")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def _run(self) -> None:
        while True:
            await asyncio.gather(*(_write(probe) for probe in self._probes))
            await asyncio.sleep(PROBE_SECONDS)


async def _write(probe: WriteProbe) -> None:
    try:
        async with asyncio.timeout(BOUND_SECONDS * 2):
            await probe.write()
    except CannotWriteError as error:
        note_write(probe.name, error.fault)
    except Exception as error:  # noqa: BLE001 - drivers raise errors of many kinds
        if fault := write_fault_of(error):
            note_write(probe.name, fault)
    else:
        note_write(probe.name, None)
