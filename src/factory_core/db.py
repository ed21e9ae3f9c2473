"""Factory Core's schema: its name, its migrations and the base of its rows."""

from sqlalchemy.orm import DeclarativeBase

from utils.database import service_metadata

SERVICE = "factory-core"
SCHEMA = "factory_core"
MIGRATIONS = "factory_core:migrations"
REVISION = "0002"
"""The newest migration, which this release needs. A constant, so that no service loads Alembic to know it."""


class Base(DeclarativeBase):
    """Base of every row of this service."""

    metadata = service_metadata()
