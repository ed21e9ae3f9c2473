"""Opens one process's connections to one service's schema, and knows which may still be used."""

import time
from typing import Protocol
from weakref import WeakSet

import asyncpg
from pydantic import SecretStr

CONNECT_TIMEOUT_SECONDS = 3.0
LOCK_TIMEOUT_SECONDS = 5.0
IDLE_IN_TRANSACTION_SECONDS = 30.0


class DatabaseSettings(Protocol):
    """The part of a service's settings that the database needs."""

    @property
    def service_name(self) -> str: ...  # noqa: D102
    @property
    def database_url(self) -> SecretStr: ...  # noqa: D102
    @property
    def database_pool_size(self) -> int: ...  # noqa: D102
    @property
    def database_command_timeout_seconds(self) -> float: ...  # noqa: D102


class Bell(Protocol):
    """Wakes the relay after a commit that published events."""

    def ring(self) -> None:
        """Wake the relay; never waits, never raises."""

    async def close(self) -> None:
        """Wait until a ring under way has ended."""


class Connections:
    """Opens connections to one schema; each has a timeout for connecting, statements, locks and idling."""

    def __init__(self, settings: DatabaseSettings, *, schema: str) -> None:
        self.schema = schema
        self.bell: Bell | None = None
        self._settings = settings
        self._trusted_since = 0.0
        self._opened: WeakSet[asyncpg.Connection] = WeakSet()

    async def open_connection(self, *, purpose: str = "", **server_settings: str) -> asyncpg.Connection:
        """Open a connection outside the pool, for a caller that holds it long (a relay, a lock).

        Raises:
            OSError, TimeoutError, asyncpg.PostgresError: the server does not accept it within 3 s.
        """
        timeout = self._settings.database_command_timeout_seconds
        connection = await asyncpg.connect(
            self._settings.database_url.get_secret_value(),
            timeout=CONNECT_TIMEOUT_SECONDS,
            command_timeout=timeout,
            server_settings={
                "application_name": f"{self._settings.service_name} {purpose}".strip(),
                "search_path": '"' + self.schema.replace('"', '""') + '"',
                "statement_timeout": _milliseconds(timeout),
                "lock_timeout": _milliseconds(LOCK_TIMEOUT_SECONDS),
                "idle_in_transaction_session_timeout": _milliseconds(IDLE_IN_TRANSACTION_SECONDS),
                "timezone": "UTC",
                "jit": "off",  # compiling costs more than any of our statements take
                **server_settings,
            },
        )
        self._opened.add(connection)
        return connection

    def distrust_pool(self) -> None:
        """Stop using every pooled connection made before now: one of them hung or broke."""
        self._trusted_since = time.monotonic()

    def is_trusted(self, born: float) -> bool:
        """Return whether a connection made at `born` (monotonic seconds) may still be used."""
        return born >= self._trusted_since

    def ring(self) -> None:
        """Wake the relay after a commit that published events; without a bell it finds them by polling."""
        if self.bell is not None:
            self.bell.ring()

    def terminate_all(self) -> None:
        """Drop every open connection at once, without waiting for the server."""
        for connection in list(self._opened):
            connection.terminate()


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))
