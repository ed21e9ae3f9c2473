"""Column types and constraint names that every service's tables share."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, MetaData
from sqlalchemy.types import TypeDecorator

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def service_metadata() -> MetaData:
    """Return the metadata for one service's `Base(DeclarativeBase)`.

    Tables name no schema: the connection's `search_path` is the service's schema.
    """
    return MetaData(naming_convention=NAMING)


class UtcDateTime(TypeDecorator[datetime]):
    """`timestamptz`: stores aware times only, and returns them in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return `value` unchanged.

        Raises:
            ValueError: `value` is naive; it would be stored hours off on a machine outside UTC.
        """
        if value is not None and value.tzinfo is None:
            raise ValueError("a naive time cannot be stored: give it a time zone")
        return value

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the time in UTC, whatever the session's time zone is."""
        return None if value is None else value.astimezone(UTC)
