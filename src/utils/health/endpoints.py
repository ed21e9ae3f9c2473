"""`/health`, `/health/live` and `/health/ready`, answered without the framework's per-request work."""

import msgspec
from msgspec import UNSET
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from utils.clock import to_rfc3339, utc_now
from utils.health.answers import Liveness, Readiness
from utils.health.monitor import HealthMonitor
from utils.lifecycle import Lifecycle

_HEADERS = ((b"content-type", b"application/json"), (b"cache-control", b"no-store"))
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

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer."""
        report = await self._monitor.report()
        await _answer(send, report.body, healthy=report.healthy)


class LiveEndpoint:
    """Whether this process's loop turns; says nothing about anything else."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer."""
        await _answer(send, msgspec.json.encode(Liveness("alive", _now())), healthy=True)


class ReadyEndpoint:
    """Whether this process should get traffic: not draining, and its database answers.

    Redis does not matter: without it requests are served, and events catch up later.
    """

    def __init__(self, monitor: HealthMonitor, lifecycle: Lifecycle) -> None:
        self._monitor = monitor
        self._lifecycle = lifecycle

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer."""
        report = await self._monitor.report()
        draining = self._lifecycle.draining
        fault = report.faults.get("database")
        ready = not draining and fault is None
        answer = Readiness(
            status="ready" if ready else "draining" if draining else "unready",
            timestamp=report.timestamp,
            database="disconnected" if fault else "connected",
            database_error=fault or UNSET,
        )
        await _answer(send, msgspec.json.encode(answer), healthy=ready)


async def _answer(send: Send, body: bytes, *, healthy: bool) -> None:
    """Send the two messages of an answer; for HEAD the exchange keeps the second back."""
    headers = [*_HEADERS, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200 if healthy else 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _now() -> str:
    return to_rfc3339(utc_now().replace(microsecond=0))
