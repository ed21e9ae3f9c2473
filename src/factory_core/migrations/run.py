"""`python -m factory_core migrate` and `await-schema`."""

from factory_core.db import MIGRATIONS, REVISION, SCHEMA, SERVICE
from utils.database.migrations import run_migrations
from utils.database.waiting import await_schema


def run() -> int:
    """Bring the schema up to date and give the process's exit code."""
    return run_migrations(SERVICE, SCHEMA, MIGRATIONS)


def wait() -> int:
    """Block until another process has brought the schema up to date and give the process's exit code."""
    return await_schema(SERVICE, SCHEMA, REVISION)
