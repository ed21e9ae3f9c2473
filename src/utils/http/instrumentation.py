"""Sets up the instrumentator, which records the guide's metrics of every request."""

from typing import Final

from fastapi import FastAPI
from prometheus_fastapi_instrumentator import Instrumentator

from utils.http.request_metrics import RequestMetrics
from utils.http.route_lookup import AppShown, RouteShown
from utils.http.routes import RouteTable
from utils.metrics import Exposition

REQUEST_METRICS: Final = RequestMetrics()
EXPOSITION: Final = Exposition(REQUEST_METRICS)


def instrument(app: FastAPI, routes: RouteTable) -> None:
    """Record the metrics of every request of the application."""
    app.add_middleware(AppShown, application=app)
    Instrumentator(should_group_status_codes=False).add(REQUEST_METRICS.observe).instrument(app)
    app.add_middleware(RouteShown, routes=routes)
