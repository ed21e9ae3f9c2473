"""What every service's process has in common when it starts."""

import importlib
import subprocess
import sys

import pytest

from utils.database.migrations import head_revision

SERVICES = ["factory_core", "incident_event", "asset_management"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_release_needs_its_newest_migration(service: str) -> None:
    db = importlib.import_module(f"{service}.db")
    assert head_revision(db.MIGRATIONS) == db.REVISION


@pytest.mark.parametrize("module", ["factory_core.app", "factory_core.worker", "incident_event.worker"])
def test_a_process_that_serves_does_not_load_what_only_migrations_need(module: str) -> None:
    code = f"import sys, {module}; sys.exit('alembic' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
