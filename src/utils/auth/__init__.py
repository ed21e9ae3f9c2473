"""Authentication and authorization: principals, roles and tokens.

Requests are checked by `utils.auth.authorizer`, which only `utils.http` imports: a program that only issues
tokens loads neither settings nor an HTTP client.
"""

from utils.auth.principal import Principal, Role
from utils.auth.tokens import SharedSecret, TokenVerifier, issue_token

__all__ = ["Principal", "Role", "SharedSecret", "TokenVerifier", "issue_token"]
