"""All queries about equipment."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Text, Uuid, any_, literal, select
from sqlalchemy.dialects.postgresql import ARRAY, insert

from factory_core.equipment.models import Equipment
from utils.database import Transaction


class EquipmentRepository:
    """Finds, locks and stores equipment."""

    def __init__(self, transaction: Transaction) -> None:
        self._session = transaction.session

    async def add(
        self, factory_id: UUID, equipment_id: UUID, *, tag: str, name: str, kind: str, created_at: datetime
    ) -> Equipment | None:
        """Store and return a new piece of equipment; None if its tag is taken, also by a racing request."""
        statement = insert(Equipment).values(
            factory_id=factory_id, id=equipment_id, tag=tag, name=name, kind=kind, created_at=created_at
        )
        added: Equipment | None = await self._session.scalar(
            statement.on_conflict_do_nothing(index_elements=["factory_id", "tag"]).returning(Equipment)
        )
        return added

    async def find(self, factory_id: UUID, equipment_id: UUID) -> Equipment | None:
        """Return the equipment with this id, or None."""
        return await self._session.get(Equipment, (factory_id, equipment_id))

    async def find_ids(self, factory_id: UUID, tags: Collection[str]) -> dict[str, UUID]:
        """Return the ids of the factory's equipment with these tags, by tag; unknown tags are missing."""
        query = select(Equipment.tag, Equipment.id).where(
            Equipment.factory_id == factory_id, Equipment.tag == any_(literal(list(tags), ARRAY(Text)))
        )
        return {row.tag: row.id for row in await self._session.execute(query)}

    async def lock(self, factory_id: UUID, equipment_ids: Collection[UUID]) -> None:
        """Lock the rows until the transaction ends, in the order of their ids."""
        chosen = (
            Equipment.factory_id == factory_id,
            Equipment.id == any_(literal(list(equipment_ids), ARRAY(Uuid))),
        )
        query = select(Equipment.id).where(*chosen).order_by(Equipment.id)
        await self._session.execute(query.with_for_update(key_share=True))

    async def list_after(self, factory_id: UUID, after: UUID | None, limit: int) -> Sequence[Equipment]:
        """Return a factory's equipment after the id `after`, in the order of creation."""
        query = (
            select(Equipment).where(Equipment.factory_id == factory_id).order_by(Equipment.id).limit(limit)
        )
        if after is not None:
            query = query.where(Equipment.id > after)
        return (await self._session.scalars(query)).all()
