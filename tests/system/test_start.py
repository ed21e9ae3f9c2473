"""What every service's process has in common when it starts."""

import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from support.servers import Postgres, migrate
from utils.database.migrations import head_revision
from utils.database.schema import RETRY_SECONDS

SERVICES = ["factory_core", "incident_event", "asset_management"]


@pytest.mark.parametrize("service", SERVICES)
def test_the_release_needs_its_newest_migration(service: str) -> None:
    db = importlib.import_module(f"{service}.db")
    assert head_revision(db.MIGRATIONS) == db.REVISION


@pytest.mark.parametrize("module", ["factory_core.app", "factory_core.worker", "incident_event.worker"])
def test_a_process_that_serves_does_not_load_what_only_migrations_need(module: str) -> None:
    code = f"import sys, {module}; sys.exit('alembic' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.fixture
def empty_url(hurt_postgres: Postgres) -> Iterator[str]:
    name = f"empty_{os.urandom(4).hex()}"
    yield hurt_postgres.create_database(name)
    hurt_postgres.heal()
    hurt_postgres.drop_database(name)


@pytest.mark.parametrize("service", SERVICES)
def test_await_schema_ends_when_another_process_has_migrated(
    service: str, empty_url: str, hurt_postgres: Postgres
) -> None:
    hurt_postgres.stop()
    with subprocess.Popen(
        [sys.executable, "-m", service, "await-schema"],
        env={**os.environ, "DATABASE_URL": empty_url},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as waiting:
        assert waiting.stdout is not None
        assert json.loads(waiting.stdout.readline())["message"] == "waiting for the schema"
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(2 * RETRY_SECONDS)
        hurt_postgres.start()
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(2 * RETRY_SECONDS)  # there is a database, and nothing in it
        migrate(service.replace("_", "-"), empty_url)
        output, _ = waiting.communicate(timeout=30)
    assert waiting.returncode == 0, output
    assert [json.loads(line)["message"] for line in output.splitlines()] == ["the schema is there"]
