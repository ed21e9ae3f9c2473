"""Dump, wipe, restore: every row, file and `seq` is there again, and the plant goes on where it was.

Then every way in which a restore must not happen.
"""

import itertools
import json
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plant_client import Event, Reset
from support.plant.asset_files import png
from support.plant.backup import APIS, BATCH, WholePlant, contents, script, stored
from support.servers import EVERY, Postgres, RunningProcess, Templates, Valkey
from support.waiting import wait_for


@pytest.fixture
def database(postgres: Postgres, templates: Templates) -> Iterator[str]:
    """Name a database of the test's own that has every service's schema."""
    name = f"backup_{uuid.uuid4().hex[:12]}"
    templates.copy(EVERY, name)
    yield name
    postgres.drop_database(name)


@pytest.fixture
def database_url(postgres: Postgres, database: str) -> str:
    return postgres.url(database)


@pytest.fixture
def plant(
    running: Callable[..., RunningProcess],
    valkey: Valkey,
    database_url: str,
    tmp_path: Path,
    make_token: Callable[..., str],
) -> Iterator[WholePlant]:
    valkey.flush()
    plant = WholePlant(running, database_url, tmp_path / "assets", make_token("engineer"))
    plant.start()
    yield plant
    plant.client.close()


def is_published(postgres: Postgres, database: str) -> bool:
    behind = [
        postgres.server.ask(
            f"SELECT (SELECT count(*) FROM {schema}.outbox WHERE seq IS NULL) + "  # noqa: S608
            f"(SELECT count(*) FROM {schema}.outbox_heads WHERE published_seq <> seq)",
            database=database,
        )
        for schema in ("factory_core", "incident_event")
    ]
    return behind == ["0", "0"]


def head_of(postgres: Postgres, database: str, factory: str) -> int:
    """Give the seq of the factory's last event of Incident Event."""
    statement = f"SELECT seq FROM incident_event.outbox_heads WHERE factory_id = '{factory}'"  # noqa: S608
    return int(postgres.server.ask(statement, database=database))


def first_events(plant: WholePlant, factory: str, count: int, *, after: int = 0) -> list[Event | Reset]:
    with plant.events(factory, after=after) as events:
        return list(itertools.islice(events, count))


def seqs(events: list[Event | Reset]) -> list[int]:
    return [event.seq for event in events if isinstance(event, Event)]


def test_after_dump_wipe_and_restore_everything_is_equal_and_everybody_goes_on(
    plant: WholePlant, postgres: Postgres, valkey: Valkey, database: str, tmp_path: Path
) -> None:
    url = postgres.url(database)
    factory, rule = plant.make_factory()
    assets = plant.fill(factory)
    wait_for(lambda: plant.evaluated(rule) == 12 * BATCH and is_published(postgres, database))
    head = head_of(postgres, database, factory)
    seen = first_events(plant, factory, head)
    listed = plant.client.get("incident-event", "/v1/incidents", factory=factory, limit=200)
    before, files = contents(postgres, database), stored(plant.store)
    assert before["factory_core.readings"].startswith(f"{12 * BATCH} ")
    assert len(files) == 3
    assert head > 12 + 6, "reports, acknowledgements, and what the rule found"

    done = script("backup", "--files", plant.store, tmp_path / "backups", url=url)
    assert done.returncode == 0, done.stderr
    assert contents(postgres, database) == before
    plant.stop()
    postgres.drop_database(database)
    valkey.flush()
    shutil.rmtree(plant.store)
    postgres.create_database(database)
    done = script("restore", "--files", plant.store, done.stdout.strip(), url=url)
    assert done.returncode == 0, done.stderr
    assert contents(postgres, database) == before
    assert stored(plant.store) == files

    plant.start()
    for service in APIS:
        assert plant.client.get(service, "/health")["status"] == "healthy"
    assert plant.client.get("incident-event", "/v1/incidents", factory=factory, limit=200) == listed
    for asset in assets:
        answer = plant.client.send("asset-management", "GET", f"/v1/assets/{asset}/content")
        assert answer.status_code == 200
    known = {one["id"] for one in listed["items"]}
    with plant.events(factory, after=7) as events:
        assert list(itertools.islice(events, head - 7)) == seen[7:]
        assert plant.report(factory, "report-0")["id"] in known, "a repeated report is the same one"
        plant.report(factory, "after-the-restore")
        assert seqs([next(events)]) == [head + 1]
    plant.send_readings(factory, 3)  # known already: answered, and not taken a second time
    plant.send_readings(factory, 12)
    wait_for(lambda: plant.evaluated(rule) == 13 * BATCH and is_published(postgres, database))
    head = head_of(postgres, database, factory)
    assert seqs(first_events(plant, factory, head)) == list(range(1, head + 1))
    assert isinstance(first_events(plant, factory, 1, after=head + 1000)[0], Reset)
    lines = [json.loads(line) for process in plant.processes.values() for line in process.lines]
    assert [line for line in lines if line["level"] in ("ERROR", "CRITICAL")] == []


def test_a_backup_of_a_plant_at_work_is_of_one_moment_from_which_it_goes_on(
    plant: WholePlant, postgres: Postgres, valkey: Valkey, database: str, tmp_path: Path
) -> None:
    factory, rule = plant.make_factory()
    done, numbers = threading.Event(), itertools.count()

    def work() -> None:
        while not done.is_set():
            number = next(numbers)
            plant.send_readings(factory, number)
            plant.report(factory, f"report-{number}")
            plant.upload(factory, png(number + 1))

    worker = threading.Thread(target=work)
    worker.start()
    try:
        wait_for(lambda: len(stored(plant.store)) > 5)
        url = postgres.url(database)
        taken = script("backup", "--files", plant.store, tmp_path / "backups", url=url)
        seen = len(stored(plant.store))
        wait_for(lambda: len(stored(plant.store)) > seen + 5)  # what comes now will be lost
    finally:
        done.set()
        worker.join()
    assert taken.returncode == 0, taken.stderr
    ahead = head_of(postgres, database, factory)
    plant.stop()
    postgres.drop_database(database)
    shutil.rmtree(plant.store)
    postgres.create_database(database)
    restored = script("restore", "--files", plant.store, taken.stdout.strip(), url=url)
    assert restored.returncode == 0, restored.stderr
    valkey.flush()  # it knows events that the database does not

    def ask(what: str) -> list[str]:
        return postgres.server.ask(f"SELECT {what}", database=database).splitlines()

    [batches] = ask("count(*) FROM factory_core.ingest_batches")
    assert int(batches) > 5
    assert ask("count(*) FROM factory_core.readings") == [str(int(batches) * BATCH)]
    reports = ask("count(*) FROM incident_event.incidents WHERE source = 'report'")
    assert ask("count(*) FROM incident_event.idempotency_keys") == reports
    announced = ask("count(*) FROM incident_event.outbox WHERE type = 'incident.reported.v1'")
    assert ask("count(*) FROM incident_event.incidents") == announced
    assert set(ask("DISTINCT sha256 FROM asset_management.assets")) <= set(stored(plant.store).values())

    plant.start()
    with plant.events(factory, after=ahead) as events:
        assert isinstance(next(events), Reset)
    plant.send_readings(factory, next(numbers))
    wait_for(lambda: plant.evaluated(rule) == (int(batches) + 1) * BATCH)
    wait_for(lambda: is_published(postgres, database))
    head = head_of(postgres, database, factory)
    assert head < ahead
    assert seqs(first_events(plant, factory, head)) == list(range(1, head + 1))
