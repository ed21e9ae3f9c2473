"""Factory Core's worker: moves its committed events to the stream."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

from fastapi import FastAPI

from factory_core.db import REVISION, SCHEMA, SERVICE
from factory_core.settings import FactoryCoreSettings
from utils.http import Kit, build_app
from utils.lifecycle import serve, supervise
from utils.relay import Relay


def create_worker(settings: FactoryCoreSettings) -> FastAPI:
    """Put the worker together: the relay, beside /health and /metrics."""
    return build_app(
        settings,
        title="V-Factory Factory Core worker",
        description="Publishes Factory Core's events",
        version="1",
        lifespan=_relaying,
        schema=SCHEMA,
        revision=REVISION,
    )


@asynccontextmanager
async def _relaying(app: FastAPI) -> AsyncIterator[None]:
    kit: Kit = app.state.kit
    if kit.redis is None:
        raise LookupError("Factory Core needs Redis")  # its settings require the URL
    relay = Relay(kit.database, kit.redis, SERVICE)
    task = asyncio.create_task(supervise("relay", relay.run), name="relay")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def run() -> NoReturn:
    """Run until told to stop."""
    settings = FactoryCoreSettings()
    serve(create_worker(settings), settings)
