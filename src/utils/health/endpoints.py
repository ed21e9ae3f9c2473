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
    """Return the three routes; each answers GET and HEAD."""
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
        """Answer with the state of every dependency."""
        report = await self._monitor.report()
        await _answer(send, report.body, healthy=report.healthy)


class LiveEndpoint:
    """`/health/live`: always 200; that it answers shows that the event loop runs, and nothing else."""

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer with 200."""
        await _answer(send, msgspec.json.encode(Liveness("alive", _now())), healthy=True)


class ReadyEndpoint:
    """`/health/ready`: 200 while this process should get traffic: not draining, and its database answers.

    Redis does not count: without it requests are served, and events catch up later.
    """

    def __init__(self, monitor: HealthMonitor, lifecycle: Lifecycle) -> None:
        self._monitor = monitor
        self._lifecycle = lifecycle

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer whether this process is ready, with the state of its database."""
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
    """Send the two ASGI messages of an answer; for HEAD the exchange drops the body."""
    headers = [*_HEADERS, (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200 if healthy else 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _now() -> str:
    return to_rfc3339(utc_now().replace(microsecond=0))
