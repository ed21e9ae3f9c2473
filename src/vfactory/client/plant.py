"""Finds the plant a command talks to: addresses and a token, from options, environment or the local stack."""

import getpass
import os
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from utils.principal import Role
from utils.tokens import issue_token
from vfactory.client.api import Plant, Service
from vfactory.client.errors import UnreachableError, UsageError
from vfactory.stack import secrets
from vfactory.stack.errors import NotRunningError
from vfactory.stack.home import service_urls, state_directory

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
        UnreachableError: No local plant runs here.
    """
    given = {service: url or os.environ.get(variable) for service, variable in URL_VARIABLES.items()}
    local = {} if all(given.values()) else local_urls()
    urls = {service: _checked(address or local[service]) for service, address in given.items()}
    return Plant(urls, _token(remote=any(given.values())))


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


def local_urls() -> Mapping[str, str]:
    """Return the addresses of the plant that runs on this machine.

    Raises:
        UnreachableError: None does.
    """
    try:
        return service_urls(state_directory())
    except NotRunningError as error:
        raise UnreachableError(str(error)) from error


def local_token() -> str:
    """Return a token signed with the local plant's secret, good for the next request.

    Raises:
        UnreachableError: The local plant has no secret yet.
    """
    secret = secrets.find(state_directory(), "auth")
    if secret is None:
        raise UnreachableError("The local plant has no secret yet. Start it with `vfactory up`.")
    # The one who may read the secret may do everything; as engineer he does not do it by mistake.
    return issue_token(secret.value, subject=_user(), role=Role.ENGINEER)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
