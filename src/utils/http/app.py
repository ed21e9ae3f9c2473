"""Builds a service's HTTP application with the whole kit, in one call."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.telemetry import TelemetryConfig
from redis.asyncio import Redis
from starlette.routing import Route

from utils.auth.authorizer import AccessTable, Authorizer, create_verifier
from utils.database import Database
from utils.health import (
    DatabaseProbe,
    DatabaseWriteProbe,
    HealthMonitor,
    Probe,
    RedisProbe,
    RedisWriteProbe,
    WriteMonitor,
    WriteProbe,
    health_routes,
)
from utils.http.authentication import AuthenticationMiddleware, current_principal
from utils.http.cross_origin import allow_origins
from utils.http.documentation import documentation_routes
from utils.http.instrumentation import EXPOSITION, instrument
from utils.http.middleware import KitMiddleware
from utils.http.openapi import complete_openapi, operation_id
from utils.http.parameters import refuse_unknown_parameters
from utils.http.problems import install_error_handlers
from utils.http.responses import PROBLEM_RESPONSES
from utils.http.routes import BodyRule, RouteTable
from utils.lifecycle import Lifecycle, expose_limits
from utils.metrics import expose_build, release
from utils.outbox import Doorbell
from utils.settings import ServiceSettings
from utils.streams import create_redis

Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

_EVERY_ROUTE: dict[int | str, dict[str, Any]] = {
    status: PROBLEM_RESPONSES[status] for status in (401, 403, 404, 413, 422, 503)
}


# With telemetry on, FastAPI would look for its providers at every request; the kit observes requests itself.
_NO_TELEMETRY: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}


@dataclass(frozen=True)
class Kit:
    """The kit's parts of one application, in `app.state.kit`."""

    settings: ServiceSettings
    lifecycle: Lifecycle
    database: Database
    redis: Redis | None
    bell: Doorbell | None
    health: HealthMonitor
    writes: WriteMonitor
    auth: Authorizer | None


def build_app(
    settings: ServiceSettings,
    *,
    title: str,
    description: str,
    lifespan: Lifespan | None = None,
    openapi_tags: Sequence[dict[str, Any]] | None = None,
    access: AccessTable | None = None,
    bodies: Mapping[tuple[str, str], BodyRule] | None = None,
    schema: str | None = None,
    revision: str | None = None,
    uses_redis: bool = True,
    writes: Sequence[WriteProbe] = (),
) -> FastAPI:
    """Return the application of a service or worker.

    Args:
        settings: of the service.
        title: of the API.
        description: of the API, in Markdown.
        lifespan: the service's own start and end, within the kit's: database and Redis are usable in it.
        openapi_tags: of the API's document.
        access: the roles that may call each endpoint; None for a process that serves no API (a worker).
        bodies: the rules of bodies by method and route template, for routes whose body may be longer than
            `MAX_BODY_BYTES` or which decode JSON themselves.
        schema: of the database; by default the service's name with underscores.
        revision: the schema's revision that this release needs; an older one stops the start. None: no
            schema is needed.
        uses_redis: False for a service without Redis, even if `REDIS_URL` is set.
        writes: of what else the service writes to, beside its database and Redis.
    """
    kit = _assemble(
        settings, access, schema or settings.service_name.replace("-", "_"), writes, uses_redis=uses_redis
    )
    app = FastAPI(
        title=title,
        description=description,
        version=release(),
        openapi_tags=list(openapi_tags or ()),
        lifespan=_kit_lifespan(kit, revision, lifespan),
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        telemetry=_NO_TELEMETRY,
        responses=_EVERY_ROUTE,
        generate_unique_id_function=operation_id,
        dependencies=[
            *([Depends(current_principal)] if access is not None else []),
            Depends(refuse_unknown_parameters),
        ],
    )
    app.state.kit = kit
    app.state.lifecycle = kit.lifecycle
    app.state.routes = routes = RouteTable(app, bodies)
    app.router.routes[:0] = [
        *health_routes(kit.health, kit.lifecycle),
        Route("/metrics", EXPOSITION.render, methods=["GET", "HEAD"]),
        *documentation_routes(title),
    ]
    install_error_handlers(app)
    complete_openapi(app)
    if kit.auth is not None:
        app.add_middleware(AuthenticationMiddleware, authorizer=kit.auth)
    allow_origins(app, settings)
    app.add_middleware(KitMiddleware, routes=routes)
    instrument(app, routes)
    expose_build(settings.service_name)
    expose_limits()
    return app


def _assemble(
    settings: ServiceSettings,
    access: AccessTable | None,
    schema: str,
    writes: Sequence[WriteProbe],
    *,
    uses_redis: bool,
) -> Kit:
    database_url = settings.database_url.get_secret_value()
    probes: list[Probe] = [DatabaseProbe(database_url)]
    writing: list[WriteProbe] = [DatabaseWriteProbe(database_url), *writes]
    redis = None
    if uses_redis and settings.redis_url is not None:
        probes.append(RedisProbe(settings.redis_url.get_secret_value()))
        writing.append(RedisWriteProbe(settings.redis_url.get_secret_value()))
        redis = create_redis(settings.redis_url.get_secret_value())
    database = Database(settings, schema=schema)
    bell = None if redis is None else Doorbell(redis, settings.service_name)
    database.bell = bell
    return Kit(
        settings=settings,
        lifecycle=Lifecycle(),
        database=database,
        redis=redis,
        bell=bell,
        health=HealthMonitor(settings.service_name, probes),
        writes=WriteMonitor(writing),
        auth=None if access is None else Authorizer(create_verifier(settings), access),
    )


def _kit_lifespan(kit: Kit, revision: str | None, inner: Lifespan | None) -> Lifespan:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            if kit.auth is not None:
                kit.auth.bind(app.state.routes.endpoints())
                stack.push_async_callback(kit.auth.close)
            if kit.redis is not None:
                stack.push_async_callback(kit.redis.aclose)
            if kit.bell is not None:
                stack.push_async_callback(kit.bell.close)
            stack.push_async_callback(kit.database.close)
            if revision is not None:
                await kit.database.require_current_schema(revision)
            stack.push_async_callback(kit.health.stop)
            kit.health.start()
            stack.push_async_callback(kit.writes.stop)
            kit.writes.start()
            if inner is not None:
                await stack.enter_async_context(inner(app))
            yield

    return lifespan
