"""A plant for the tests of backup and restore: one database, one store, and every process on them."""

import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from embedded import free_ports, postgres_binary
from plant_client import Event, Json, Plant, PlantClient, Reset, Service, Subscription
from support import ROOT
from support.plant.asset_files import png
from support.servers import Postgres, RunningProcess, stop_all

SCRIPTS = ROOT / "deploy" / "backup"
SCHEMAS = ("asset_management", "factory_core", "incident_event")
APIS: tuple[Service, ...] = get_args(Service)
BATCH = 50
START = datetime(2026, 1, 15, 10, 30, tzinfo=UTC)


def script(name: str, *arguments: str | Path, url: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run `backup` or `restore` on a database."""
    return subprocess.run(
        [str(SCRIPTS / name), *map(str, arguments)],
        env=script_environment(DATABASE_URL=url, **variables),
        capture_output=True,
        text=True,
        check=False,
    )


def script_environment(**variables: str) -> dict[str, str]:
    path = os.pathsep.join((str(postgres_binary("psql").parent), os.environ["PATH"]))
    return {"PATH": path, "HOME": "/nonexistent", **variables}


def contents(postgres: Postgres, database: str) -> dict[str, str]:
    """Give rows and a hash of every table, and the position of every sequence."""
    inside = ", ".join(f"'{schema}'" for schema in SCHEMAS)

    def ask(statement: str) -> list[str]:
        return postgres.server.ask(statement, database=database).splitlines()

    tables = ask(
        f"SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname IN ({inside})"  # noqa: S608
    )
    hashed = {
        table: ask(
            "SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, ',' ORDER BY t::text)), '-') "  # noqa: S608
            f"FROM {table} AS t"
        )[0]
        for table in tables
    }
    sequences = ask(
        "SELECT schemaname || '.' || sequencename || '=' || coalesce(last_value, 0) FROM pg_sequences "  # noqa: S608
        f"WHERE schemaname IN ({inside})"
    )
    return {**hashed, **dict(line.split("=") for line in sequences)}


def stored(folder: Path) -> dict[str, str]:
    """Give the hash of every file of a store by its path."""
    files = sorted(path for path in (folder / "sha256").rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class WholePlant:
    """All processes of all services on one database, on ports that stay the same."""

    def __init__(self, start: Callable[..., RunningProcess], url: str, store: Path, token: str) -> None:
        self._start = start
        self._url = url
        self.store = store
        self._ports = free_ports((*APIS, "factory-core-worker", "incident-event-worker"))
        self.processes: dict[str, RunningProcess] = {}
        urls: dict[Service, str] = {name: self.at(name) for name in APIS}
        self.client = PlantClient(Plant(urls, lambda: token), timeout_seconds=15)

    def at(self, service: str) -> str:
        return f"http://127.0.0.1:{self._ports[service]}"

    def start(self) -> None:
        for name, port in self._ports.items():
            self.processes[name] = self._start(
                name.removesuffix("-worker"),
                "worker" if name.endswith("worker") else "api",
                env={
                    "DATABASE_URL": self._url,
                    "INCIDENT_EVENT_FACTORY_CORE_URL": self.at("factory-core"),
                    "ASSET_MANAGEMENT_STORE_DIR": str(self.store),
                },
                port=port,
                wait=False,
            )
        for process in self.processes.values():
            process.wait_ready()

    def stop(self) -> None:
        stop_all(self.processes.values())

    def send_readings(self, factory: str, number: int) -> Json:
        """Send the batch of this number; every tenth is beyond what the rule allows."""
        first = START + timedelta(seconds=number)
        readings = [
            {
                "source": "tank-1",
                "metric": "level",
                "at": (first + timedelta(milliseconds=10 * each)).isoformat(),
                "value": 9 if number % 10 == 9 else 1,
            }
            for each in range(BATCH)
        ]
        body = {"batch_id": f"batch-{number}", "readings": readings}
        return self.client.post("factory-core", f"/v1/factories/{factory}/readings", body)

    def report(self, factory: str, title: str) -> Json:
        report = {"factory_id": factory, "type": "fall", "severity": 3, "title": title}
        return self.client.post("incident-event", "/v1/incidents", report, headers={"Idempotency-Key": title})

    def upload(self, factory: str, content: bytes) -> Json:
        return self.client.post_bytes(
            "asset-management",
            "/v1/assets",
            content,
            content_type="image/png",
            factory=factory,
            name="그림",
            kind="image",
        )

    def make_factory(self) -> tuple[str, str]:
        """Make a factory with a tank and a rule that watches it; give both ids."""
        factory = str(self.client.post("factory-core", "/v1/factories", {"name": "공장"})["id"])
        tank = {"tag": "tank-1", "name": "Tank", "kind": "tank"}
        self.client.post("factory-core", f"/v1/factories/{factory}/equipment", tank)
        rule = {
            "factory_id": factory,
            "name": "Overfull",
            "equipment": "tank-1",
            "metric": "level",
            "operator": ">",
            "threshold": 5,
            "severity": 4,
        }
        return factory, self.client.post("incident-event", "/v1/rules", rule)["id"]

    def fill(self, factory: str) -> list[str]:
        """Let a day happen; give the ids of its assets."""
        for number in range(12):
            self.send_readings(factory, number)
            told = self.report(factory, f"report-{number}")
            if number % 2:
                path = f"/v1/incidents/{told['id']}/acknowledge"
                self.client.post("incident-event", path, {"reason": "확인"})
        pictures = [png(width) for width in (2, 3, 4, 4)]
        return [self.upload(factory, content)["id"] for content in pictures]

    def evaluated(self, rule: str) -> int:
        state = self.client.get("incident-event", f"/v1/rules/{rule}")["state"]
        return int(state["evaluated_readings"]) + int(state["late_readings"])

    @contextmanager
    def events(self, factory: str, after: int) -> Iterator[Iterator[Event | Reset]]:
        """Watch the event stream from after a seq, on one connection, on which nothing may come twice."""
        subscription = Subscription(factory, after=after, on_break=lambda end: pytest.fail(str(end)))
        with closing(self.client.follow(subscription)) as stream:
            yield stream
        assert subscription.repeated == 0
