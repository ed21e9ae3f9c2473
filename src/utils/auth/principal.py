"""Roles, and the principal of a verified token: its subject, role and factories."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from utils.errors import NotFoundError


class Role(StrEnum):
    """The role of a token's bearer; the access table says what each role may do."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ENGINEER = "engineer"
    ADMIN = "admin"
    DEVICE = "device"
    ALERTMANAGER = "alertmanager"
    SAFETY = "safety"
    SERVICE = "service"


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
        """Return whether the token is for the factory."""
        return self.factories is None or factory_id in self.factories

    def require_factory(self, factory_id: UUID) -> None:
        """Check that the token is for the factory.

        Raises:
            NotFoundError: it is not; the bearer must not learn whether the factory exists.
        """
        if not self.sees(factory_id):
            raise NotFoundError(f"There is no factory {factory_id}.")

    def scope(self, factory_id: UUID | None) -> frozenset[UUID] | None:
        """Return which factories a list is over: the given one, else those of the token; None for all.

        Raises:
            NotFoundError: the token is not for the given factory.
        """
        if factory_id is None:
            return self.factories
        self.require_factory(factory_id)
        return frozenset({factory_id})
