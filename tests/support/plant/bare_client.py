"""A bare HTTP client of a running service, for tests that look at what goes over the wire."""

from typing import Any

import httpx

from support.servers import AUTH_SECRET
from utils.auth import Role, issue_token


def client_of(
    base_url: str, role: str = "engineer", factories: Any = "*", subject: str = "kim"
) -> httpx.AsyncClient:
    """Make a client with a token of this role."""
    token = issue_token(AUTH_SECRET, subject=subject, role=Role(role), factories=factories)
    return httpx.AsyncClient(
        base_url=base_url, timeout=20, headers={"Authorization": f"Bearer {token}"}, trust_env=False
    )
