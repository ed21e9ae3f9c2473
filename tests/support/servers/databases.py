"""Migrated databases, made once for each service and copied for test workers and tests."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from embedded import postgres_binary
from support import ROOT
from support.servers.environment import KIT, make_settings, package
from support.servers.once import made_once
from support.servers.postgres import Postgres
from utils.database import Database

SERVICES = ("factory-core", "incident-event", "asset-management")
EVERY = "every-service"  # has the schemas of all
DUMP = "dump.sql"


class Templates:
    """Migrated template databases, one per service and worker, made when first asked for.

    One worker migrates and dumps the database; the others restore it.
    """

    def __init__(self, postgres: Postgres, factory: pytest.TempPathFactory) -> None:
        self._postgres = postgres
        self._factory = factory
        self._made: set[str] = set()

    def of(self, service: str) -> str:
        """Give the name of the service's migrated template."""
        name = f"template_{package(service)}"
        if service not in self._made:
            dump = made_once(self._factory, name, lambda folder: self._dump(service, name, folder)) / DUMP
            if service not in self._made:
                client("psql", "-q", "-v", "ON_ERROR_STOP=1", "-f", str(dump), self._create(service, name))
        return name

    def _create(self, service: str, name: str) -> str:
        self._made.add(service)
        return self._postgres.create_database(name)

    def _dump(self, service: str, name: str, folder: Path) -> None:
        url = self._create(service, name)
        for one in SERVICES if service == EVERY else (service,):
            run = make_kit_schema if one == KIT else migrate
            run(one, url)
        client("pg_dump", "-f", str(folder / DUMP), url)

    def copy(self, service: str, name: str) -> str:
        """Create the database `name` from the template of the service, or of EVERY, and give its URL."""
        return self._postgres.create_database(name, template=self.of(service))


def client(name: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs."""
    done = subprocess.run([postgres_binary(name), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def migrate(service: str, url: str) -> None:
    """Run the service's own `migrate` command on a database."""
    done = subprocess.run(
        [sys.executable, "-m", package(service), "migrate"],
        env={**os.environ, "DATABASE_URL": url, "SERVICE_NAME": service},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"migrating {service} failed:\n{done.stdout}\n{done.stderr}"


def migrate_to(service: str, url: str, revision: str) -> None:
    """Bring a database to one revision of the service's schema, as an older release left it."""
    client("psql", "-q", "-c", f'CREATE SCHEMA IF NOT EXISTS "{package(service)}"', url)
    code = (
        "import sys; from alembic import command; from alembic.config import Config; config = Config(); "
        "config.set_main_option('script_location', sys.argv[1]); command.upgrade(config, sys.argv[2])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, f"{package(service)}:migrations", revision],
        env={**os.environ, "DATABASE_URL": url, "SERVICE_NAME": service},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"migrating {service} failed:\n{done.stdout}\n{done.stderr}"


def make_kit_schema(_service: str, url: str) -> None:
    """Create the tables of an outbox and of a consumer, as services' migrations do."""
    code = "import sys; from support.kit.schema import create; create(sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, url], check=True, cwd=ROOT / "tests")


class ServiceDatabases:
    """One migrated database and one `Database` per service and worker, for tests that roll back."""

    def __init__(self, templates: Templates, redis_url: str) -> None:
        self._templates = templates
        self._redis_url = redis_url
        self._opened: dict[str, Database] = {}

    def of(self, service: str) -> Database:
        if service not in self._opened:
            url = self._templates.copy(service, f"shared_{package(service)}")
            settings = make_settings(service, url, self._redis_url)
            self._opened[service] = Database(settings, schema=package(service))
        return self._opened[service]

    async def close(self) -> None:
        for database in self._opened.values():
            await database.close()
