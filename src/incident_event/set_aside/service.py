"""What people do with events that could not be handled."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from utils.auth import Principal
from utils.database import Transaction
from utils.errors import NotFoundError
from utils.logging import logger
from utils.streams import EventSetAside, SetAsideList

CONSUMER = "incident-event"


class SetAsideService:
    """The use cases of events set aside, each inside the caller's transaction."""

    def __init__(self, events: SetAsideList, now: datetime) -> None:
        self._events = events
        self._now = now

    @classmethod
    def within(cls, transaction: Transaction, now: datetime) -> Self:
        """Return the use cases inside a transaction that is handled at `now` (aware)."""
        return cls(SetAsideList(transaction, CONSUMER), now)

    async def list_after(
        self, by: Principal, factory_id: UUID | None, after: tuple[UUID, int] | None, limit: int
    ) -> Sequence[EventSetAside]:
        """Return events by factory and seq: of one factory, or of all that `by` sees.

        Raises:
            NotFoundError: `by` does not see the factory.
        """
        if factory_id is not None:
            by.require_factory(factory_id)
            return await self._events.list_after([factory_id], after, limit)
        seen = None if by.factories is None else list(by.factories)
        return await self._events.list_after(seen, after, limit)

    async def retry(self, by: Principal, factory_id: UUID, seq: int | None) -> Sequence[EventSetAside]:
        """Ask for another attempt at an event, or at all of the factory; the worker makes it within seconds.

        Raises:
            NotFoundError: nothing is set aside there, or `by` does not see the factory.
        """
        by.require_factory(factory_id)
        asked = await self._events.request_retry(factory_id, seq, self._now)
        if not asked:
            which = "no event" if seq is None else f"no event {seq}"
            raise NotFoundError(f"There is {which} of factory {factory_id} set aside.")
        about = {"factory_id": str(factory_id), "seqs": [event.seq for event in asked], "by": by.subject}
        logger.info("Another attempt at events set aside was asked for", extra=about)
        return asked
