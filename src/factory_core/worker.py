"""Factory Core's worker: publishes its events, deletes old batch records, and counts its sources."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import NoReturn

from fastapi import FastAPI

from factory_core.db import REVISION, SCHEMA, SERVICE
from factory_core.readings.retention import BatchRetention
from factory_core.readings.source_activity import SourceCount
from factory_core.settings import FactoryCoreSettings
from utils.clock import utc_now
from utils.database import is_connection_fault
from utils.http import Kit, build_app
from utils.lifecycle import supervise
from utils.relay import Relay
from utils.serving import serve


def create_worker(settings: FactoryCoreSettings) -> FastAPI:
    """Return the worker's application: relay, retention and count, with /health and /metrics."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        kit: Kit = app.state.kit
        if kit.redis is None:
            raise LookupError("Factory Core needs Redis")  # its settings require the URL
        relay = Relay(
            kit.database,
            kit.redis,
            SERVICE,
            sealing_key=settings.sealing_key,
            streams_bytes=settings.max_streams_bytes,
        )
        kept_for = timedelta(days=settings.batch_retention_days)
        retention = BatchRetention(kit.database, utc_now, kept_for=kept_for)
        stale_after = timedelta(seconds=settings.stale_after_seconds)
        sources = SourceCount(kit.database, utc_now, stale_after=stale_after)
        tasks = [
            asyncio.create_task(supervise("relay", relay.run), name="relay"),
            *(
                asyncio.create_task(supervise(name, run, is_outage=is_connection_fault), name=name)
                for name, run in (("retention", retention.run), ("sources", sources.run))
            ),
        ]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    return build_app(
        settings,
        title="V-Factory Factory Core worker",
        description="Publishes Factory Core's events",
        lifespan=lifespan,
        schema=SCHEMA,
        revision=REVISION,
    )


def run() -> NoReturn:
    """Run the worker until a signal stops it."""
    settings = FactoryCoreSettings()
    serve(create_worker(settings), settings)
