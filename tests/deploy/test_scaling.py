"""The numbers of docs/scaling.md, from the software and the manifests they are about."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

import asyncpg
import msgspec
import pytest

from contracts.factory_core import ReadingsAccepted, SeriesReadings
from factory_core.readings.intake import LARGE_WRITERS, SMALL_WRITERS
from incident_event.worker import PARTITIONS
from support import ROOT
from support.manifests.built import built, container, find
from utils.relay.stream_sizes import MAX_STREAM_BYTES
from utils.settings import ServiceSettings

PAGES = [(ROOT / "docs" / name).read_text("utf-8") for name in ("scaling.md", "scaling.ko.md")]
FACTORY = "01900000-0000-7000-8000-000000000000"
POOL: int = ServiceSettings.model_fields["database_pool_size"].default
# Besides the pool: the health probe and the check of the schema; writers of readings; a relay; a consumer.
CONNECTIONS = {
    "factory-core": POOL + 2 + SMALL_WRITERS + LARGE_WRITERS,
    "incident-event": POOL + 2,
    "asset-management": POOL + 2,
    "factory-core-worker": POOL + 2 + 1,
    "incident-event-worker": POOL + 2 + 2,
}


WITH_A_REPLICA = CONNECTIONS["factory-core"] + 1  # which asks where the primary's log ends


def most_connections(overlay: str) -> int:
    """What every process at its maximum opens while all of them are rolled out."""
    return sum(opened(overlay, name) * (most_pods(overlay, name) + 1) for name in CONNECTIONS)


def opened(overlay: str, name: str) -> int:
    """What one process opens to the primary at most."""
    given = {one["name"] for one in container(find(built(overlay), "Deployment", name))["env"]}
    return CONNECTIONS[name] + len(given & {"DATABASE_READ_URL_FILE"})


def most_pods(overlay: str, name: str) -> int:
    deployment = find(built(overlay), "Deployment", name)
    if "replicas" in deployment["spec"]:
        return int(deployment["spec"]["replicas"])
    return int(find(built(overlay), "HorizontalPodAutoscaler", name)["spec"]["maxReplicas"])


@pytest.mark.parametrize("page", PAGES, ids=["english", "korean"])
def test_the_table_of_connections_is_what_processes_open_at_most(page: str) -> None:
    rows = [line for line in page.splitlines() if re.search(r"\d+ \| \d+ \+ 1 \|", line)]
    numbers = [[int(number) for number in re.findall(r"\d+", line)] for line in rows]

    assert numbers == [
        [
            *((each, WITH_A_REPLICA) if name == "factory-core" else (each,)),
            *(
                most_pods("production", name),
                1,
                opened("production", name) * (most_pods("production", name) + 1),
            ),
            *(most_pods("scale", name), 1, opened("scale", name) * (most_pods("scale", name) + 1)),
        ]
        for name, each in CONNECTIONS.items()
    ]
    assert opened("scale", "factory-core") == WITH_A_REPLICA
    to_replicas = POOL * (most_pods("scale", "factory-core") + 1)
    assert re.search(rf"\b{POOL} . {most_pods('scale', 'factory-core') + 1} = {to_replicas}(?!\d)", page)
    assert f"| {most_connections('production')} | | {most_connections('scale')} |" in page


@pytest.mark.parametrize("overlay", ["base", "production", "scale"])
def test_the_clusters_postgresql_takes_all_connections_also_with_all_workers_of_keda(overlay: str) -> None:
    cluster = find(built("scale", "cloudnative-pg"), "Cluster", "postgres")
    more = max(0, most_workers_of_keda() - most_pods(overlay, "incident-event-worker"))

    most = most_connections(overlay) + more * CONNECTIONS["incident-event-worker"]
    assert most < int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])


def most_workers_of_keda() -> int:
    scaled = find(built("scale", "prometheus", "keda"), "ScaledObject", "incident-event-worker")
    return int(scaled["spec"]["maxReplicaCount"])


@pytest.mark.parametrize("page", PAGES, ids=["english", "korean"])
def test_the_knobs_of_the_workers_are_as_written(page: str) -> None:
    scaled = find(built("scale", "prometheus", "keda"), "ScaledObject", "incident-event-worker")
    [row] = [line for line in page.splitlines() if "`maxReplicaCount`" in line]
    assert [
        f"({scaled['spec']['maxReplicaCount']})",
        f"({scaled['spec']['triggers'][0]['metadata']['threshold']})",
    ] == (re.findall(r"\(\d+\)", row))
    [row] = [line for line in page.splitlines() if "`replicas`" in line]
    pods = [most_pods(overlay, "incident-event-worker") for overlay in ("production", "scale")]
    assert [int(number) for number in re.findall(r"\d+", row)] == pods


def test_more_workers_than_partitions_are_never_asked_for() -> None:
    assert most_workers_of_keda() <= PARTITIONS
    assert all(re.search(rf"(?<!\d){PARTITIONS}(?!\d).*(partitions|파티션)", page) for page in PAGES)


def test_what_a_redis_keeps_for_a_factory_is_as_written() -> None:
    assert all(f"{MAX_STREAM_BYTES // 2**20} MiB" in page for page in PAGES)


@pytest.mark.parametrize("page", PAGES, ids=["english", "korean"])
def test_the_arithmetic_adds_up(page: str) -> None:
    rows = re.findall(
        r"^\| ([\d,]+) \| ([\d,]+) \| (\d+)(?: \(`\w+`\))? \| (\d+) \| (\d+) \|$", page, re.MULTILINE
    )
    numbers = [[int(cell.replace(",", "")) for cell in row] for row in rows]

    assert [row[0] for row in numbers] == [1, 100, 1_000, 10_000]
    for factories, readings, cells, of_a_cell, batches in numbers:
        assert readings == factories * 1_000
        assert cells == max(1, readings // 100_000)
        assert of_a_cell * cells == factories
        assert batches * 1_000 * cells == readings


async def test_a_stored_reading_takes_as_many_bytes_as_written(fresh_url: Callable[[str], str]) -> None:
    connection = await asyncpg.connect(fresh_url("factory-core"))
    readings = 100_000
    try:
        await connection.execute(
            """
            INSERT INTO factory_core.readings (factory_id, at, value, series_id, quality)
            SELECT $1::uuid, timestamptz '2026-01-15' + second * interval '1 second', random(), series, 0
            FROM generate_series(1, 2000) second, generate_series(1, 50) series
            """,
            UUID(FACTORY),
        )
        size = await connection.fetchval("SELECT pg_total_relation_size('factory_core.readings')")
    finally:
        await connection.close()

    assert size / readings == pytest.approx(120, rel=0.05)


def test_a_reading_in_an_event_takes_as_many_bytes_as_written() -> None:
    first = datetime(2026, 1, 15, 10, 30, 0, 123456, tzinfo=UTC)
    series = [
        SeriesReadings(
            source=f"press-{number}",
            metric="temperature",
            equipment_id=UUID(FACTORY),
            at=[first + timedelta(microseconds=step) for step in range(100)],
            value=[20 + 7 / (step + 3) for step in range(100)],
        )
        for number in range(10)
    ]
    event = ReadingsAccepted(batch_id="a", accepted_at=first, series=series)

    assert len(msgspec.json.encode(event)) / 1_000 == pytest.approx(50, rel=0.1)
