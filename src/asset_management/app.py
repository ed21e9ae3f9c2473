"""Asset Management's API: the one place that assembles its parts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NoReturn

from fastapi import FastAPI

from asset_management.assets import endpoints
from asset_management.content.decoders import Decoders
from asset_management.content.store import ContentStore
from asset_management.db import REVISION, SCHEMA, SERVICE
from asset_management.settings import AssetManagementSettings
from contracts.access import ACCESS
from utils.http import BodyRule, build_app
from utils.logging import logger
from utils.serving import serve
from utils.settings import SettingsError

DESCRIPTION = """Keeps the files of a factory: 3D models (GLB) and images, each content once."""


def create_app(settings: AssetManagementSettings) -> FastAPI:
    """Return the application.

    Raises:
        SettingsError: the store's directory cannot be used.
    """
    store = _open_store(settings)
    decoders = Decoders(
        processes=settings.decoders,
        memory_bytes=settings.decoder_memory_bytes,
        seconds=settings.decoder_seconds,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            decoders.close()
            store.close()

    app = build_app(
        settings,
        title="V-Factory Asset Management",
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_tags=[{"name": "assets", "description": "Files and their metadata"}],
        access=ACCESS[SERVICE],
        bodies={("POST", "/v1/assets"): BodyRule(max_bytes=settings.max_upload_bytes)},
        schema=SCHEMA,
        revision=REVISION,
        uses_redis=False,
        writes=[store],
    )
    app.state.store = store
    app.state.decoders = decoders
    app.include_router(endpoints.router, prefix="/v1")
    return app


def _open_store(settings: AssetManagementSettings) -> ContentStore:
    store = ContentStore(settings.store_dir, threads=settings.file_threads)
    try:
        orphans = store.prepare()
    except OSError as error:
        problem = f"the directory {settings.store_dir} cannot be used: {error.strerror}"
        raise SettingsError([("ASSET_MANAGEMENT_STORE_DIR", problem)]) from error
    if orphans:
        logger.warning("Removed half-received files of an earlier run", extra={"files": orphans})
    return store


def run() -> NoReturn:
    """Serve the API until a signal stops it."""
    settings = AssetManagementSettings()
    serve(create_app(settings), settings)
