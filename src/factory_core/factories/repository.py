"""Every query about factories."""

from collections.abc import Collection, Sequence
from uuid import UUID

from sqlalchemy import select

from factory_core.factories.models import Factory
from utils.database import Transaction


class FactoryRepository:
    """Finds and keeps factories."""

    def __init__(self, transaction: Transaction) -> None:
        self._session = transaction.session

    async def add(self, factory: Factory) -> None:
        """Keep a new factory."""
        self._session.add(factory)
        await self._session.flush()

    async def find(self, factory_id: UUID) -> Factory | None:
        """Find one by its id."""
        return await self._session.get(Factory, factory_id)

    async def list_after(
        self, after: UUID | None, limit: int, *, among: Collection[UUID] | None
    ) -> Sequence[Factory]:
        """List in the order of creation, after the id `after`; `among` None means all there are."""
        query = select(Factory).order_by(Factory.id).limit(limit)
        if after is not None:
            query = query.where(Factory.id > after)
        if among is not None:
            query = query.where(Factory.id.in_(among))
        return (await self._session.scalars(query)).all()
