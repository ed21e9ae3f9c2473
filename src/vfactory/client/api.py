"""Speaks the plant's public API over HTTP: one client, every error as a sentence."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias
from urllib.parse import urlsplit

import httpx

from vfactory.client.errors import RefusedError, UnreachableError

Service: TypeAlias = Literal["factory-core", "incident-event"]
Json: TypeAlias = dict[str, Any]
_TIMEOUT = httpx.Timeout(30, connect=5)
_UNABLE_NOW = frozenset({429, 502, 503, 504})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Plant:
    """Where a plant's services are, and how to get a token for them (asked for anew before each request)."""

    urls: Mapping[Service, str]
    token: Callable[[], str]


class PlantClient:
    """A connection to one plant; use it as a context manager.

    Every method raises `RefusedError` when the plant says no, and `UnreachableError` when it cannot be asked.
    """

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        local = all(urlsplit(url).hostname in _LOOPBACK for url in plant.urls.values())
        # A proxy from the environment is for the world outside, never for this machine.
        self._http = httpx.Client(timeout=_TIMEOUT, trust_env=not local)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def get(self, service: Service, path: str, **parameters: object) -> Json:
        """Return one resource; parameters that are None are left out."""
        query = {name: str(value) for name, value in parameters.items() if value is not None}
        return self._ask(service, "GET", path, params=query)

    def items(self, service: Service, path: str, **parameters: object) -> Iterator[Json]:
        """Yield every item of a list, page by page."""
        cursor: object = None
        while True:
            page = self.get(service, path, **{"limit": 200, **parameters, "cursor": cursor})
            yield from page["items"]
            cursor = page.get("next_cursor")
            if cursor is None:
                return

    def post(self, service: Service, path: str, body: Mapping[str, object], **headers: str) -> Json:
        """Send one object and return the answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._ask(service, "POST", path, json=dict(body), headers=named)

    def post_bytes(self, service: Service, path: str, body: bytes) -> Json:
        """Send a body that is JSON already and return the answer."""
        return self._ask(service, "POST", path, content=body, headers={"Content-Type": "application/json"})

    def open_stream(self, service: Service, path: str, parameters: Mapping[str, str], **headers: str) -> Any:
        """Return httpx's context manager for an answer that goes on; a silent minute ends it."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self._http.stream(
            "GET",
            self.plant.urls[service] + path,
            params=dict(parameters),
            headers={**named, **self._authorization(), "Accept": "text/event-stream"},
            timeout=httpx.Timeout(60, connect=5),
        )

    def _ask(self, service: Service, method: str, path: str, **request: Any) -> Json:
        headers = {**request.pop("headers", {}), **self._authorization()}
        try:
            answer = self._http.request(method, self.plant.urls[service] + path, headers=headers, **request)
        except httpx.TransportError as error:
            raise unreachable(service, self.plant.urls[service], error) from error
        return check_answer(service, answer)

    def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.plant.token()}"}


def unreachable(service: Service, url: str, error: Exception) -> UnreachableError:
    """Return the error that says which service could not be reached, where, and why."""
    why = str(error).rpartition("] ")[2] or type(error).__name__
    return UnreachableError(f"cannot reach {service} at {url} ({why})")


def check_answer(service: Service, answer: httpx.Response) -> Json:
    """Return the answer's object.

    Raises:
        UnreachableError: The service is there but cannot answer now.
        RefusedError: The service said no, or the answer is not the plant's.
    """
    try:
        body = answer.json()
    except ValueError:
        body = None
    known = body if isinstance(body, dict) else {}
    if answer.is_success and known:
        return known
    if answer.is_success or answer.is_redirect:
        title = f"{answer.request.url} does not answer like {service}; is the address right?"
        raise RefusedError(answer.status_code, {"title": title})
    refused = RefusedError(answer.status_code, known)
    if answer.status_code in _UNABLE_NOW:
        raise UnreachableError(f"{service} cannot answer now: {refused}")
    raise refused
