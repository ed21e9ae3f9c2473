"""What a request carries, for both clients: parameters, bodies, pages, a token, and how long it may take."""

from collections.abc import AsyncIterable, Callable, Generator, Iterable, Mapping
from typing import TypeAlias, TypedDict

import httpx

from plant_client.plant import Json

Parameters: TypeAlias = Mapping[str, object]
_PAGE_ITEMS = 200
_CONNECT_SECONDS = 5.0


class RequestOptions(TypedDict, total=False):
    """What a request carries besides its method and path; a header `Authorization` replaces the token."""

    params: Mapping[str, str | int]
    headers: Mapping[str, str]
    json: object
    content: bytes | Iterable[bytes] | AsyncIterable[bytes]


class BearerToken(httpx.Auth):
    """Adds a token, asked for anew, to each request."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header, unless the request brings its own."""
        if "Authorization" not in request.headers:
            request.headers["Authorization"] = f"Bearer {self._token()}"
        yield request


def wait_at_most(seconds: float) -> httpx.Timeout:
    """Return how long to wait for an answer, and for a connection at most five seconds of it."""
    return httpx.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))


def query(parameters: Parameters) -> RequestOptions:
    """Return the options for parameters in the address; those that are None are left out."""
    return {"params": {name: str(value) for name, value in parameters.items() if value is not None}}


def json_body(body: Mapping[str, object], headers: Mapping[str, str]) -> RequestOptions:
    """Return the options for one object."""
    return {"json": dict(body), "headers": headers}


def raw_body(content: bytes, content_type: str, parameters: Parameters) -> RequestOptions:
    """Return the options for a body that is sent as it is."""
    return {"content": content, "headers": {"Content-Type": content_type}, **query(parameters)}


def first_page(parameters: Parameters) -> Parameters:
    """Return the parameters of a list's first page."""
    return {"limit": _PAGE_ITEMS, **parameters}


def next_page(parameters: Parameters, page: Json) -> Parameters | None:
    """Return the parameters of the page that follows; None after the last one."""
    cursor = page.get("next_cursor")
    return None if cursor is None else {**parameters, "cursor": cursor}
