"""`deploy/kubernetes/roles.sql`: a service works in its own tables and can neither drop nor alter one."""

import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import asyncpg
import pytest

from support import ROOT
from support.manifests.built import SERVICES
from support.servers import Postgres

SQL = ROOT / "deploy/kubernetes/roles.sql"
OWNER = "vfactory_owner"
DATABASE = "least_privilege"


@dataclass(frozen=True)
class Plant:
    """A database as the README has it made; every role has the superuser's password."""

    postgres: Postgres

    def url(self, role: str) -> str:
        parts = urlsplit(self.postgres.url(DATABASE))
        return f"postgresql://{role}:{parts.password}@{parts.hostname}:{parts.port}/{DATABASE}"

    def run(self, service: str, command: str, role: str) -> None:
        done = subprocess.run(
            [sys.executable, "-P", "-m", package(service), command],
            env={"DATABASE_URL": self.url(role)},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def package(service: str) -> str:
    return service.replace("-", "_")


@pytest.fixture(scope="module")
async def plant(postgres: Postgres) -> AsyncIterator[Plant]:
    postgres.create_database(DATABASE)
    connection = await asyncpg.connect(postgres.url(DATABASE))
    password = urlsplit(postgres.url()).password
    try:
        await connection.execute(SQL.read_text("utf-8"))
        for role in (OWNER, *SERVICES):
            await connection.execute(f"ALTER ROLE \"{role}\" PASSWORD '{password}'")
        yield Plant(postgres)
    finally:
        await connection.close()
        postgres.drop_database(DATABASE)
        for role in (OWNER, *SERVICES):
            postgres.sql(f'DROP ROLE IF EXISTS "{role}"')


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_works_in_tables_it_cannot_change(plant: Plant, service: str) -> None:
    plant.run(service, "migrate", OWNER)
    plant.run(service, "await-schema", service)

    connection = await asyncpg.connect(plant.url(service))
    try:
        tables = [
            row["name"]
            for row in await connection.fetch(
                "SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = $1",
                package(service),
            )
        ]
        assert len(tables) > 1
        for table in tables:
            for right in ("SELECT", "INSERT", "UPDATE", "DELETE"):
                assert await connection.fetchval("SELECT has_table_privilege($1, $2)", table, right), table
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"DROP TABLE {table}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"CREATE TABLE {package(service)}.mine (id int)")
    finally:
        await connection.close()


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_does_not_see_what_is_another_ones(plant: Plant, service: str) -> None:
    for other in set(SERVICES) - {service}:
        plant.run(other, "migrate", OWNER)
        connection = await asyncpg.connect(plant.url(service))
        try:
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(f"TABLE {package(other)}.alembic_version")
        finally:
            await connection.close()
