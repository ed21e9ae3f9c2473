"""Upgrades a service's schema: one process at a time, however many start."""

import asyncio
import time

import asyncpg
from alembic import command, context
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, MetaData
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from utils.database.faults import CONNECTION_FAULTS
from utils.database.locks import AdvisoryLock
from utils.logging import logger
from utils.settings import ServiceSettings

WAIT_SECONDS = 60.0
CONNECT_TIMEOUT_SECONDS = 3.0
RETRY_SECONDS = 0.5
LOCK_TIMEOUT_MILLISECONDS = "10000"


def head_revision(script_location: str) -> str:
    """Return the newest revision under `script_location`, a directory or `package:directory`.

    Raises:
        LookupError: there is no migration.
    """
    head = ScriptDirectory.from_config(_config(script_location)).get_current_head()
    if head is None:
        raise LookupError(f"no migration in {script_location}")
    return head


def run_migrations(service: str, schema: str, script_location: str) -> int:
    """Upgrade `schema` to the newest revision; return the exit code: 0, or 1 after a CRITICAL log line.

    Waits up to 60 s for the database, lets racing processes in one at a time, and creates the schema if it
    does not exist. All migrations of one run commit together, or none does.

    Raises:
        SettingsError: `DATABASE_URL` is missing or invalid.
    """
    url = _database_url()
    try:
        asyncio.run(_upgrade(service, schema, script_location, url))
    except Exception:  # noqa: BLE001 - whatever it was, it is logged and becomes the exit code
        logger.critical("the migration of %s failed", schema, exc_info=True)
        return 1
    return 0


def run_environment(metadata: MetaData, schema: str) -> None:
    """Run Alembic's migrations: the whole of a service's `migrations/env.py`."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        _configure(connection, metadata, schema)
    else:
        asyncio.run(_run_from_command_line(metadata, schema))


def _configure(connection: Connection, metadata: MetaData, schema: str) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=schema,
        compare_type=True,
        compare_server_default=True,
        include_name=lambda name, kind, _parents: kind != "schema" or name in (None, schema),
    )
    with context.begin_transaction():
        context.run_migrations()


async def _run_from_command_line(metadata: MetaData, schema: str) -> None:
    engine = _engine("alembic", schema, _database_url())
    async with engine.begin() as connection:
        await connection.run_sync(_configure, metadata, schema)
    await engine.dispose()


def _config(script_location: str) -> Config:
    config = Config()
    config.set_main_option("script_location", script_location)
    return config


def _database_url() -> str:
    return ServiceSettings().database_url.get_secret_value()


def _engine(service: str, schema: str, url: str) -> AsyncEngine:
    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(
            url,
            timeout=CONNECT_TIMEOUT_SECONDS,
            server_settings={
                "application_name": f"{service} migrate",
                "search_path": f'"{schema}"',
                "lock_timeout": LOCK_TIMEOUT_MILLISECONDS,
                "timezone": "UTC",
            },
        )

    return create_async_engine("postgresql+asyncpg://", async_creator=connect, poolclass=NullPool)


async def _wait_for_database(url: str) -> asyncpg.Connection:
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            return await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_SECONDS)
        except CONNECTION_FAULTS as error:
            if time.monotonic() > deadline:
                raise
            logger.info("waiting for the database", extra={"error": type(error).__name__})
        await asyncio.sleep(RETRY_SECONDS)


async def _upgrade(service: str, schema: str, script_location: str, url: str) -> None:
    guard = await _wait_for_database(url)
    try:
        lock = AdvisoryLock(guard, f"migrate {schema}")
        while not await lock.try_acquire():  # noqa: ASYNC110 - another process holds it
            await asyncio.sleep(RETRY_SECONDS)
        # `IF NOT EXISTS` asks for the right to create one even where there is nothing to create
        if not await guard.fetchval("SELECT true FROM pg_namespace WHERE nspname = $1", schema):
            await guard.execute(f'CREATE SCHEMA "{schema}"')
        await _upgrade_schema(_engine(service, schema, url), script_location)
    finally:
        await guard.close(timeout=CONNECT_TIMEOUT_SECONDS)


async def _upgrade_schema(engine: AsyncEngine, script_location: str) -> None:
    config = _config(script_location)

    def upgrade(connection: Connection) -> None:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")

    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()
    logger.info("the schema is up to date", extra={"revision": head_revision(script_location)})
