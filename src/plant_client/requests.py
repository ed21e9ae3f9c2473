"""Builds requests for both clients: parameters, bodies, pages, the token and the timeout."""

from collections.abc import AsyncIterable, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, TypeAlias, TypedDict

import httpx

from plant_client.errors import RefusedError, UnsendableError
from plant_client.plant import Json, Service

Parameters: TypeAlias = Mapping[str, object]
_PAGE_ITEMS = 200
_OK = 200
_CONNECT_SECONDS = 5.0
WRONG_PROXY: Final = "the proxy of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY) cannot be used"
WRONG_REQUEST: Final = (
    "the request cannot be sent: its path or a header holds characters that HTTP cannot carry, or its body "
    "a value that JSON cannot, such as NaN"
)


class RequestOptions(TypedDict, total=False):
    """A request's parts besides its method and path; a header `Authorization` replaces the token."""

    params: Mapping[str, str | int]
    headers: Mapping[str, str]
    json: object
    content: bytes | Iterable[bytes] | AsyncIterable[bytes]


class BearerToken(httpx.Auth):
    """Adds a fresh token to each request."""

    def __init__(self, token: Callable[[], str]) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the header `Authorization` unless the request has its own.

        Raises:
            UnsendableError: The token cannot be sent.
        """
        if "Authorization" not in request.headers:
            request.headers["Authorization"] = f"Bearer {read_token(self._token())}"
        yield request


def read_token(text: str) -> str:
    """Return a token without the white space around it, such as the newline of the file it was read from.

    Raises:
        UnsendableError: It is empty, or holds characters that no header can carry.
    """
    token = text.strip()
    if not token:
        raise UnsendableError("the token is empty")
    if not (token.isascii() and token.isprintable()):
        raise UnsendableError("the token cannot be sent: it must be one line of printable ASCII characters")
    return token


@contextmanager
def building(wrong: str) -> Iterator[None]:
    """Turn a failure to build a request within the block into the sentence `wrong`.

    Raises:
        UnsendableError: The block failed.
    """
    try:
        yield
    except (httpx.InvalidURL, ValueError, TypeError, RecursionError, ImportError):
        # Without the error, which may quote a secret.
        raise UnsendableError(wrong) from None


def wait_at_most(seconds: float) -> httpx.Timeout:
    """Return a timeout of `seconds` for an answer, and of at most 5 s for a connection."""
    return httpx.Timeout(seconds, connect=min(_CONNECT_SECONDS, seconds))


def query(parameters: Parameters) -> RequestOptions:
    """Return the options for parameters of the query; those that are None are omitted."""
    return {"params": {name: str(value) for name, value in parameters.items() if value is not None}}


def json_body(body: Mapping[str, object], headers: Mapping[str, str]) -> RequestOptions:
    """Return the options for a JSON object as the body."""
    return {"json": dict(body), "headers": headers}


def raw_body(content: bytes, content_type: str, parameters: Parameters) -> RequestOptions:
    """Return the options for bytes as the body."""
    return {"content": content, "headers": {"Content-Type": content_type}, **query(parameters)}


class Pages:
    """The state of a list that is read page by page; does no I/O.

    Attributes:
        wanted: The parameters of the next page; None after the last one.
    """

    def __init__(self, service: Service, parameters: Parameters) -> None:
        self.wanted: Parameters | None = {"limit": _PAGE_ITEMS, **parameters}
        self._service = service
        self._cursors: set[str] = set()

    def take(self, page: Json) -> list[Json]:
        """Return a page's items, and go on to the next page.

        Raises:
            RefusedError: It is no page of a list, or leads back to a page that has been read.
        """
        items, cursor = page.get("items"), page.get("next_cursor")
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise self._refuse("a page without a list of objects")
        if cursor is None:
            self.wanted = None
            return items
        if not isinstance(cursor, str) or not cursor:
            raise self._refuse("a cursor that is no text")
        if cursor in self._cursors:
            raise self._refuse("a cursor that leads back to an earlier page")
        self._cursors.add(cursor)
        self.wanted = {**(self.wanted or {}), "cursor": cursor}
        return items

    def _refuse(self, found: str) -> RefusedError:
        return RefusedError(_OK, {"title": f"{self._service} does not answer like a plant: it sent {found}"})
