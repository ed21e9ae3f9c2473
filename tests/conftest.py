"""Fixtures for all tests: real PostgreSQL and Valkey per worker, migrated databases, processes, tokens."""

import signal
import subprocess
import uuid
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncSession

from support import ROOT
from support.plant.stack import run_stack
from support.servers import (
    AUTH_SECRET,
    KIT,
    Postgres,
    Replica,
    RunningProcess,
    ServiceDatabases,
    Templates,
    Valkey,
    environment,
    made_once,
    make_settings,
    package,
    stop_all,
)
from utils.auth import Role, issue_token
from utils.database import Database, Transaction
from utils.settings import ServiceSettings
from utils.streams import create_redis


def pytest_configure() -> None:
    """Let the programs that tests start be interrupted, also where this run itself ignores SIGINT.

    A shell starts a script's background jobs so, and a program hands on what it ignores.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# Files of a minute and more, the longest first: what begins last should end soon.
LONG = (
    "vfactory/test_up.py",
    "vfactory/test_monitoring.py",
    "utils/database/replica/test_reader.py",
    "system/test_faults.py",
    "system/test_backup.py",
    "vfactory/top/test_command.py",
    "utils/streams/test_consumer.py",
    "system/test_shared_work.py",
    "monitoring/drills/test_drills.py",
    "docs/test_operations_guide.py",
    "monitoring/test_metrics_exist.py",
    "system/test_recordings.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of long files first, in the order of LONG; a file's own tests keep theirs.

    Raises:
        pytest.UsageError: a file of LONG is not there.
    """
    places = {ROOT / "tests" / name: place for place, name in enumerate(LONG)}
    missing = [path for path in places if not path.exists()]
    if missing:
        raise pytest.UsageError(f"LONG names {missing[0]}, which is not there")
    items.sort(key=lambda item: places.get(item.path, len(LONG)))


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """This worker's PostgreSQL. Whoever hurts it uses `hurt_postgres`, which heals it."""
    server = Postgres(tmp_path_factory.mktemp("postgres"))
    server.start()
    yield server
    server.resume()
    server.stop()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """This worker's Valkey."""
    server = Valkey(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.resume()
    server.stop()


@pytest.fixture
def hurt_postgres(postgres: Postgres) -> Iterator[Postgres]:
    """The worker's PostgreSQL for a test that stops, freezes or restarts it; whole again afterwards."""
    yield postgres
    postgres.heal()


@pytest.fixture(scope="session")
def shared_replica(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    """A streaming replica of this worker's PostgreSQL, made when first asked for. Tests take `replica`."""
    server = Replica(tmp_path_factory.mktemp("replica"), postgres)
    server.start()
    yield server
    server.resume()
    server.stop()


@pytest.fixture
def replica(hurt_postgres: Postgres, shared_replica: Replica) -> Iterator[Replica]:
    """The worker's replica, and its PostgreSQL to be hurt; both whole and level again afterwards."""
    yield shared_replica
    hurt_postgres.heal()
    shared_replica.heal()
    shared_replica.catch_up()


@pytest.fixture
def hurt_valkey(valkey: Valkey) -> Iterator[Valkey]:
    """The worker's Valkey for a test that stops, freezes or restarts it; whole again afterwards."""
    yield valkey
    valkey.heal()


@pytest.fixture(scope="session")
def templates(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> Templates:
    return Templates(postgres, tmp_path_factory)


@pytest.fixture(scope="session")
def copy_home(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Make the home of a stack that starts quickly: a copy of one whose servers are made and migrated."""

    def make(folder: Path) -> None:
        with run_stack(folder):
            pass

    def copy(home: Path) -> Path:
        home.mkdir(parents=True, exist_ok=True)
        used = made_once(tmp_path_factory, "used-home", make)
        subprocess.run(["cp", "-a", used / "data", used / "secrets", home], check=True)  # owners included
        return home

    return copy


@pytest.fixture(scope="session")
def launch(
    templates: Templates, valkey: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., RunningProcess]:
    """Start a process of ours for several tests: `launch("factory-core", "worker", shared="guide")`.

    The processes of a service have one database for each name in `shared`. Whoever starts one ends it.
    """
    urls: dict[str, str] = {}

    def start(service: str, process: str = "api", *, shared: str, **variables: str) -> RunningProcess:
        name = f"{shared}_{package(service)}"
        if name not in urls:
            urls[name] = templates.copy(service, name)
        given = environment(service, urls[name], valkey.url(), **variables)
        folder = tmp_path_factory.mktemp(service)
        return RunningProcess(package(service), process, given, cwd=folder).wait_ready()

    return start


@pytest.fixture
def service() -> str:
    """The service whose database a test gets; overridden in the conftest of a service's tests."""
    return KIT


@pytest.fixture(scope="session")
async def service_databases(templates: Templates, valkey: Valkey) -> AsyncIterator[ServiceDatabases]:
    databases = ServiceDatabases(templates, valkey.url())
    yield databases
    await databases.close()


@pytest.fixture
def database(service_databases: ServiceDatabases, service: str) -> Database:
    """The worker's database of `service`, shared by tests: leave nothing committed in it."""
    return service_databases.of(service)


@pytest.fixture
async def transaction(database: Database) -> AsyncIterator[Transaction]:
    """A transaction that is rolled back at the end of the test."""
    async with AsyncSession(database.engine, expire_on_commit=False) as session:
        yield Transaction(database, session)
        await session.rollback()


@pytest.fixture
def fresh_url(templates: Templates, postgres: Postgres) -> Iterator[Callable[[str], str]]:
    """Make, once per service and test, a database of the test's own: `fresh_url("incident-event")`."""
    made: dict[str, str] = {}
    mark = uuid.uuid4().hex[:12]

    def make(service: str) -> str:
        if service not in made:
            made[service] = templates.copy(service, f"test_{package(service)}_{mark}")
        return postgres.url(f"test_{package(service)}_{mark}")

    yield make
    postgres.heal()
    for service in made:
        postgres.drop_database(f"test_{package(service)}_{mark}")


@pytest.fixture
async def fresh_database(
    fresh_url: Callable[[str], str], service: str, valkey: Valkey
) -> AsyncIterator[Database]:
    """A database of the test's own, for real commits and concurrency."""
    database = Database(make_settings(service, fresh_url(service), valkey.url()), schema=package(service))
    yield database
    await database.close()


@pytest.fixture
async def redis(valkey: Valkey) -> AsyncIterator[Redis]:
    """A client of the worker's Valkey, which is empty at the beginning of the test."""
    valkey.heal()
    valkey.flush()
    client = create_redis(valkey.url())
    yield client
    await client.aclose()


@pytest.fixture
def settings_for(fresh_url: Callable[[str], str], valkey: Valkey) -> Callable[..., ServiceSettings]:
    """Build the settings of a service on a database of this test's own: `settings_for("factory-core")`."""

    def make(service: str, **more: Any) -> ServiceSettings:
        url = more.pop("database_url", None) or fresh_url(service)
        return make_settings(service, url, valkey.url(), **more)

    return make


@pytest.fixture
def environment_for(fresh_url: Callable[[str], str], valkey: Valkey) -> Callable[..., dict[str, str]]:
    """Give the environment of a service's processes on a database of this test's own."""

    def make(service: str, **more: str) -> dict[str, str]:
        return environment(service, fresh_url(service), valkey.url(), **more)

    return make


@pytest.fixture
def make_token() -> Callable[..., str]:
    """Sign a token: `make_token("operator", factories=[id])`."""

    def make(role: str, factories: Any = "*", *, subject: str = "tester") -> str:
        return issue_token(AUTH_SECRET, subject=subject, role=Role(role), factories=factories)

    return make


@pytest.fixture
def running(
    environment_for: Callable[..., dict[str, str]], tmp_path: Path
) -> Iterator[Callable[..., RunningProcess]]:
    """Start a process of ours, ready when given: `base_url, process, lines = running("factory-core", "api")`.

    The processes of one service in one test share its database. All are stopped at the end of the test.
    """
    started: list[RunningProcess] = []

    def start(
        service: str,
        process: str = "api",
        *,
        env: Mapping[str, str] | None = None,
        port: int | None = None,
        wait: bool = True,
    ) -> RunningProcess:
        variables = environment_for(service, **(env or {}))
        started.append(RunningProcess(package(service), process, variables, cwd=tmp_path, port=port))
        return started[-1].wait_ready() if wait else started[-1]

    yield start
    stop_all(started)
