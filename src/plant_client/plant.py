"""A plant's address, and the names of its services."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

Service: TypeAlias = Literal["factory-core", "incident-event", "asset-management"]
Json: TypeAlias = dict[str, Any]
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


@dataclass(frozen=True, slots=True)
class Plant:
    """A plant's address.

    Args:
        urls: The URL of each service, without a slash at the end.
        token: Returns a bearer token; called before each request.
    """

    urls: Mapping[Service, str]
    token: Callable[[], str]

    @property
    def is_local(self) -> bool:
        """Whether every service is on this machine, so that the environment's proxies are not used."""
        return all(urlsplit(url).hostname in _LOOPBACK for url in self.urls.values())
