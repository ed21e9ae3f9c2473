"""`python -m incident_event migrate`."""

from incident_event.db import MIGRATIONS, SCHEMA, SERVICE
from utils.database.migrations import run_migrations


def run() -> int:
    """Bring the schema up to date and give the process's exit code."""
    return run_migrations(SERVICE, SCHEMA, MIGRATIONS)
