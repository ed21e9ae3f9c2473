"""The command `await-schema`: blocks a service's start until another process has migrated its schema."""

import asyncio

from utils.database.engine import Database
from utils.database.schema import SchemaGuard
from utils.logging import logger
from utils.settings import ServiceSettings


def await_schema(service: str, schema: str, revision: str) -> int:
    """Block until `schema` is at `revision` or newer, also while the database is unreachable; return 0.

    Raises:
        SettingsError: `DATABASE_URL` is missing or invalid.
    """
    asyncio.run(_wait(ServiceSettings(service_name=service), schema, revision))
    logger.info("the schema is there", extra={"schema": schema, "needed": revision})
    return 0


async def _wait(settings: ServiceSettings, schema: str, revision: str) -> None:
    database = Database(settings, schema=schema)
    try:
        await SchemaGuard(database).reach(revision)
    finally:
        await database.close()
