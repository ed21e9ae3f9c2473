"""Who sends a request and what they may do: tokens, keys, roles and the access table."""

from utils.auth.authorizer import (
    PROTECTED_PREFIX,
    AccessTable,
    AccessTableError,
    Authorizer,
    bearer_token,
    create_verifier,
)
from utils.auth.jwks import JwksKeys
from utils.auth.principal import Principal, Role
from utils.auth.tokens import SharedSecret, TokenVerifier, issue_token

__all__ = [
    "PROTECTED_PREFIX",
    "AccessTable",
    "AccessTableError",
    "Authorizer",
    "JwksKeys",
    "Principal",
    "Role",
    "SharedSecret",
    "TokenVerifier",
    "bearer_token",
    "create_verifier",
    "issue_token",
]
