"""All queries about corrections."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select

from factory_core.readings.corrections.models import Correction
from utils.database import Transaction


class CorrectionRepository:
    """Stores and lists corrections."""

    def __init__(self, transaction: Transaction) -> None:
        self._session = transaction.session

    async def add_all(self, corrections: Collection[Correction]) -> None:
        """Store new corrections."""
        self._session.add_all(corrections)
        await self._session.flush()

    async def list_after(
        self, factory_id: UUID, after: UUID | None, limit: int, *, source: str | None, metric: str | None
    ) -> Sequence[Correction]:
        """Return a factory's corrections after the id `after`, in the order in which they were made."""
        query = select(Correction).where(Correction.factory_id == factory_id)
        if source is not None:
            query = query.where(Correction.source == source)
        if metric is not None:
            query = query.where(Correction.metric == metric)
        if after is not None:
            query = query.where(Correction.id > after)
        return (await self._session.scalars(query.order_by(Correction.id).limit(limit))).all()
