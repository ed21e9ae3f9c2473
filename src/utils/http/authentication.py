"""Every request under /v1 needs a token, checked first, and a role, checked once its route is known."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from utils.auth import Principal
from utils.auth.authorizer import PROTECTED_PREFIX, Authorizer
from utils.errors import ServiceError
from utils.http import problems


class AuthenticationMiddleware:
    """Answers 401 for every path under /v1, existing or not, before a byte of the body is read.

    FastAPI reads and decodes a body before it asks a dependency: a stranger could make it work for nothing,
    and learn from a 404 or 422 what is there.
    """

    def __init__(self, app: ASGIApp, *, authorizer: Authorizer) -> None:
        self.app = app
        self._authorizer = authorizer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate; roles are checked by `current_principal`, when the route is known."""
        if scope["type"] == "http" and _is_protected(scope["path"]):
            try:
                await self._authorizer.authenticate(scope)
            except ServiceError as error:
                answer = problems.of_service_error(Request(scope), error)
                await answer(scope, receive, send)
                return
        await self.app(scope, receive, send)


def _is_protected(path: str) -> bool:
    return path.startswith(PROTECTED_PREFIX) and path[len(PROTECTED_PREFIX) :][:1] in ("", "/")


async def current_principal(request: Request) -> Principal:
    """Return who sent the request, after checking the token (401) and the role (403) for its route."""
    authorizer: Authorizer = request.app.state.kit.auth
    principal: Principal | None = request.scope.get("state", {}).get("principal")
    if principal is None:
        principal = await authorizer.authenticate(request.scope)
    authorizer.authorize(principal, request.scope)
    return principal


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]
