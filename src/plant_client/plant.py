"""A plant's address and the names of its services."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from urllib.parse import SplitResult, urlsplit

import httpx

from plant_client.errors import UnsendableError

Service: TypeAlias = Literal["factory-core", "incident-event", "asset-management"]
Json: TypeAlias = dict[str, Any]
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_LAST_PORT = 65_535


@dataclass(frozen=True, slots=True)
class Plant:
    """A plant's address.

    Args:
        urls: The URL of each service, without a slash at the end.
        token: Returns a bearer token; called before each request.

    Raises:
        UnsendableError: An address is not valid, or has a user, a password, a query or a fragment.
    """

    urls: Mapping[Service, str]
    token: Callable[[], str]

    def __post_init__(self) -> None:
        for service, url in self.urls.items():
            wrong = _find_fault(url)
            if wrong is not None:
                # Without the address, which may hold a password, and without the error that quotes it.
                raise UnsendableError(f"the address of {service} is not valid: {wrong}")

    @property
    def is_local(self) -> bool:
        """Whether every service is on this machine, so that the environment's proxies are not used."""
        return all(urlsplit(url).hostname in _LOOPBACK for url in self.urls.values())


def _find_fault(url: str) -> str | None:
    """Return what is wrong with a service's address; None if nothing is."""
    if any(c.isspace() or not c.isprintable() for c in url):
        return "it holds a space or a control character"
    try:
        parts = urlsplit(url)
    except ValueError:
        return "its host is not valid"
    if "@" in url:
        return "it must hold no user and no password; the token is what identifies the caller"
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return "it must begin with http:// or https:// and a host"
    if "?" in url or "#" in url:
        return "it must end with its path, without a query or a fragment"
    return _find_fault_of_host(url, parts)


def _find_fault_of_host(url: str, parts: SplitResult) -> str | None:
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port is not None and not 0 < port <= _LAST_PORT:
        return f"its port must be a number from 1 to {_LAST_PORT}"
    try:
        host = httpx.URL(url).raw_host.decode("ascii")
        host.encode("idna")  # as a look-up does: no label may be empty or longer than 63 characters
    except (httpx.InvalidURL, ValueError):
        return "its host is not valid"
    return None if host else "it must begin with http:// or https:// and a host"
