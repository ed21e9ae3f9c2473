"""Sources are counted by the age of their newest reading."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from factory_core.readings import metrics, source_activity
from factory_core.readings.source_activity import SourceCount
from utils.database import Database

NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
STALE_AFTER = timedelta(minutes=5)
SECOND = timedelta(seconds=1)


@pytest.fixture(params=[1, 2, 3, 2_000])
def pages(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equipment may begin, go on or end anywhere in what is read at once."""
    monkeypatch.setattr(source_activity, "SERIES_AT_ONCE", request.param)


async def keep(database: Database, *newest_by_metric: timedelta | None) -> None:
    """Equipment of a factory of its own, with a series for each of these ages, and an older reading each."""
    factory, equipment = uuid4(), uuid4()
    async with database.transaction() as transaction:
        connection = await transaction.connection()
        await connection.execute("SET LOCAL session_replication_role = replica")  # it needs no factory here
        for number, age in enumerate(newest_by_metric):
            series = await connection.fetchval(
                "INSERT INTO series (factory_id, equipment_id, metric) VALUES ($1, $2, $3) RETURNING id",
                *(factory, equipment, f"metric-{number}"),
            )
            for at in () if age is None else (NOW - age, NOW - age - timedelta(days=2)):
                await connection.execute(
                    "INSERT INTO readings (factory_id, series_id, at, value, quality)"
                    " VALUES ($1, $2, $3, $4, $5)",
                    *(factory, series, at, 1.0, 0),
                )


async def count(database: Database) -> tuple[float, float]:
    await SourceCount(database, lambda: NOW, stale_after=STALE_AFTER).count()
    [metric] = metrics.SOURCES.collect()
    counted = {sample.labels["state"]: sample.value for sample in metric.samples}
    return counted["reporting"], counted["stale"]


async def test_without_a_source_there_is_nothing_to_count(fresh_database: Database) -> None:
    assert await count(fresh_database) == (0, 0)


@pytest.mark.usefixtures("pages")
async def test_sources_are_counted_by_their_newest_reading(fresh_database: Database) -> None:
    await keep(fresh_database, timedelta(0))
    await keep(fresh_database, STALE_AFTER)
    await keep(fresh_database, timedelta(hours=3), SECOND, None, timedelta(days=3))
    await keep(fresh_database, -SECOND)  # a clock ahead of ours
    await keep(fresh_database, STALE_AFTER + SECOND)
    await keep(fresh_database, timedelta(hours=23), timedelta(days=2))
    await keep(fresh_database, timedelta(days=1))
    await keep(fresh_database, None, None)
    assert await count(fresh_database) == (4, 2)
