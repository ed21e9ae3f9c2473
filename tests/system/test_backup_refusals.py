"""A backup that cannot be complete is none; a restore that cannot be exact changes nothing and says why."""

import hashlib
import os
import signal
import subprocess
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from support.plant.backup import APIS, SCRIPTS, contents, script, script_environment, stored
from support.servers import EVERY, PASSWORD, Postgres, Templates, migrate
from support.waiting import wait_for

PATIENCE_SECONDS = 30.0
Make = Callable[[], str]


@pytest.fixture(scope="module")
def filled(postgres: Postgres, templates: Templates) -> str:
    """Name a database with every service's schema and a row or two."""
    name = f"filled_{uuid.uuid4().hex[:12]}"
    templates.copy(EVERY, name)
    statement = (
        "INSERT INTO factory_core.factories (id, name, timezone, layout_version, created_at) "
        "SELECT gen_random_uuid(), '공장 ' || n, 'Asia/Seoul', 1, now() FROM generate_series(1, 20) AS n"
    )
    postgres.server.ask(statement, database=name)
    return name


@pytest.fixture
def make(postgres: Postgres) -> Iterator[Callable[[str], str]]:
    """Make a database of the test's own from a template, and give its name."""
    made: list[str] = []

    def create(template: str = "template1") -> str:
        made.append(f"backup_{uuid.uuid4().hex[:12]}")
        postgres.create_database(made[-1], template=template)
        return made[-1]

    yield create
    for name in made:
        postgres.drop_database(name)


@pytest.fixture(scope="module")
def backup(postgres: Postgres, filled: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a whole backup with one file."""
    folder = tmp_path_factory.mktemp("backup")
    keep(folder / "assets", b"a model")
    done = script("backup", "--files", folder / "assets", folder / "백업 모음", url=postgres.url(filled))
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.strip())


def keep(store: Path, content: bytes) -> Path:
    name = hashlib.sha256(content).hexdigest()
    path = store / "sha256" / name[:2] / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def changed(backup: Path, folder: Path, file: str, change: Callable[[bytes], bytes], *, sealed: bool) -> Path:
    """Copy a backup with one file changed; sealed means that its checksum is made to fit."""
    copy = folder / "changed"
    copy.mkdir()
    for path in backup.iterdir():
        content = path.read_bytes()
        (copy / path.name).write_bytes(change(content) if path.name == file else content)
    if sealed:
        files = sorted(path for path in copy.iterdir() if path.name != "SHA256SUMS")
        sums = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  ./{path.name}\n" for path in files]
        (copy / "SHA256SUMS").write_text("".join(sums))
    return copy


def schemas(postgres: Postgres, database: str) -> str:
    return postgres.server.ask(
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema|public)'",
        database=database,
    )


def test_a_restore_into_a_database_that_is_not_empty_is_refused(
    postgres: Postgres, filled: str, backup: Path
) -> None:
    before = contents(postgres, filled)
    done = script("restore", backup, url=postgres.url(filled))
    assert done.returncode == 1
    assert f"the database {filled} is not empty: it has " in done.stderr
    assert "Nothing was changed" in done.stderr
    assert contents(postgres, filled) == before


def test_a_flipped_bit_is_noticed_before_anything_happens(
    postgres: Postgres, backup: Path, make: Make, tmp_path: Path
) -> None:
    bad = changed(backup, tmp_path, "database.dump", lambda one: one[:-9] + b"!" + one[-8:], sealed=False)
    empty = make()
    done = script("restore", bad, url=postgres.url(empty))
    assert done.returncode == 1
    assert "database.dump: FAILED" in done.stderr
    assert "this backup is damaged" in done.stderr
    assert schemas(postgres, empty) == ""
    assert script("restore", "--check", bad, url="").returncode == 1


@pytest.mark.parametrize(
    ("file", "change", "reason"),
    [
        ("database.dump", lambda one: one[: len(one) * 3 // 4], "could not read from input file"),
        ("contents", lambda one: one.replace(b"factories\t21", b"factories\t22"), "instead of 22, or"),
        (
            "contents",
            lambda one: one.replace(b"equipment\t0\t0", b"equipment\t0\t7"),
            "0 rows instead of 0, or other values",
        ),
    ],
)
def test_whatever_fails_in_the_middle_leaves_an_empty_database_into_which_the_good_one_goes(
    postgres: Postgres,
    backup: Path,
    make: Make,
    tmp_path: Path,
    *,
    file: str,
    change: Callable[[bytes], bytes],
    reason: str,
) -> None:
    bad = changed(backup, tmp_path, file, change, sealed=True)
    assert (bad / file).read_bytes() != (backup / file).read_bytes()
    empty = make()
    done = script("restore", "--files", tmp_path / "assets", bad, url=postgres.url(empty))
    assert done.returncode == 1
    assert reason in done.stderr
    assert "as empty as before" in done.stderr
    assert schemas(postgres, empty) == ""
    again = script("restore", "--files", tmp_path / "assets", backup, url=postgres.url(empty))
    assert again.returncode == 0, again.stderr


def test_a_restore_that_is_killed_leaves_an_empty_database(
    postgres: Postgres, backup: Path, make: Make
) -> None:
    empty = make()
    with (
        asking(postgres, empty, "BEGIN; CREATE SCHEMA factory_core; SELECT pg_sleep(60)"),
        subprocess.Popen(
            [str(SCRIPTS / "restore"), str(backup)],
            env=script_environment(DATABASE_URL=postgres.url(empty)),
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        wait_for(lambda: count_sessions(postgres, empty, "wait_event_type = 'Lock'") == 1)
        os.killpg(process.pid, signal.SIGKILL)
    wait_for(lambda: count_sessions(postgres, empty) == 0)
    assert schemas(postgres, empty) == ""


@contextmanager
def asking(postgres: Postgres, database: str, statements: str, *, name: str = "someone") -> Iterator[None]:
    """Hold a session that is in the midst of its statements."""
    session = subprocess.Popen(
        ["psql", "-X", "-c", statements],
        env=script_environment(**libpq(postgres, database), PGAPPNAME=name),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(lambda: count_sessions(postgres, database, "wait_event = 'PgSleep'") == 1)
        yield
    finally:
        postgres.terminate_sessions(database)
        session.wait()


def libpq(postgres: Postgres, database: str) -> dict[str, str]:
    return {
        "PGHOST": "127.0.0.1",
        "PGPORT": str(postgres.port),
        "PGUSER": "vfactory",
        "PGPASSWORD": PASSWORD,
        "PGDATABASE": database,
    }


def count_sessions(postgres: Postgres, database: str, only: str = "true") -> int:
    statement = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND {only}"  # noqa: S608
    return int(postgres.sql(statement))


def test_no_restore_while_a_service_works_on_the_database(
    postgres: Postgres, backup: Path, make: Make
) -> None:
    empty = make()
    with asking(postgres, empty, "SELECT pg_sleep(60)", name="factory-core relay"):
        done = script("restore", backup, url=postgres.url(empty))
    assert done.returncode == 1
    assert f"V-Factory still works on the database {empty} (factory-core relay)" in done.stderr


def test_owners_and_grants_come_back_or_are_left_out_but_never_lost_silently(
    postgres: Postgres, filled: str, make: Callable[[str], str], tmp_path: Path
) -> None:
    mark = uuid.uuid4().hex[:8]
    owner, reader = f"owner_{mark}", f"reader_{mark}"
    source = make(filled)
    for role in (owner, reader):
        postgres.sql(f"CREATE ROLE {role}")
    for statement in (
        f"ALTER SCHEMA factory_core OWNER TO {owner}",
        f"ALTER TABLE factory_core.factories OWNER TO {owner}",
        f"GRANT USAGE ON SCHEMA factory_core TO {reader}",
        f"GRANT SELECT ON factory_core.factories TO {reader}",
    ):
        postgres.server.ask(statement, database=source)
    taken = script("backup", tmp_path, url=postgres.url(source)).stdout.strip()
    postgres.drop_database(source)
    for role in (owner, reader):
        postgres.sql(f"DROP ROLE {role}")

    target, plain = make("template1"), make("template1")
    done = script("restore", taken, url=postgres.url(target))
    assert done.returncode == 1
    assert f"the server has no role {owner}, {reader}" in done.stderr
    done = script("restore", "--no-owner", taken, url=postgres.url(plain))
    assert done.returncode == 0, done.stderr
    for role in (owner, reader):
        postgres.sql(f"CREATE ROLE {role}")
    done = script("restore", taken, url=postgres.url(target))
    assert done.returncode == 0, done.stderr
    told = postgres.server.ask(
        f"SELECT tableowner, has_table_privilege('{reader}', 'factory_core.factories', 'SELECT') "  # noqa: S608
        "FROM pg_tables WHERE tablename = 'factories'",
        database=target,
    )
    assert told == f"{owner}|t"
    postgres.drop_database(target)
    for role in (owner, reader):
        postgres.sql(f"DROP ROLE {role}")


def test_the_roles_of_production_come_back_on_another_server(tmp_path: Path) -> None:
    old, new = (Postgres(tmp_path / name) for name in ("old", "new"))
    tmp_path.chmod(0o711)
    for server in (old, new):
        server.start()
        server.create_database("vfactory")
        psql(server, "-f", str(SCRIPTS.parent / "kubernetes" / "roles.sql"))
        psql(server, "-c", "CREATE ROLE keeper LOGIN PASSWORD 'keeps' IN ROLE pg_read_all_data")
        psql(server, "-c", "ALTER ROLE vfactory_owner PASSWORD 'owns'")
    for service in APIS:
        migrate(service, f"postgresql://vfactory_owner:owns@127.0.0.1:{old.port}/vfactory")
    before = contents(old, "vfactory")

    taken = script("backup", tmp_path, url=f"postgresql://keeper:keeps@127.0.0.1:{old.port}/vfactory")
    assert taken.returncode == 0, taken.stderr
    old.stop()
    done = script("restore", taken.stdout.strip(), url=new.url("vfactory"))
    assert done.returncode == 0, done.stderr
    assert contents(new, "vfactory") == before
    told = new.server.ask(
        "SELECT tableowner, has_table_privilege('factory-core', 'factory_core.readings', 'INSERT'), "
        "has_table_privilege('factory-core', 'incident_event.incidents', 'SELECT') "
        "FROM pg_tables WHERE tablename = 'readings'",
        database="vfactory",
    )
    assert told == "vfactory_owner|t|f"
    psql(new, "-c", "ALTER DATABASE vfactory RENAME TO vfactory_lost", database="postgres")
    psql(new, "-c", "CREATE DATABASE vfactory", database="postgres")
    psql(new, "-c", "GRANT CONNECT, CREATE ON DATABASE vfactory TO vfactory_owner")
    again = script("restore", taken.stdout.strip(), url=new.url("vfactory"))
    assert again.returncode == 0, again.stderr
    for service in APIS:  # the next release's migrations
        migrate(service, f"postgresql://vfactory_owner:owns@127.0.0.1:{new.port}/vfactory")
    psql(new, "-c", "SET ROLE vfactory_owner", "-c", "CREATE TABLE factory_core.later ()")
    psql(new, "-c", 'SET ROLE "factory-core"', "-c", "SELECT * FROM factory_core.later")
    new.stop()


def psql(server: Postgres, *arguments: str, database: str = "vfactory") -> None:
    subprocess.run(
        ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", *arguments],
        env=script_environment(**libpq(server, database)),
        stdout=subprocess.DEVNULL,
        check=True,
    )


def test_no_password_is_ever_an_argument(postgres: Postgres, filled: str, tmp_path: Path) -> None:
    secret = "p@ss/w%rd:x ü&?"
    role = f"keeper_{uuid.uuid4().hex[:8]}"
    postgres.sql(f"CREATE ROLE {role} LOGIN PASSWORD '{secret}' IN ROLE pg_read_all_data")
    url = f"postgresql://{role}:p%40ss%2Fw%25rd%3Ax%20%C3%BC%26%3F@127.0.0.1:{postgres.port}/{filled}?sslmode=disable"
    (tmp_path / "url").write_text(url + "\n")
    seen: set[str] = set()
    with subprocess.Popen(
        [str(SCRIPTS / "backup"), str(tmp_path / "backups")],
        env=script_environment(DATABASE_URL_FILE=str(tmp_path / "url")),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    ) as process:
        while process.poll() is None:
            for child in psutil.Process(process.pid).children(recursive=True):
                try:
                    seen.add(" ".join(child.cmdline()))
                except psutil.Error:
                    continue
        assert process.stderr is not None
        assert process.returncode == 0, process.stderr.read()
    postgres.sql(f"DROP ROLE {role}")
    assert any("pg_dump" in line for line in seen)
    assert not [line for line in seen if "w%rd" in line or "w%25rd" in line]


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mysql://user:x@127.0.0.1/db", "DATABASE_URL must be postgresql://"),
        ("", "set DATABASE_URL, DATABASE_URL_FILE, or PGHOST"),
        ("postgresql://user:hunter2@127.0.0.1:1/db", "Connection refused"),
        ("postgresql://user:hunter2@127.0.0.1/db?pool=3", "only sslmode and sslrootcert"),
    ],
)
def test_a_database_that_cannot_be_had_is_said_without_its_password(
    tmp_path: Path, url: str, reason: str
) -> None:
    done = script("backup", tmp_path / "backups", url=url)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "hunter2" not in done.stderr
    assert not (tmp_path / "backups").exists()


def test_one_service_with_a_database_of_its_own_is_backed_up_alone(
    postgres: Postgres, filled: str, make: Make, tmp_path: Path
) -> None:
    url = postgres.url(filled)
    done = script("backup", "--schemas", "incident_event", tmp_path / "backups", url=url)
    empty = make()
    restored = script("restore", done.stdout.strip(), url=postgres.url(empty))
    assert restored.returncode == 0, restored.stderr
    assert schemas(postgres, empty) == "incident_event"
    keep(tmp_path / "assets", b"a model")
    arguments = ("--schemas", "incident_event", "--files", tmp_path / "assets", tmp_path / "backups")
    assert "--files belongs to asset_management" in script("backup", *arguments, url=url).stderr


def test_a_schema_that_is_not_there_is_named(postgres: Postgres, make: Make, tmp_path: Path) -> None:
    done = script("backup", tmp_path, url=postgres.url(make()))
    assert done.returncode == 1
    assert "has no schema factory_core, incident_event, asset_management" in done.stderr


def test_a_backup_that_is_interrupted_leaves_nothing_that_looks_like_one(
    postgres: Postgres, make: Callable[[str], str], filled: str, tmp_path: Path
) -> None:
    name = make(filled)
    with (
        asking(postgres, name, "BEGIN; LOCK TABLE factory_core.readings; SELECT pg_sleep(60)"),
        subprocess.Popen(
            [str(SCRIPTS / "backup"), str(tmp_path / "backups")],
            env=script_environment(DATABASE_URL=postgres.url(name)),
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        wait_for(lambda: count_sessions(postgres, name, "wait_event_type = 'Lock'") == 1)
        assert len(list((tmp_path / "backups").iterdir())) == 1
        os.killpg(process.pid, signal.SIGINT)  # as Ctrl-C does
        assert process.wait(PATIENCE_SECONDS) != 0
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_target_that_might_be_too_small_is_refused(postgres: Postgres, filled: str, tmp_path: Path) -> None:
    with keep(tmp_path / "assets", b"large").open("r+b") as file:
        file.truncate(8 * 2**40)  # holds nothing, and would be that large in the backup
    done = script("backup", "--files", tmp_path / "assets", tmp_path / "backups", url=postgres.url(filled))
    assert done.returncode == 1
    assert "may be needed (see --without-space-check)" in done.stderr
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_store_that_lacks_a_file_is_backed_up_and_complained_about(
    postgres: Postgres, filled: str, make: Callable[[str], str], tmp_path: Path
) -> None:
    name = make(filled)
    postgres.server.ask(
        "INSERT INTO asset_management.assets VALUES (gen_random_uuid(), gen_random_uuid(), 'lost', 'model', "
        "'model/gltf-binary', 7, repeat('a', 64), now(), 'somebody')",
        database=name,
    )
    keep(tmp_path / "assets", b"another")
    done = script("backup", "--files", tmp_path / "assets", tmp_path / "backups", url=postgres.url(name))
    assert done.returncode == 3
    assert "lacks the content of 1 assets" in done.stderr
    assert script("restore", "--check", done.stdout.strip(), url="").returncode == 0


def test_a_file_that_is_not_what_its_name_says_is_not_restored(
    postgres: Postgres, filled: str, make: Make, tmp_path: Path
) -> None:
    keep(tmp_path / "assets", b"a model").write_bytes(b"a m0del")
    done = script("backup", "--files", tmp_path / "assets", tmp_path / "backups", url=postgres.url(filled))
    empty = make()
    restored = script("restore", "--files", tmp_path / "new", done.stdout.strip(), url=postgres.url(empty))
    assert restored.returncode == 1
    assert "a file is not what its name says" in restored.stderr
    assert schemas(postgres, empty) == ""


def test_lost_files_come_back_beside_a_database_that_is_there(
    postgres: Postgres, filled: str, backup: Path, tmp_path: Path
) -> None:
    newer = keep(tmp_path / "assets", b"uploaded since")
    keep(tmp_path / "assets", b"a model").write_bytes(b"a m0del")  # as a failing disk leaves it
    before = contents(postgres, filled)
    for _ in range(2):  # again does no harm
        done = script("restore", "--only-files", tmp_path / "assets", backup, url="")
        assert done.returncode == 0, done.stderr
    kept = set(stored(tmp_path / "assets").values())
    assert kept == {newer.name, hashlib.sha256(b"a model").hexdigest()}
    assert [path.name for path in (tmp_path / "assets").iterdir()] == ["sha256"]
    assert contents(postgres, filled) == before


def test_older_backups_go_only_once_the_new_one_is_complete(
    postgres: Postgres, filled: str, tmp_path: Path
) -> None:
    for name in ("2026-01-01T000000Z", "2026-01-02T000000Z", "mine"):
        (tmp_path / name).mkdir()
    failed = script("backup", "--keep", "1", tmp_path, url="postgresql://user:x@127.0.0.1:1/db")
    assert failed.returncode == 1
    assert len(list(tmp_path.iterdir())) == 3
    done = script("backup", "--keep", "2", tmp_path, url=postgres.url(filled))
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["2026-01-02T000000Z", Path(done.stdout.strip()).name, "mine"]


@pytest.mark.parametrize("name", ["backup", "restore"])
def test_help_is_printed_and_a_wrong_option_is_named(name: str) -> None:
    assert script(name, "--help", url="").stdout.startswith(f"Usage: {name} ")
    assert "unknown option --bogus" in script(name, "--bogus", url="").stderr
    assert script(name, url="").returncode == 1
