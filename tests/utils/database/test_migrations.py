"""Migrations run once however many processes start them, and nobody works on an outdated schema."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest

from support.kit.events import eventually
from support.servers import Postgres
from utils.database import Database, SchemaOutdatedError
from utils.database.migrations import head_revision
from utils.settings import ServiceSettings

MIGRATE = """
import sys
from utils.logging import configure_logging
from utils.database.migrations import run_migrations
configure_logging("kit", "INFO")
sys.exit(run_migrations("kit", "kit", sys.argv[1]))
"""
ENVIRONMENT = """
from sqlalchemy import MetaData
from utils.database.migrations import run_environment
run_environment(MetaData(), "kit")
"""
REVISION = """
from alembic import op
revision = "{number:04}"
down_revision = {before!r}
def upgrade():
    op.execute("SELECT pg_sleep(0.2)")
    op.execute("{sql}")
"""


def add_revision(scripts: Path, number: int, sql: str) -> None:
    before = f"{number - 1:04}" if number > 1 else None
    file = scripts / "versions" / f"{number:04}.py"
    file.write_text(REVISION.format(number=number, before=before, sql=sql))


@pytest.fixture
def scripts(tmp_path: Path) -> Path:
    """A service's migrations: one table, then one column."""
    (tmp_path / "versions").mkdir()
    (tmp_path / "env.py").write_text(ENVIRONMENT)
    add_revision(tmp_path, 1, "CREATE TABLE things (id int)")
    add_revision(tmp_path, 2, "ALTER TABLE things ADD name text")
    return tmp_path


@pytest.fixture
def empty_url(postgres: Postgres) -> Iterator[str]:
    """A database without any schema of ours."""
    name = f"empty_{os.urandom(4).hex()}"
    yield postgres.create_database(name)
    postgres.heal()
    postgres.drop_database(name)


def start(scripts: Path, url: str) -> "subprocess.Popen[str]":
    return run(MIGRATE, str(scripts), url=url)


def run(code: str, *arguments: str, url: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env={**os.environ, "DATABASE_URL": url, "SERVICE_NAME": "kit"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, list[str]]:
    out, err = process.communicate(timeout=60)
    return process.returncode, [*out.splitlines(), *err.splitlines()]


def test_racing_processes_migrate_once_and_write_only_json(scripts: Path, empty_url: str) -> None:
    processes = [start(scripts, empty_url) for _ in range(3)]
    results = [finish(process) for process in processes]
    assert [code for code, _ in results] == [0, 0, 0], results
    lines = [json.loads(line) for _, output in results for line in output]
    assert {line["name"] for line in lines} == {"kit"}
    upgrades = [line["message"] for line in lines if "Running upgrade" in line["message"]]
    assert len(upgrades) == 2


def test_a_failing_migration_leaves_nothing_and_says_why(scripts: Path, empty_url: str) -> None:
    add_revision(scripts, 3, "CREATE TABLE things (id int)")
    code, lines = finish(start(scripts, empty_url))
    assert code == 1
    parsed = [json.loads(line) for line in lines]
    assert any("already exists" in json.dumps(line) for line in parsed)
    add_revision(scripts, 3, "ALTER TABLE things ADD size int")
    code, lines = finish(start(scripts, empty_url))
    assert code == 0, lines
    assert sum("Running upgrade" in line for line in lines) == 3


def test_a_database_that_is_not_there_yet_is_waited_for(
    scripts: Path, empty_url: str, hurt_postgres: Postgres
) -> None:
    hurt_postgres.stop()
    process = start(scripts, empty_url)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2.5)
    hurt_postgres.start()
    code, lines = finish(process)
    assert code == 0, lines


@pytest.fixture
async def migrated(empty_url: str, settings_for: Callable[..., ServiceSettings]) -> AsyncIterator[Database]:
    """A database at revision 0002."""
    connection = await asyncpg.connect(empty_url)
    await connection.execute(
        "CREATE SCHEMA kit; CREATE TABLE kit.alembic_version AS SELECT '0002' AS version_num"
    )
    await connection.close()
    database = Database(settings_for("kit", database_url=empty_url), schema="kit")
    yield database
    await database.close()


def test_the_head_is_the_newest_revision(scripts: Path) -> None:
    assert head_revision(str(scripts)) == "0002"


async def test_a_current_schema_is_accepted(migrated: Database) -> None:
    await migrated.require_current_schema("0002")


async def test_an_outdated_schema_stops_the_start_with_what_to_do(migrated: Database) -> None:
    expected = r"at revision 0002, this release needs 0003.*migrate"
    with pytest.raises(SchemaOutdatedError, match=expected) as caught:
        await migrated.require_current_schema("0003")
    assert caught.value.exit_code == 78


async def test_a_newer_schema_is_accepted_because_a_rollout_may_be_under_way(migrated: Database) -> None:
    await migrated.require_current_schema("0001")


async def test_a_database_without_the_schema_stops_the_start(
    empty_url: str, settings_for: Callable[..., ServiceSettings]
) -> None:
    database = Database(settings_for("kit", database_url=empty_url), schema="kit")
    with pytest.raises(SchemaOutdatedError, match="at revision none"):
        await database.require_current_schema("0001")
    await database.close()


async def test_an_unreachable_database_is_checked_when_it_comes(
    migrated: Database, hurt_postgres: Postgres
) -> None:
    hurt_postgres.stop()
    await migrated.require_current_schema("0002")
    with pytest.raises(OSError, match="onnect"):
        async with migrated.transaction():
            pass
    hurt_postgres.start()

    async def works() -> bool:
        async with migrated.transaction() as transaction:
            connection = await transaction.connection()
            return bool(await connection.fetchval("SELECT true FROM alembic_version"))

    await eventually(works)


async def test_nobody_works_on_a_schema_found_outdated_later(
    migrated: Database, hurt_postgres: Postgres
) -> None:
    hurt_postgres.stop()
    await migrated.require_current_schema("0003")
    hurt_postgres.start()
    with pytest.raises(SchemaOutdatedError):
        async with migrated.transaction():
            pass


WAITING = """
import asyncio, os, sys
from utils.settings import ServiceSettings
from utils.database import Database
async def main():
    database = Database(ServiceSettings(), schema="kit")
    await database.require_current_schema("0003")
    print("{}", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def test_a_process_ends_with_78_when_the_schema_is_found_outdated_later(
    migrated: Database, empty_url: str, hurt_postgres: Postgres
) -> None:
    del migrated
    hurt_postgres.stop()
    process = run(WAITING, url=empty_url)
    assert process.stdout is not None
    while await asyncio.to_thread(process.stdout.readline) != "{}\n":  # it has started without the database
        assert process.poll() is None
    hurt_postgres.start()
    code, lines = finish(process)
    assert code == 78
    assert any("this release needs 0003" in json.loads(line).get("message", "") for line in lines)
