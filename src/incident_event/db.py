"""Incident Event's schema: its name, its migrations and the base of its rows."""

from sqlalchemy.orm import DeclarativeBase

from utils.database import service_metadata

SERVICE = "incident-event"
SCHEMA = "incident_event"
MIGRATIONS = "incident_event:migrations"
REVISION = "0005"
"""The newest migration, which this release needs; a constant, so that no service loads Alembic to find it."""


class Base(DeclarativeBase):
    """The base class of this service's rows."""

    metadata = service_metadata()
