import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

import factory_core.equipment.models
import factory_core.factories.models
import factory_core.readings.corrections.models
import factory_core.readings.models  # noqa: F401 - each adds its tables to the metadata
from factory_core.db import MIGRATIONS, Base
from support.servers import Postgres, RunningProcess, migrate, migrate_to
from utils.database import Database
from utils.database.migrations import head_revision
from utils.ids import fold_name, uuid7

AT = datetime(2026, 1, 15, tzinfo=UTC)
FACTORY_COLUMNS = ("id", "name", "timezone", "layout_version", "created_at")
EQUIPMENT_COLUMNS = ("factory_id", "id", "tag", "name", "kind", "created_at")
SERIES_COLUMNS = ("factory_id", "id", "equipment_id", "metric")
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


DECOMPOSED, COMPOSED = "cafe\u0301", "caf\u00e9"
OLD_FACTORIES = [
    "Bench",
    "bench ",
    "BENCH",
    "Bench (2)",
    "Platform",
    DECOMPOSED,
    COMPOSED,
    " ",
    "x" * 200,
    "X" * 200,
]
NEW_FACTORIES = [
    "platform",
    "Bench",
    "bench (3)",
    "BENCH (4)",
    "Bench (2)",
    "Platform (2)",
    COMPOSED,
    f"{COMPOSED} (2)",
    "unnamed",
    "x" * 200,
    "X" * 196 + " (2)",
]
OLD_METRICS = [f" {COMPOSED}", DECOMPOSED, COMPOSED, "force", "force ", "\u3000", f"{COMPOSED} (2)"]
NEW_METRICS = [
    f"{COMPOSED} (3)",
    f"{COMPOSED} (4)",
    COMPOSED,
    "force",
    "force (2)",
    "unnamed",
    f"{COMPOSED} (2)",
]


async def test_names_of_the_release_before_get_their_form_and_are_made_unique(postgres: Postgres) -> None:
    url = postgres.create_database(f"old_{uuid4().hex}")
    await asyncio.to_thread(migrate_to, "factory-core", url, "0002")
    old = await asyncpg.connect(url, server_settings={"search_path": "factory_core"})
    ids = [uuid7() for _ in OLD_FACTORIES]
    rows = [(id_, name, "UTC", 1, AT) for id_, name in zip(ids, OLD_FACTORIES, strict=True)]
    await old.copy_records_to_table("factories", records=rows, columns=FACTORY_COLUMNS)
    machine = (ids[0], uuid7(), "press-1", f"{DECOMPOSED} ", "press", AT)
    await old.copy_records_to_table("equipment", records=[machine], columns=EQUIPMENT_COLUMNS)
    series = [(ids[0], n, machine[1], metric) for n, metric in enumerate(OLD_METRICS, start=1)]
    await old.copy_records_to_table("series", records=series, columns=SERIES_COLUMNS)
    readings = [(ids[0], AT, float(n), n, 0) for n in range(1, len(series) + 1)]
    await old.copy_records_to_table("readings", records=readings)

    await asyncio.to_thread(migrate, "factory-core", url)

    factories = await old.fetch("SELECT name, name_key FROM factories ORDER BY id")
    assert [row["name"] for row in factories] == NEW_FACTORIES
    assert [row["name_key"] for row in factories] == [fold_name(name) for name in NEW_FACTORIES]
    assert await old.fetchval("SELECT name FROM equipment") == COMPOSED
    stored = await old.fetch(
        "SELECT metric, value FROM readings JOIN series ON series.id = series_id ORDER BY value"
    )
    assert [row["metric"] for row in stored] == NEW_METRICS
    # What a process of the release before writes while the update is under way.
    await old.copy_records_to_table("factories", records=[(uuid7(), *rows[0][1:])], columns=FACTORY_COLUMNS)
    await old.close()
    postgres.drop_database(url.rpartition("/")[2])
