"""The schema the migrations make, against the models and against those who would edit history."""

from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

import incident_event.alertmanager.models
import incident_event.incidents.models
import incident_event.rules.models
from incident_event.db import Base
from utils.database import Database, Transaction

KIT_TABLES = {
    "outbox",
    "outbox_heads",
    "consumer_positions",
    "consumer_set_aside",
    "consumer_trials",
    "alembic_version",
}
assert incident_event.alertmanager.models
assert incident_event.incidents.models
assert incident_event.rules.models


async def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    def compare(connection: Connection) -> list[object]:
        options = {"include_name": lambda name, kind, _: kind != "table" or name not in KIT_TABLES}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(compare) == []


async def one_incident(connection: asyncpg.Connection) -> None:
    factory_id, incident_id, now = uuid4(), uuid4(), datetime(2026, 1, 1, tzinfo=UTC)
    await connection.execute(
        "INSERT INTO incidents (factory_id, id, type, severity, status, title, description, source, "
        "occurred_at, occurrences, reported_by, created_at, updated_at) "
        "VALUES ($1, $2, 'other', 1, 'reported', 't', '', 'report', $3, 1, 'me', $3, $3)",
        factory_id,
        incident_id,
        now,
    )
    await connection.execute(
        "INSERT INTO incident_timeline (factory_id, incident_id, at, by, what, to_status) "
        "VALUES ($1, $2, $3, 'me', 'reported', 'reported')",
        factory_id,
        incident_id,
        now,
    )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE incident_timeline SET reason = 'it never happened'",
        "DELETE FROM incident_timeline",
        "TRUNCATE incident_timeline",
        "DELETE FROM incidents",
        "TRUNCATE incidents CASCADE",
    ],
)
async def test_the_database_itself_refuses_to_edit_history(transaction: Transaction, statement: str) -> None:
    connection = await transaction.connection()
    await one_incident(connection)
    with pytest.raises(asyncpg.RestrictViolationError, match="history is not edited"):
        await connection.execute(statement)
