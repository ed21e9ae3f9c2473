"""PostgreSQL: the engine, the one transaction that commits, column types, locks, and migrations."""

from utils.database.columns import UtcDateTime, service_metadata
from utils.database.engine import Database, DatabaseSettings
from utils.database.locks import AdvisoryLock, lock_key
from utils.database.migrations import head_revision, run_environment, run_migrations
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
    "head_revision",
    "lock_key",
    "open_transaction",
    "run_environment",
    "run_migrations",
    "service_metadata",
]
