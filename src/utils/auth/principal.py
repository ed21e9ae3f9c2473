"""Who is asking: the roles, and a verified token's subject with what it may see."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from utils.errors import NotFoundError


class Role(StrEnum):
    """What a token's bearer is; the access table says what each may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ENGINEER = "engineer"
    ADMIN = "admin"
    DEVICE = "device"
    ALERTMANAGER = "alertmanager"


@dataclass(frozen=True, slots=True)
class Principal:
    """The subject of a verified token.

    Args:
        subject: the token's `sub`.
        role: the token's `role`.
        factories: ids of the factories the token is for; None for every factory (`"*"` in the token).
        expires_at: the token's `exp`, in seconds since the epoch; infinite for a principal without a token.
    """

    subject: str
    role: Role
    factories: frozenset[UUID] | None
    expires_at: float = math.inf

    def sees(self, factory_id: UUID) -> bool:
        """Whether this token is for the factory."""
        return self.factories is None or factory_id in self.factories

    def require_factory(self, factory_id: UUID) -> None:
        """Raise `NotFoundError` for a factory this token is not for: it must not learn that it exists."""
        if not self.sees(factory_id):
            raise NotFoundError(f"There is no factory {factory_id}.")
