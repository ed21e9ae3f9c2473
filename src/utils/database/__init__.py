"""PostgreSQL: connections, transactions, column types, locks, and the check of the schema.

Migrations are in `utils.database.migrations`, which only the command `migrate` imports: a serving process
does not load Alembic. Read replicas are in `utils.database.replica`.
"""

from utils.database.columns import UtcDateTime, service_metadata
from utils.database.connections import DatabaseSettings
from utils.database.engine import Database
from utils.database.faults import (
    CONNECTION_FAULTS,
    DATABASE_FAULTS,
    is_connection_fault,
    is_passing_fault,
)
from utils.database.locks import HOLDER_SETTINGS, AdvisoryLock, lock_key
from utils.database.per_factory import of_each
from utils.database.schema import SchemaOutdatedError
from utils.database.transaction import Transaction

__all__ = [
    "CONNECTION_FAULTS",
    "DATABASE_FAULTS",
    "HOLDER_SETTINGS",
    "AdvisoryLock",
    "Database",
    "DatabaseSettings",
    "SchemaOutdatedError",
    "Transaction",
    "UtcDateTime",
    "is_connection_fault",
    "is_passing_fault",
    "lock_key",
    "of_each",
    "service_metadata",
]
