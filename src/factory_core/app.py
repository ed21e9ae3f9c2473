"""Factory Core's API: the one place that assembles its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

from fastapi import FastAPI

from contracts.access import ACCESS
from factory_core.db import REVISION, SCHEMA, SERVICE
from factory_core.equipment import endpoints as equipment
from factory_core.event_log import endpoints as event_log
from factory_core.factories import endpoints as factories
from factory_core.readings import endpoints as readings
from factory_core.readings.corrections import endpoints as corrections
from factory_core.readings.directory import SeriesDirectory
from factory_core.readings.intake import Intake
from factory_core.readings.large_batches import BatchDecoder
from factory_core.readings.recorder import BatchRecorder
from factory_core.readings.service import ReadingService
from factory_core.settings import FactoryCoreSettings
from utils.clock import utc_now
from utils.database import Database
from utils.database.replica import ReplicaReader
from utils.http import BodyRule, build_app
from utils.serving import serve

DESCRIPTION = """The plant: its factories, their equipment, and the readings the equipment sends."""
INGEST = "/v1/factories/{factory_id}/readings"
TAGS = [
    {"name": "factories", "description": "Factories"},
    {"name": "equipment", "description": "The machines of a factory, each with a tag"},
    {"name": "readings", "description": "The values that the equipment measures"},
    {"name": "event log", "description": "The gap API: published events, for services that lost some"},
]


def create_app(settings: FactoryCoreSettings) -> FastAPI:
    """Return the application."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await reader.start()
        try:
            yield
        finally:
            await reader.close()
            await intake.close()
            recorder.close()

    app = build_app(
        settings,
        title="V-Factory Factory Core",
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_tags=TAGS,
        access=ACCESS[SERVICE],
        bodies={("POST", INGEST): BodyRule(readings.MAX_BATCH_BYTES, is_json=True, max_values=None)},
        schema=SCHEMA,
        revision=REVISION,
    )
    database: Database = app.state.kit.database
    recorder = BatchRecorder(database)
    intake = Intake(recorder.record, most_readings=settings.max_queued_readings)
    directory = SeriesDirectory(database, utc_now, max_metrics=settings.max_metrics_per_equipment)
    reader = ReplicaReader(database, settings)
    app.state.decoder = BatchDecoder()
    app.state.readings = ReadingService(reader, directory, intake, utc_now)
    for routes in (factories, equipment, readings, corrections, event_log):
        app.include_router(routes.router, prefix="/v1")
    readings.add_ingest_route(app, INGEST)
    return app


def run() -> NoReturn:
    """Serve the API until a signal stops it."""
    settings = FactoryCoreSettings()
    serve(create_app(settings), settings)
