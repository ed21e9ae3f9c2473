"""Spares the instrumentator its walk over all routes: it sees an application with only the request's route.

The instrumentator tries each of `scope["app"].routes` to find a request's route, before the router does the
same. `RouteTable` finds the route without trying each.
"""

from __future__ import annotations

from functools import cache
from types import SimpleNamespace

from fastapi import FastAPI
from starlette.routing import BaseRoute, Match
from starlette.types import ASGIApp, Receive, Scope, Send

from utils.http.routes import RouteTable


class _Found(BaseRoute):
    """The route of a request, reduced to what the instrumentator reads."""

    def __init__(self, template: str) -> None:
        self.path = template

    def matches(self, _scope: Scope) -> tuple[Match, Scope]:
        return Match.FULL, {}


@cache
def _only(template: str | None) -> SimpleNamespace:
    """Return an application as the instrumentator reads it, with the route of this template or with none."""
    return SimpleNamespace(routes=[] if template is None else [_Found(template)])


class RouteShown:
    """The layer around the instrumentator: shows it only the request's route."""

    def __init__(self, app: ASGIApp, routes: RouteTable) -> None:
        self.app = app
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put an application with only the request's route into the scope."""
        if scope["type"] == "http":
            scope["app"] = _only(self._routes.find(scope["method"], scope["path"]))
        await self.app(scope, receive, send)


class AppShown:
    """The layer within the instrumentator: puts the real application back."""

    def __init__(self, app: ASGIApp, application: FastAPI) -> None:
        self.app = app
        self._application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Put the real application into the scope."""
        scope["app"] = self._application
        await self.app(scope, receive, send)
