"""Factory Core's schema: its name, its migrations and the base of its rows."""

from sqlalchemy.orm import DeclarativeBase

from utils.database import service_metadata

SERVICE = "factory-core"
SCHEMA = "factory_core"
MIGRATIONS = "factory_core:migrations"


class Base(DeclarativeBase):
    """Base of every row of this service."""

    metadata = service_metadata()
