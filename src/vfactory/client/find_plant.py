"""Finds a command's plant: its addresses and a token, from options, environment or the local stack."""

import getpass
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import get_args

from embedded import require_own_folder
from plant_client import Plant, Service, UnsendableError, read_token
from utils.auth import Role, issue_token
from vfactory.client.errors import UsageError
from vfactory.stack.state import COMMAND, find_signing_key, service_urls, state_directory

URL_VARIABLES: Mapping[Service, str] = {
    "factory-core": "VFACTORY_FACTORY_CORE_URL",
    "incident-event": "VFACTORY_INCIDENT_EVENT_URL",
}
TOKEN_VARIABLE = "VFACTORY_TOKEN"  # noqa: S105 - the name of a variable


def find_plant(url: str | None) -> Plant:
    """Return the addresses of the services and a source of tokens.

    An address is that of `--url`, else of the service's variable, else of the local stack. The token is that
    of `VFACTORY_TOKEN`, else it is issued with the local stack's key.

    Raises:
        UnsendableError: An address is not valid.
        UsageError: The token cannot be sent, or there is none for a remote plant.
        NotRunningError: An address is missing and no local plant runs.
    """
    given = {service: url or os.environ.get(variable) for service, variable in URL_VARIABLES.items()}
    home = state_directory()
    local = {} if all(given.values()) else local_urls(home)
    urls = {service: (address or local[service]).rstrip("/") for service, address in given.items()}
    return Plant(urls, _given_token(remote=any(given.values())) or local_token(home, _user()))


def local_plant(home: Path, subject: str, role: Role = Role.ENGINEER) -> Plant:
    """Return the plant that runs in the state directory `home`, with tokens for `subject`.

    Raises:
        NotRunningError: No plant runs there.
    """
    return Plant(local_urls(home), local_token(home, subject, role))


def local_urls(home: Path) -> Mapping[Service, str]:
    """Return the addresses of the services of the plant that runs in `home`.

    Raises:
        NotRunningError: No plant runs there.
        AccessError: Another user could have written these addresses, to be sent tokens.
    """
    require_own_folder(home, links=True)
    urls = service_urls(home)
    return {service: urls[service] for service in get_args(Service)}


def local_token(home: Path, subject: str, role: Role = Role.ENGINEER) -> Callable[[], str]:
    """Return a source of tokens signed with the key of the plant in `home`.

    A user who can read the key could issue any role; the role engineer prevents mistakes.

    Raises:
        NotRunningError: When the source is called: that plant has no key yet.
    """

    def token() -> str:
        return issue_token(find_signing_key(home), subject=subject, role=role, issuer=COMMAND)

    return token


def _given_token(*, remote: bool) -> Callable[[], str] | None:
    given = os.environ.get(TOKEN_VARIABLE, "").strip()
    if given:
        try:
            token = read_token(given)
        except UnsendableError as error:
            raise UsageError(f"{TOKEN_VARIABLE}: {error}") from None
        return lambda: token
    if remote:
        raise UsageError(f"a remote plant needs a token in the variable {TOKEN_VARIABLE}")
    return None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid-{os.getuid()}"
