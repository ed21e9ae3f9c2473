"""The schema of the kit's own tests: an outbox and a consumer's positions, as migrations make them."""

import asyncio

import asyncpg

from utils.outbox.tables import CONSUMER_TABLES_SQL, OUTBOX_TABLES_SQL, SET_ASIDE_TABLES_SQL


def create(url: str) -> None:
    """Create schema and tables in the database at `url`."""
    asyncio.run(_create(url))


async def _create(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE SCHEMA kit")
    await connection.execute("SET search_path = kit")
    for statement in (*OUTBOX_TABLES_SQL, *CONSUMER_TABLES_SQL, *SET_ASIDE_TABLES_SQL):
        await connection.execute(statement)
    await connection.execute(
        "CREATE TABLE effects (n bigserial, factory_id uuid NOT NULL, seq bigint NOT NULL, text text)"
    )
    await connection.close()
