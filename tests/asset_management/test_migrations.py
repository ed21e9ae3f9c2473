"""The schema the migration makes, against the models."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

import asset_management.assets.models
from asset_management.db import Base
from utils.database import Database

assert asset_management.assets.models


async def test_the_migrations_make_what_the_models_say(database: Database) -> None:
    def compare(connection: Connection) -> list[object]:
        options = {"include_name": lambda name, kind, _: kind != "table" or name != "alembic_version"}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata))

    async with database.engine.connect() as connection:
        assert await connection.run_sync(compare) == []
