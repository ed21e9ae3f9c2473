from pathlib import Path

import pytest

from support.servers import Postgres
from vfactory.stack.parts import SERVICES, find_outdated
from vfactory.stack.parts.schemas import newest_revision


@pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
def test_the_newest_revision_is_the_one_that_the_service_asks_for(service: object) -> None:
    package = getattr(service, "package", "")
    text = Path(f"src/{package}/db.py").read_text()
    assert f'REVISION = "{newest_revision(package)}"' in text


def test_a_migration_without_a_number_leaves_it_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = tmp_path / "some_service" / "migrations" / "versions"
    versions.mkdir(parents=True)
    (tmp_path / "some_service" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    (versions / "0001_first.py").touch()
    (versions / "0002_second.py").touch()
    assert newest_revision("some_service") == "0002"
    (versions / "a1b2c3_third.py").touch()
    assert newest_revision("some_service") is None
    assert newest_revision("no_such_service") is None


def test_only_what_is_behind_is_migrated(postgres: Postgres) -> None:
    postgres.create_database("schemas")
    server = postgres.server
    assert find_outdated(server, "schemas", SERVICES) == list(SERVICES)
    for service in SERVICES:
        server.ask(f"CREATE SCHEMA {service.package}", database="schemas")
        server.ask(f"CREATE TABLE {service.package}.alembic_version (version_num text)", database="schemas")
    assert find_outdated(server, "schemas", SERVICES) == list(SERVICES)
    for service in SERVICES:
        number = newest_revision(service.package)
        server.ask(f"INSERT INTO {service.package}.alembic_version VALUES ('{number}')", database="schemas")  # noqa: S608
    assert find_outdated(server, "schemas", SERVICES) == []
    server.ask("UPDATE incident_event.alembic_version SET version_num = '0000'", database="schemas")
    assert find_outdated(server, "schemas", SERVICES) == [SERVICES[1]]
    postgres.drop_database("schemas")
