"""`/health`, `/health/live` and `/health/ready`, answered without the framework's per-request work."""

import orjson
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from utils.clock import to_rfc3339, utc_now
from utils.health import HealthMonitor
from utils.lifecycle import Lifecycle

_HEADERS = {"cache-control": "no-store"}
_METHODS = ["GET", "HEAD"]


def health_routes(monitor: HealthMonitor, lifecycle: Lifecycle) -> list[BaseRoute]:
    """Make the three routes; all answer GET and HEAD."""
    return [
        Route("/health", HealthEndpoint(monitor), methods=_METHODS),
        Route("/health/live", LiveEndpoint(), methods=_METHODS),
        Route("/health/ready", ReadyEndpoint(monitor, lifecycle), methods=_METHODS),
    ]


class HealthEndpoint:
    """The guide's `/health`: 200 while every dependency answers, 503 while one does not."""

    def __init__(self, monitor: HealthMonitor) -> None:
        self._monitor = monitor

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        report = await self._monitor.report()
        await _answer(report.body(), healthy=report.healthy)(scope, receive, send)


class LiveEndpoint:
    """Whether this process's loop turns; says nothing about anything else."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        body = orjson.dumps({"status": "alive", "timestamp": _now()})
        await _answer(body, healthy=True)(scope, receive, send)


class ReadyEndpoint:
    """Whether this process should get traffic: not draining, and its database answers.

    Redis does not matter: without it requests are served, and events catch up later.
    """

    def __init__(self, monitor: HealthMonitor, lifecycle: Lifecycle) -> None:
        self._monitor = monitor
        self._lifecycle = lifecycle

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        report = await self._monitor.report()
        draining = self._lifecycle.draining
        fault = report.faults.get("database")
        ready = not draining and fault is None
        document = {
            "status": "ready" if ready else "draining" if draining else "unready",
            "timestamp": report.timestamp,
            "database": "disconnected" if fault else "connected",
        }
        if fault:
            document["database_error"] = fault.value
        await _answer(orjson.dumps(document), healthy=ready)(scope, receive, send)


def _answer(body: bytes, *, healthy: bool) -> Response:
    return Response(body, 200 if healthy else 503, _HEADERS, "application/json")


def _now() -> str:
    return to_rfc3339(utc_now().replace(microsecond=0))
