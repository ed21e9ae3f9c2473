"""Where the traffic goes: the services' addresses and a token for them."""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from utils.principal import Role
from utils.tokens import issue_token
from vfactory.stack import secrets
from vfactory.stack.errors import NotRunningError
from vfactory.stack.home import service_urls

LIFETIME = timedelta(hours=12)


@dataclass(frozen=True)
class Target:
    """Addresses of the three services, without a slash at their end, and a token of an engineer."""

    factory_core: str
    incident_event: str
    asset_management: str
    token: str


def local_target(home: Path) -> Target:
    """The stack that runs in the state directory `home`.

    Raises:
        NotRunningError: none does, or it has no secret yet.
    """
    urls, secret = service_urls(home), secrets.find(home, "auth")
    if secret is None:
        raise NotRunningError(f"There is no secret in {home} yet. Start V-Factory with `vfactory up`.")
    token = issue_token(secret.value, subject="traffic", role=Role.ENGINEER, lifetime=LIFETIME)
    return Target(urls["factory-core"], urls["incident-event"], urls["asset-management"], token)
