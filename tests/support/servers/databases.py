"""Migrated databases, made once for each service and test worker and copied for tests."""

import os
import subprocess
import sys

from support import ROOT
from support.servers.environment import KIT, make_settings, package
from support.servers.postgres import Postgres
from utils.database import Database


class Templates:
    """Migrated template databases, one per service and worker, made when first asked for."""

    def __init__(self, postgres: Postgres) -> None:
        self._postgres = postgres
        self._made: dict[str, str] = {}

    def of(self, service: str) -> str:
        """Give the name of the service's migrated template."""
        if service not in self._made:
            name = f"template_{package(service)}"
            url = self._postgres.create_database(name)
            run = make_kit_schema if service == KIT else migrate
            run(service, url)
            self._made[service] = name
        return self._made[service]

    def copy(self, service: str, name: str) -> str:
        """Create the database `name` from the service's template and give its URL."""
        return self._postgres.create_database(name, template=self.of(service))


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
