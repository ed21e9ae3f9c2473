"""Incident Event's API: the one place that assembles its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

from fastapi import FastAPI

from contracts.access import ACCESS
from incident_event.alertmanager import endpoints as alertmanager
from incident_event.db import REVISION, SCHEMA, SERVICE
from incident_event.events import endpoints as events
from incident_event.incidents import endpoints as incidents
from incident_event.rules import endpoints as rules
from incident_event.set_aside import endpoints as set_aside
from incident_event.settings import IncidentEventSettings
from utils.http import BodyRule, Kit, build_app
from utils.serving import serve
from utils.streams import EventFeed

DESCRIPTION = """Rules for what is dangerous, incidents that happened, and their events, pushed at once."""
TAGS = [
    {"name": "rules", "description": "The conditions that count as dangerous"},
    {"name": "incidents", "description": "What happened, and who works it"},
    {"name": "events", "description": "Events as they happen (server-sent events)"},
    {"name": "set-aside events", "description": "Events of other services that could not be handled"},
    {"name": "webhooks", "description": "Notifications from other programs"},
]


def create_app(settings: IncidentEventSettings) -> FastAPI:
    """Return the application."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        kit: Kit = app.state.kit
        if kit.redis is None:
            raise LookupError("Incident Event needs Redis")  # its settings require the URL
        feed = EventFeed(
            database=kit.database,
            redis=kit.redis,
            publisher=SERVICE,
            sealing_key=settings.sealing_key,
            heartbeat_seconds=settings.heartbeat_seconds,
        )
        app.state.feed = feed
        try:
            yield
        finally:
            await feed.close()

    app = build_app(
        settings,
        title="V-Factory Incident Event",
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_tags=TAGS,
        access=ACCESS[SERVICE],
        bodies={("POST", "/v1/webhooks/alertmanager"): BodyRule(max_values=alertmanager.MAX_VALUES)},
        schema=SCHEMA,
        revision=REVISION,
    )
    for routes in (rules, incidents, events, set_aside, alertmanager):
        app.include_router(routes.router, prefix="/v1")
    return app


def run() -> NoReturn:
    """Serve the API until a signal stops it."""
    settings = IncidentEventSettings()
    serve(create_app(settings), settings)
