"""All queries about factories."""

from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from factory_core.factories.models import Factory
from utils.database import Transaction


class FactoryRepository:
    """Finds and stores factories."""

    def __init__(self, transaction: Transaction) -> None:
        self._session = transaction.session

    async def add(self, **columns: Any) -> Factory | None:
        """Store and return a new factory; None if its `name_key` is taken, also by a racing request."""
        statement = insert(Factory).values(**columns)
        added: Factory | None = await self._session.scalar(
            statement.on_conflict_do_nothing(index_elements=["name_key"]).returning(Factory)
        )
        return added

    async def get_named(self, name_key: str) -> Factory:
        """Return the factory with this key, which is known to exist."""
        return (await self._session.scalars(select(Factory).where(Factory.name_key == name_key))).one()

    async def list_unkeyed(self) -> Sequence[Factory]:
        """Return the factories without a key: an older release created them while an update was under way."""
        query = select(Factory).where(Factory.name_key.is_(None)).order_by(Factory.id)
        return (await self._session.scalars(query)).all()

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
