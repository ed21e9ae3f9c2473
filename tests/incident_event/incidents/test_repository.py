"""Lists over many factories cost a page, not the history."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import event

from incident_event.incidents.repository import IncidentFilter, IncidentRepository
from utils.database import Database
from utils.ids import uuid_range

FACTORIES = [UUID(int=number) for number in range(1, 201)]
MANY = """
    INSERT INTO incidents (factory_id, id, type, severity, status, title, description, source, occurred_at,
                           occurrences, reported_by, created_at, updated_at)
    SELECT ('00000000-0000-0000-0000-' || lpad(to_hex(1 + n % 200), 12, '0'))::uuid,
           (lpad(to_hex(n), 8, '0') || '-0000-7000-8000-000000000000')::uuid,
           'other', 1 + n % 5, CASE WHEN n % 1000 = 0 THEN 'reported' ELSE 'resolved' END,
           't', '', 'report', now(), 1, 'kim', timestamptz '2026-01-01' + n * interval '1 s', now()
    FROM generate_series(1, 20000) AS n
"""
EVERYTHING = IncidentFilter()
LATER = (datetime(2026, 1, 1, 3, tzinfo=UTC), UUID(int=2**127))


async def plan(
    database: Database,
    factories: Collection[UUID] | None,
    only: IncidentFilter = EVERYTHING,
    after: tuple[datetime, UUID] | None = None,
) -> str:
    """Return PostgreSQL's plan for a page of a list."""
    asked: list[tuple[str, Any]] = []

    def note(_c: object, _k: object, statement: str, parameters: Any, *_: object) -> None:
        asked.append((statement, parameters))

    async with database.transaction() as transaction:
        event.listen(database.engine.sync_engine, "before_cursor_execute", note)
        await IncidentRepository(transaction).list_after(factories, after, 51, only)
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
        connection = await transaction.connection()
        statement, parameters = asked[-1]
        rows = await connection.fetch(f"EXPLAIN {statement}", *parameters)
    return "\n".join(row[0] for row in rows)


@pytest.fixture
async def busy(fresh_database: Database) -> Database:
    """20,000 incidents of 200 factories."""
    async with fresh_database.transaction() as transaction:
        connection = await transaction.connection()
        await connection.execute(MANY)
        await connection.execute("ANALYZE incidents")
    return fresh_database


async def test_a_page_is_read_by_an_index(busy: Database) -> None:
    everyone = await plan(busy, None)
    assert "ix_incidents_newest" in everyone
    assert "Sort" not in everyone
    assert "ix_incidents_newest" in await plan(busy, None, after=LATER)
    assert "ix_incidents_newest_by_status" in await plan(busy, None, IncidentFilter(status=["reported"]))
    some = await plan(busy, FACTORIES[:3])
    assert "ix_incidents_listed" in some
    assert "Nested Loop" in some
    ids = IncidentFilter(ids=uuid_range("00001234"))
    for factories in (None, FACTORIES[:3], FACTORIES[:1]):
        by_id = await plan(busy, factories, ids, LATER)
        assert "ix_incidents_id" in by_id or "pk_incidents" in by_id
    for one in (everyone, some):
        assert "Seq Scan" not in one


async def test_pages_of_all_of_some_and_of_one_are_the_same_incidents(busy: Database) -> None:
    async def pages(factories: Collection[UUID] | None) -> list[UUID]:
        seen, after = [], None
        async with busy.transaction() as transaction:
            repository = IncidentRepository(transaction)
            for _ in range(3):
                rows = await repository.list_after(factories, after, 30, EVERYTHING)
                seen += [row.id for row in rows]
                after = rows[-1].created_at, rows[-1].id
        return seen

    everyone = await pages(None)
    assert everyone == sorted(everyone, reverse=True)
    assert len(set(everyone)) == 90
    assert await pages(FACTORIES) == everyone
    two = await pages(FACTORIES[:2])
    assert two == sorted({*await pages(FACTORIES[:1]), *await pages(FACTORIES[1:2])}, reverse=True)[:90]
