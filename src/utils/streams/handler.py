"""What a consumer does with events: computed first, then committed in one transaction with the position."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from utils.database import Transaction
from utils.outbox import StoredEvent


class StaleError(Exception):
    """What the effects were computed from has changed since: they must be computed again."""


class UnusableEventError(Exception):
    """An event that no further attempt can handle; its text tells people why."""


class Effects(Protocol):
    """What some events have shown; nothing of it is written yet."""

    @property
    def upto(self) -> int:
        """The seq of the last event that is handled once this is committed."""

    async def commit(self, transaction: Transaction) -> None:
        """Write the effects, in the transaction that moves the consumer's position.

        Raises:
            StaleError: they must be computed again.
        """


class Handler(Protocol):
    """Handles the events of a publisher, factory by factory."""

    async def prepare(self, factory_id: UUID, events: Sequence[StoredEvent], *, position: int) -> Effects:
        """Compute what consecutive events show, without writing: of the first one at least.

        Args:
            factory_id: whose events they are.
            events: those after `position`; or one from before it, which was set aside and is tried again; or
                none, because a time named by `due` has come.
            position: the seq of the last event that was handled.

        Raises:
            UnusableEventError: the first event can never be handled.
        """

    def due(self, factory_id: UUID) -> datetime | None:
        """Return when the factory has something to do without an event; None if nothing waits for a time."""

    async def waiting(self, transaction: Transaction) -> Collection[UUID]:
        """Return the factories with something that waits for a time, as far as the database knows."""

    async def impaired(self, transaction: Transaction, event: StoredEvent, reason: str) -> None:
        """Note that an event was set aside: its factory is watched without it."""

    async def restored(self, transaction: Transaction, factory_id: UUID) -> None:
        """Note that no event of the factory is set aside any more."""

    def forget(self, factory_id: UUID) -> None:
        """Forget a factory whose events another process may handle from now on."""
