"""Checks every request under /v1: its token first, and its role once its route is known."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from utils.auth import Principal
from utils.auth.authorizer import PROTECTED_PREFIX, Authorizer
from utils.errors import ServiceError
from utils.http import problems


class AuthenticationMiddleware:
    """Answers 401 to requests without a valid token, for every path under /v1, before the body is read.

    FastAPI reads and decodes a body before it calls a dependency: without this layer a stranger could load
    the service, and learn from a 404 or 422 which routes exist.
    """

    def __init__(self, app: ASGIApp, *, authorizer: Authorizer) -> None:
        self.app = app
        self._authorizer = authorizer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Authenticate the request; `current_principal` checks its role once the route is known."""
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
    """Return the principal of the request, after checking its role for the route.

    Raises:
        UnauthorizedError: the request carries no token, or an invalid one.
        ForbiddenError: the role may not call the route.
    """
    authorizer: Authorizer = request.app.state.kit.auth
    principal: Principal | None = request.scope.get("state", {}).get("principal")
    if principal is None:
        principal = await authorizer.authenticate(request.scope)
    authorizer.authorize(principal, request.scope)
    return principal


CurrentPrincipal = Annotated[Principal, Depends(current_principal)]
