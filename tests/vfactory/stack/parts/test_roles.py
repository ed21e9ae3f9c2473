"""Each service works in the database under a role of its own, also on data from before there were roles."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import asyncpg
import pytest

from embedded import PostgresServer, free_ports, make_folder
from support.servers import environment
from vfactory.stack.configuration import DATABASE, PORTS, Configuration
from vfactory.stack.parts import EXPORTER, SERVICES, give_roles, postgres_server, share_role

SCHEMAS = [service.package for service in SERVICES]
BEFORE = """
    CREATE SCHEMA factory_core;
    CREATE TABLE factory_core.kept (id bigint GENERATED ALWAYS AS IDENTITY, serial serial, note text);
    INSERT INTO factory_core.kept (note) VALUES ('from before');
    CREATE TABLE factory_core.parted (id int) PARTITION BY RANGE (id);
    CREATE TABLE factory_core.part PARTITION OF factory_core.parted FOR VALUES FROM (0) TO (9);
    CREATE SEQUENCE factory_core.alone;
    CREATE VIEW factory_core.seen AS SELECT note FROM factory_core.kept;
    CREATE TYPE factory_core.kind AS ENUM ('a');
    CREATE DOMAIN factory_core.small AS int CHECK (VALUE < 10);
    CREATE FUNCTION factory_core.refuse() RETURNS int LANGUAGE sql AS 'SELECT 1';
"""
FOREIGN = """
    SELECT count(*) FROM pg_namespace JOIN pg_roles ON pg_roles.rolname = nspname
    LEFT JOIN pg_class ON relnamespace = pg_namespace.oid
    LEFT JOIN pg_proc ON pronamespace = pg_namespace.oid
    LEFT JOIN pg_type ON typnamespace = pg_namespace.oid
    WHERE pg_roles.oid <> ANY (ARRAY[nspowner, relowner, proowner, typowner])
"""
MIGHTY = """
    SELECT rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls
    FROM pg_roles WHERE rolname = current_user
"""

Urls = Mapping[str, str]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    told = Configuration(home=tmp_path_factory.mktemp("home"), ports=free_ports(PORTS))
    make_folder(told.logs)
    with postgres_server(told) as running:
        running.create_database(DATABASE)
        running.ask(BEFORE, database=DATABASE)
        yield running


@pytest.fixture(scope="module")
def urls(server: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Urls:
    home = tmp_path_factory.mktemp("roles")
    first = give_roles(server, home)
    assert give_roles(server, home) == first
    return first


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url, timeout=10)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@pytest.mark.parametrize("service", [*(service.name for service in SERVICES), EXPORTER])
async def test_a_role_has_no_right_over_the_server_and_none_over_other_schemas(
    urls: Urls, service: str
) -> None:
    role = service.replace("-", "_")
    assert await ask(urls[service], MIGHTY) is False
    assert await ask(urls[service], "SELECT current_user") == role
    for schema in [*SCHEMAS, "public"]:
        for right in ("usage", "create"):
            has = await ask(urls[service], f"SELECT has_schema_privilege('{schema}', '{right}')")
            assert has == (schema == role), f"{right} on {schema}"
    assert await ask(urls[service], f"SELECT has_database_privilege('{DATABASE}', 'create')") is False


async def test_what_was_made_before_belongs_to_the_service_and_still_holds_its_rows(urls: Urls) -> None:
    assert await ask(urls["factory-core"], FOREIGN) == 0
    url = urls["factory-core"]
    assert await ask(url, "SELECT note FROM factory_core.seen") == "from before"
    assert await ask(url, "INSERT INTO factory_core.kept (note) VALUES ('after') RETURNING id") == 2
    await ask(url, "ALTER TABLE factory_core.parted ADD COLUMN note text")
    for other in ("incident-event", "asset-management", EXPORTER):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ask(urls[other], "SELECT note FROM factory_core.kept")


async def test_the_exporter_may_see_the_servers_figures(urls: Urls) -> None:
    assert await ask(urls[EXPORTER], "SELECT pg_has_role('pg_monitor', 'member')") is True
    assert await ask(urls[EXPORTER], f"SELECT pg_database_size('{DATABASE}') > 0") is True


@pytest.mark.parametrize("service", ["incident-event", "asset-management"])
async def test_a_service_migrates_under_its_role(urls: Urls, service: str) -> None:
    package = service.replace("-", "_")
    for _ in range(2):
        subprocess.run(  # noqa: ASYNC221 - nothing else runs meanwhile
            [sys.executable, "-m", package, "migrate"],
            env=environment(service, urls[service], ""),
            check=True,
        )
    assert await ask(urls[service], f"SELECT to_regclass('{package}.alembic_version') IS NOT NULL") is True
    assert await ask(urls[service], FOREIGN) == 0


async def test_a_lost_password_is_replaced(server: PostgresServer, urls: Urls, tmp_path: Path) -> None:
    again = give_roles(server, tmp_path)
    with pytest.raises(asyncpg.InvalidPasswordError):
        await ask(urls["incident-event"], "SELECT 1")
    assert await ask(again["incident-event"], "SELECT 1") == 1


def test_a_database_of_somebody_elses_is_used_as_it_is() -> None:
    assert set(share_role("postgresql://h/d").values()) == {"postgresql://h/d"}
    assert set(share_role("postgresql://h/d")) == {*(service.name for service in SERVICES), EXPORTER}
