"""Authenticates a request by its bearer token and authorizes it by the service's access table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import Any, Final, TypeAlias

from utils.auth.issuers import create_issuers
from utils.auth.jws import CHALLENGE, invalid_token
from utils.auth.principal import Principal, Role
from utils.auth.tokens import TokenVerifier
from utils.errors import ForbiddenError, UnauthorizedError
from utils.settings import ServiceSettings

Scope: TypeAlias = MutableMapping[str, Any]
"""The ASGI scope of one request."""

Route: TypeAlias = tuple[str, str, Callable[..., Any]]
"""Method, route template, endpoint."""

AccessTable: TypeAlias = Mapping[tuple[str, str], frozenset[Role]]
"""(method, route template) → the roles that may call it; a GET row covers HEAD."""

PROTECTED_PREFIX: Final = "/v1"


class AccessTableError(Exception):
    """The service's routes and its access table differ, so it must not start."""


def create_verifier(settings: ServiceSettings) -> TokenVerifier:
    """Return the verifier of the issuers that the settings name.

    Raises:
        SettingsError: there is none, or one of them is not usable.
    """
    return TokenVerifier(create_issuers(settings))


class Authorizer:
    """Authenticates requests, and authorizes them by the service's access table."""

    def __init__(self, verifier: TokenVerifier, access: AccessTable) -> None:
        self.verifier = verifier
        self._access = access
        self._allowed: dict[tuple[Callable[..., Any], str], frozenset[Role]] = {}

    def bind(self, routes: Iterable[Route]) -> None:
        """Match the routes with the table; called once, at the app's start, when all routes are added.

        Raises:
            AccessTableError: a route under /v1 has no row, a row has no route, or one endpoint serves two
                routes with different roles.
        """
        missing: list[str] = []
        unused = set(self._access)
        for method, template, endpoint in routes:
            if not template.startswith(PROTECTED_PREFIX + "/"):
                continue
            row = ("GET" if method == "HEAD" else method, template)
            if row not in self._access:
                missing.append(f"{method} {template}")
                continue
            unused.discard(row)
            self._allow(endpoint, method, self._access[row])
        if missing or unused:
            raise AccessTableError(
                f"the access table does not match the routes: "
                f"routes without a row: {sorted(missing)}; rows without a route: {sorted(unused)}"
            )

    def _allow(self, endpoint: Callable[..., Any], method: str, roles: frozenset[Role]) -> None:
        """Key the roles by endpoint: at run time a request's template is spread over nested routers."""
        if self._allowed.setdefault((endpoint, method), roles) != roles:
            raise AccessTableError(f"{endpoint.__name__} serves two routes with different roles")

    async def authenticate(self, scope: Scope) -> Principal:
        """Return the principal of a request's bearer token, and store it in the request's state.

        Raises:
            UnauthorizedError: the request carries no token or an invalid one.
            UnavailableError: the provider of the keys does not answer.
        """
        principal = await self.verifier.verify(bearer_token(scope))
        scope.setdefault("state", {})["principal"] = principal  # the access log reads it there
        return principal

    def authorize(self, principal: Principal, scope: Scope) -> None:
        """Check that the principal's role may call the endpoint that the request matched.

        Raises:
            ForbiddenError: it may not.
        """
        roles = self._allowed.get((scope["endpoint"], scope["method"]), frozenset())
        if principal.role not in roles:
            allowed = ", ".join(sorted(roles)) or "nobody"
            raise ForbiddenError(f"The role {principal.role} may not do this; allowed: {allowed}.")

    async def close(self) -> None:
        """Release the verifier's resources."""
        await self.verifier.close()


def bearer_token(scope: Scope) -> str:
    """Return the token of the one `Authorization: Bearer …` header; the scheme's case does not matter.

    Raises:
        UnauthorizedError: there is no such header, more than one, or another scheme.
    """
    values = [value for name, value in scope["headers"] if name == b"authorization"]
    if not values:
        raise UnauthorizedError(
            "A token is required: send the header `Authorization: Bearer <token>`.",
            headers={"WWW-Authenticate": CHALLENGE},
        )
    if len(values) > 1:
        raise invalid_token("More than one Authorization header was sent.")
    scheme, _, token = values[0].partition(b" ")
    if scheme.lower() != b"bearer" or not token.strip():
        raise invalid_token("The Authorization header must be: Bearer <token>")
    return str(token.strip(), "latin-1")
