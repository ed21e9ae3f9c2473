"""`python -m factory_core migrate` and `await-schema`."""

from factory_core.db import MIGRATIONS, REVISION, SCHEMA, SERVICE
from utils.database.await_schema import await_schema
from utils.database.migrations import run_migrations


def run() -> int:
    """Upgrade the schema; return the process's exit code."""
    return run_migrations(SERVICE, SCHEMA, MIGRATIONS)


def wait() -> int:
    """Block until another process has upgraded the schema; return the process's exit code."""
    return await_schema(SERVICE, SCHEMA, REVISION)
