"""`/docs` and `/redoc`: the API's documentation for browsers, without anything from another host."""

from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from utils.errors import NotFoundError

_FILES: Final = Path(str(distribution("fastapi-offline").locate_file("fastapi_offline/static")))
_CACHED: Final = {"Cache-Control": "public, max-age=3600"}
_TYPES: Final[Mapping[str, str]] = {
    "swagger-ui-bundle.js": "text/javascript",
    "swagger-ui.css": "text/css",
    "redoc.standalone.js": "text/javascript",
    "favicon.png": "image/png",
}
_START: Final = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#documentation",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""
"""Starts Swagger UI: a file of its own, since the policy allows no script within the page."""

_POLICY: Final = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
)
_SWAGGER_POLICY: Final = _POLICY + "style-src 'self'"
# ReDoc writes its styles into the page, and searches in a worker that it makes from a text.
_REDOC_POLICY: Final = _POLICY + "style-src 'self' 'unsafe-inline'; worker-src blob:"

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" type="image/png" href="docs/favicon.png">
{head}
</head>
<body>
{body}
</body>
</html>
"""
_SWAGGER: Final = {
    "head": '<link rel="stylesheet" href="docs/swagger-ui.css">',
    "body": '<div id="documentation"></div>\n<script src="docs/swagger-ui-bundle.js"></script>\n'
    '<script src="docs/start.js"></script>',
}
_REDOC: Final = {
    "head": "",
    "body": '<redoc spec-url="openapi.json"></redoc>\n<script src="docs/redoc.standalone.js"></script>',
}


def documentation_routes(title: str) -> list[BaseRoute]:
    """Return the routes of both pages and of their files; `title` has no character of HTML."""
    return [
        Route("/docs", _page(_PAGE.format(title=title, **_SWAGGER), _SWAGGER_POLICY), methods=["GET"]),
        Route("/redoc", _page(_PAGE.format(title=title, **_REDOC), _REDOC_POLICY), methods=["GET"]),
        Route("/docs/start.js", _start, methods=["GET"]),
        Route("/docs/{file}", _file, methods=["GET"]),
    ]


def _page(html: str, policy: str) -> ASGIApp:
    headers = {"Content-Security-Policy": policy, "Referrer-Policy": "no-referrer"}
    return _Page(HTMLResponse(html, headers=headers))


class _Page:
    """An endpoint that always gives the same answer."""

    def __init__(self, answer: Response) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self._answer(scope, receive, send)


async def _start(_: Request) -> Response:
    return Response(_START, media_type="text/javascript", headers=_CACHED)


async def _file(request: Request) -> Response:
    name = request.path_params["file"]
    if name not in _TYPES:
        raise NotFoundError("There is nothing at this path.")
    return FileResponse(_FILES / name, media_type=_TYPES[name], headers=_CACHED)
