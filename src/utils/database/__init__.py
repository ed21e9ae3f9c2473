"""PostgreSQL: the engine, the one transaction that commits, column types, and locks.

Migrations are in `utils.database.migrations` and nowhere else: a process that serves does not load Alembic.
"""

from utils.database.columns import UtcDateTime, service_metadata
from utils.database.engine import Database, DatabaseSettings
from utils.database.locks import AdvisoryLock, lock_key
from utils.database.schema import SchemaOutdatedError
from utils.database.transaction import DatabaseTransaction, Transaction, open_transaction

__all__ = [
    "AdvisoryLock",
    "Database",
    "DatabaseSettings",
    "DatabaseTransaction",
    "SchemaOutdatedError",
    "Transaction",
    "UtcDateTime",
    "lock_key",
    "open_transaction",
    "service_metadata",
]
