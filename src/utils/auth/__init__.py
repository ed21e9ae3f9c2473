"""Who sends a request and what they may do: principals, roles and tokens.

Checking requests is in `utils.auth.authorizer`, for `utils.http` alone: a program that only issues tokens
loads neither settings nor an HTTP client.
"""

from utils.auth.principal import Principal, Role
from utils.auth.tokens import SharedSecret, TokenVerifier, issue_token

__all__ = ["Principal", "Role", "SharedSecret", "TokenVerifier", "issue_token"]
