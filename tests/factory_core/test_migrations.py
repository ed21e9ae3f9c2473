import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

import factory_core.equipment.models
import factory_core.factories.models
import factory_core.readings.models  # noqa: F401 - each adds its tables to the metadata
from factory_core.db import MIGRATIONS, Base
from support.servers import RunningProcess, migrate
from utils.database import Database
from utils.database.migrations import head_revision

KIT_TABLES = {"outbox", "outbox_heads", "alembic_version"}


async def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    async with database.engine.connect() as connection:
        differences = await connection.run_sync(_differences)
    assert differences == []


def _differences(connection: Connection) -> list[Any]:
    def ours(_object: Any, name: str | None, kind: str, _reflected: Any, _compared: Any) -> bool:
        return kind != "table" or name not in KIT_TABLES

    options = {"compare_type": True, "compare_server_default": True, "include_object": ours}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, Base.metadata))


async def test_the_checks_of_models_and_migrations_are_the_same(database: Database) -> None:
    async with database.engine.connect() as connection:
        rows = await connection.exec_driver_sql(
            "SELECT conname FROM pg_constraint "
            "WHERE contype = 'c' AND connamespace = 'factory_core'::regnamespace"
        )
        stored = {row[0] for row in rows}
    said = {
        str(constraint.name)
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if str(constraint.name).startswith("ck_")
    }
    assert said
    assert stored == said


async def test_migrating_again_changes_nothing(
    fresh_url: Callable[[str], str], fresh_database: Database
) -> None:
    async def catalogue() -> list[Any]:
        """Return relations, indexes and the revision, each with the transaction that last touched it."""
        async with fresh_database.engine.connect() as connection:
            found = await connection.exec_driver_sql(
                "SELECT relname, relkind::text, xmin::text FROM pg_class "
                "WHERE relnamespace = 'factory_core'::regnamespace "
                "UNION ALL SELECT version_num, 'revision', xmin::text FROM alembic_version ORDER BY 1"
            )
            return [tuple(row) for row in found]

    before = await catalogue()
    assert len(before) > 5
    await asyncio.to_thread(migrate, "factory-core", fresh_url("factory-core"))
    assert await catalogue() == before


async def test_an_outdated_schema_stops_the_start(
    running: Callable[..., RunningProcess], fresh_database: Database
) -> None:
    async with fresh_database.engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    for process in ("api", "worker"):
        started = running("factory-core", process, wait=False)
        assert started.wait_exit() == 78
        assert any("0000" in line and head_revision(MIGRATIONS) in line for line in started.stderr)


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO readings VALUES (gen_random_uuid(), now(), 'NaN', 1, 0)",
        "INSERT INTO readings VALUES (gen_random_uuid(), now(), 'Infinity', 1, 0)",
        "INSERT INTO readings VALUES (gen_random_uuid(), now(), 1, 1, 3)",
    ],
)
async def test_the_database_refuses_what_the_api_refuses(database: Database, statement: str) -> None:
    async with database.engine.connect() as connection:
        with pytest.raises(Exception, match="ck_readings_"):
            await connection.exec_driver_sql(statement)
