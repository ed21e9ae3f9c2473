"""Incident Event's worker: evaluates Factory Core's readings, and publishes its own events."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final, NoReturn

from fastapi import FastAPI

from incident_event.alertmanager.client import AlertmanagerClient
from incident_event.alertmanager.reconciler import SETTLED_AFTER_INTERVALS, Reconciler
from incident_event.db import REVISION, SCHEMA, SERVICE
from incident_event.incidents.metrics import INCIDENTS_OPEN, SEVERITIES
from incident_event.incidents.service import IncidentService
from incident_event.publisher import FactoryCoreClient
from incident_event.rules.consumers import ReadingsConsumer
from incident_event.settings import IncidentEventSettings
from utils.clock import utc_now
from utils.database import Database, is_connection_fault
from utils.http import Kit, build_app
from utils.lifecycle import supervise
from utils.relay import Relay
from utils.serving import serve
from utils.streams import StreamConsumer

PUBLISHER: Final = "factory-core"
CONSUMER: Final = "incident-event"
COUNT_SECONDS: Final = 5.0
PARTITIONS: Final = 64
"""How many workers can share the factories; changing it moves every factory to another worker once."""


def create_worker(settings: IncidentEventSettings) -> FastAPI:
    """Return the worker's application: consumer and relay, with /health and /metrics."""
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it logs every request; the kit logs failures
    client = FactoryCoreClient(settings, utc_now)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        kit: Kit = app.state.kit
        if kit.redis is None:
            raise LookupError("Incident Event needs Redis")  # its settings require the URL
        readings = ReadingsConsumer(kit.database, utc_now)
        consumer = StreamConsumer(
            database=kit.database,
            redis=kit.redis,
            publisher=PUBLISHER,
            sealing_key=settings.sealing_key,
            consumer=CONSUMER,
            handler=readings,
            partitions=PARTITIONS,
            fetch_gap=client.fetch_gap,
            fetch_heads=client.fetch_heads,
        )
        relay = Relay(
            kit.database,
            kit.redis,
            SERVICE,
            sealing_key=settings.sealing_key,
            streams_bytes=settings.max_streams_bytes,
        )
        tasks = [
            asyncio.create_task(supervise("consumer", consumer.run), name="consumer"),
            asyncio.create_task(supervise("relay", relay.run), name="relay"),
            asyncio.create_task(
                supervise("count", lambda: count_open(kit.database), is_outage=is_connection_fault),
                name="count",
            ),
        ]
        alertmanager = _alertmanager(settings)
        if alertmanager is not None:
            interval = timedelta(seconds=settings.alertmanager_reconcile_seconds)
            reconciler = Reconciler(kit.database, alertmanager, interval=interval, now=utc_now)
            tasks.append(asyncio.create_task(supervise("reconciler", reconciler.run), name="reconciler"))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await client.close()
            if alertmanager is not None:
                await alertmanager.close()

    return build_app(
        settings,
        title="V-Factory Incident Event worker",
        description="Evaluates readings and publishes Incident Event's events",
        lifespan=lifespan,
        schema=SCHEMA,
        revision=REVISION,
    )


def _alertmanager(settings: IncidentEventSettings) -> AlertmanagerClient | None:
    urls = settings.alertmanagers()
    if not urls:
        return None
    interval = timedelta(seconds=settings.alertmanager_reconcile_seconds)
    return AlertmanagerClient(
        urls,
        receiver=settings.alertmanager_receiver,
        token_file=settings.alertmanager_token_file,
        settled_after=SETTLED_AFTER_INTERVALS * interval,
        now=utc_now,
    )


async def count_open(database: Database) -> None:
    """Update the metric of open incidents every 5 s until cancelled."""
    while True:
        async with database.transaction() as transaction:
            counts = await IncidentService.within(transaction, utc_now()).count_open()
        for severity in SEVERITIES:
            INCIDENTS_OPEN.labels(severity).set(counts.get(int(severity), 0))
        await asyncio.sleep(COUNT_SECONDS)


def run() -> NoReturn:
    """Run the worker until a signal stops it."""
    settings = IncidentEventSettings()
    serve(create_worker(settings), settings)
