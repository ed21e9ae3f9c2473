"""Factory Core's schema: its name, its migrations and the base of its rows."""

from sqlalchemy.orm import DeclarativeBase

from utils.database import service_metadata

SERVICE = "factory-core"
SCHEMA = "factory_core"
MIGRATIONS = "factory_core:migrations"
REVISION = "0004"
"""The newest migration, which this release needs; a constant, so that no service loads Alembic to find it."""


class Base(DeclarativeBase):
    """The base class of this service's rows."""

    metadata = service_metadata()
