"""Authentication and authorization: principals, roles and tokens.

Requests are checked by `utils.auth.authorizer`, which only `utils.http` imports: a program that only issues
tokens loads neither settings nor an HTTP client.
"""

from utils.auth.principal import Principal, Role
from utils.auth.signing import SigningKey, SigningKeyError, issue_token
from utils.auth.tokens import Issuer, SharedSecret, TokenVerifier

__all__ = [
    "Issuer",
    "Principal",
    "Role",
    "SharedSecret",
    "SigningKey",
    "SigningKeyError",
    "TokenVerifier",
    "issue_token",
]
