"""Where a plant is, and what its parts are called."""

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
        urls: Where each service is, without a slash at the end.
        token: Returns a bearer token; it is called before each request.
    """

    urls: Mapping[Service, str]
    token: Callable[[], str]

    @property
    def is_local(self) -> bool:
        """Whether every service is on this machine, so that no proxy of the environment is asked."""
        return all(urlsplit(url).hostname in _LOOPBACK for url in self.urls.values())
