"""The table of routes answers what the routes themselves would."""

import pytest
from fastapi import APIRouter, FastAPI
from httpx import ASGITransport, AsyncClient
from prometheus_fastapi_instrumentator.routing import get_route_name
from starlette.requests import Request
from starlette.routing import Route

from utils.http import RouteTable
from utils.http.route_lookup import AppShown, RouteShown

PATHS = [
    "/health",
    "/v1/things",
    "/v1/things/",
    "/v1/things/new",
    "/v1/things/7",
    "/v1/things/7/parts",
    "/v1/things/7/parts/a/b",
    "/v1/things/a%20b",
    "/v1/\n",
    "/v1/things/7\n",
    "/v2/things",
    "/",
    "",
]
METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "get", "BREW"]


async def _answer(_request: Request) -> None:
    """Stand in for an endpoint."""


def _application() -> FastAPI:
    app = FastAPI(openapi_url=None, redirect_slashes=False)
    app.router.routes.append(Route("/health", _answer, methods=["GET", "HEAD"]))
    things, parts = APIRouter(prefix="/things"), APIRouter(prefix="/{key}/parts")
    for path, method in (("", "GET"), ("", "POST"), ("/new", "GET"), ("/{key}", "PUT"), ("/{key}", "GET")):
        things.add_api_route(path, _answer, methods=[method])
    parts.add_api_route("", _answer, methods=["GET"])
    parts.add_api_route("/{place:path}", _answer, methods=["GET", "DELETE"])
    things.include_router(parts)
    app.include_router(things, prefix="/v1")
    return app


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", PATHS)
def test_the_table_finds_the_route_the_instrumentator_would_walk_to(path: str, method: str) -> None:
    app = _application()
    scope = {"type": "http", "method": method, "path": path, "headers": [], "root_path": "", "app": app}

    walked = get_route_name(Request(scope), should_include_root_path=False)

    assert RouteTable(app).find(method, path) == walked


def test_an_application_without_routes_has_none_to_find() -> None:
    app = FastAPI(openapi_url=None)

    assert RouteTable(app).find("GET", "/") is None


async def test_the_application_itself_is_back_where_the_request_is_served() -> None:
    app = _application()
    seen: list[object] = []

    async def look(request: Request) -> dict[str, str]:
        seen.append(request.app)
        return {}

    app.add_api_route("/look", look, methods=["GET"])
    app.add_middleware(AppShown, application=app)
    app.add_middleware(RouteShown, routes=RouteTable(app))

    async with AsyncClient(transport=ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/look")

    assert answer.status_code == 200
    assert seen == [app]
