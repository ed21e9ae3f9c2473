"""Metrics: the instrumentator set up as the guide wants it, and `/metrics`."""

import platform
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI
from prometheus_client import REGISTRY, Gauge, disable_created_metrics, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector
from prometheus_fastapi_instrumentator import Instrumentator
from starlette.requests import Request
from starlette.responses import Response

from utils.limits import expose_limits
from utils.request_metrics import RequestMetrics
from utils.route_lookup import AppShown, RouteShown
from utils.routes import RouteTable

__all__ = ["REQUEST_METRICS", "instrument", "release", "render_metrics"]

# `_created` samples are noise: they double the series and nobody asks for them.
disable_created_metrics()  # type: ignore[no-untyped-call]

BUILD_INFO = Gauge("vfactory_build_info", "1, with what is running here", ["service", "version", "python"])


class _Registered(Collector):
    """Puts the request metrics into the registry, but for the moment in which they write themselves."""

    def __init__(self, metrics: RequestMetrics) -> None:
        self.metrics = metrics
        self.apart = False

    def describe(self) -> Iterator[Metric]:
        return self.metrics.describe()

    def collect(self) -> Iterator[Metric]:
        return iter(()) if self.apart else self.metrics.collect()

    def text(self, encode: Callable[[Collector], bytes], *, openmetrics: bool) -> bytes:
        """Write the whole registry in one of Prometheus' formats; nothing else runs meanwhile."""
        self.apart = True
        try:
            rest = encode(REGISTRY)
        finally:
            self.apart = False
        return self.metrics.text(openmetrics=openmetrics).encode() + rest


REQUEST_METRICS = RequestMetrics()
_registered = _Registered(REQUEST_METRICS)
REGISTRY.register(_registered)


def instrument(app: FastAPI, service_name: str, routes: RouteTable) -> None:
    """Observe every request of the application with the guide's metrics."""
    BUILD_INFO.labels(service_name, release(), platform.python_version()).set(1)
    expose_limits()
    app.add_middleware(AppShown, application=app)
    Instrumentator(should_group_status_codes=False).add(REQUEST_METRICS.observe).instrument(app)
    app.add_middleware(RouteShown, routes=routes)


def release() -> str:
    """Return the version of V-Factory that runs here; `unknown` where it is not installed."""
    try:
        return version("v-factory")
    except PackageNotFoundError:
        return "unknown"


async def render_metrics(request: Request) -> Response:
    """Answer `GET /metrics`, in OpenMetrics for those who ask for it.

    Async on purpose: a saturated thread pool is when the numbers matter most.
    """
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    openmetrics = content_type.startswith("application/openmetrics")
    # Of plain text the oldest version, whatever was asked for: here they do not differ.
    body = _registered.text(encode if openmetrics else generate_latest, openmetrics=openmetrics)
    return Response(body, headers={"content-type": content_type, "cache-control": "no-store"})
