"""Finds the plant a command talks to: addresses and a token, from options, environment or the local stack."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from vfactory.client.api import Plant, Service
from vfactory.client.errors import CommandError, UsageError

URL_VARIABLES: Mapping[Service, str] = {
    "factory-core": "VFACTORY_FACTORY_CORE_URL",
    "incident-event": "VFACTORY_INCIDENT_EVENT_URL",
}
TOKEN_VARIABLE = "VFACTORY_TOKEN"  # noqa: S105 - the name of a variable


def find_plant(url: str | None) -> Plant:
    """Return where the services are and how to get a token.

    An address comes from `--url`, else from the service's own variable, else from the local stack; the token
    from `VFACTORY_TOKEN`, else it is issued with the local stack's secret.

    Raises:
        UsageError: An address is no http(s) address, or a remote plant has no token to go with it.
        CommandError: There is no local plant.
    """
    urls = {service: url or os.environ.get(variable) for service, variable in URL_VARIABLES.items()}
    remote = any(urls.values())
    local = {} if all(urls.values()) else local_urls()
    found = {service: _checked(address or local[service]) for service, address in urls.items()}
    return Plant(found, _token(remote=remote))


def _checked(address: str) -> str:
    parts = urlsplit(address)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise UsageError(f"{address!r} is no address of a service: it must begin with http:// or https://")
    return address.rstrip("/")


def _token(*, remote: bool) -> Callable[[], str]:
    given = os.environ.get(TOKEN_VARIABLE)
    if given:
        return lambda: given
    if remote:
        raise UsageError(f"a remote plant needs a token in the variable {TOKEN_VARIABLE}")
    return local_token


def state_directory() -> Path:
    """Return the folder that holds the local plant's state and what commands remember between runs."""
    return Path(os.environ.get("VFACTORY_HOME") or ".vfactory")


def local_urls() -> Mapping[Service, str]:
    """Return the local plant's addresses."""
    return {"factory-core": "http://127.0.0.1:8001", "incident-event": "http://127.0.0.1:8002"}


def local_token() -> str:
    """Return a fresh token signed with the local plant's secret."""
    raise CommandError("there is no local plant")
