"""All queries about factories."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select

from factory_core.factories.models import Factory
from utils.database import Transaction


class FactoryRepository:
    """Finds and stores factories."""

    def __init__(self, transaction: Transaction) -> None:
        self._session = transaction.session

    async def add(self, factory: Factory) -> None:
        """Store a new factory."""
        self._session.add(factory)
        await self._session.flush()

    async def find(self, factory_id: UUID) -> Factory | None:
        """Return the factory with this id, or None."""
        return await self._session.get(Factory, factory_id)

    async def list_after(
        self, after: UUID | None, limit: int, *, among: Collection[UUID] | None
    ) -> Sequence[Factory]:
        """Return factories after the id `after`, in the order of creation; only those in `among` if given."""
        query = select(Factory).order_by(Factory.id).limit(limit)
        if after is not None:
            query = query.where(Factory.id > after)
        if among is not None:
            query = query.where(Factory.id.in_(among))
        return (await self._session.scalars(query)).all()
