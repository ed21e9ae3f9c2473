"""The use cases of equipment."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from contracts.factory_core import EquipmentCreated
from factory_core.equipment.lifecycle import EquipmentKind
from factory_core.equipment.models import Equipment
from factory_core.equipment.repository import EquipmentRepository
from factory_core.factories.service import FactoryService
from utils.auth import Principal
from utils.database import Transaction
from utils.errors import ConflictError, NotFoundError
from utils.ids import uuid7
from utils.logging import logger
from utils.outbox import Outbox


class EquipmentService:
    """The use cases of equipment, within the caller's transaction."""

    def __init__(
        self, equipment: EquipmentRepository, factories: FactoryService, outbox: Outbox, now: datetime
    ) -> None:
        self._equipment = equipment
        self._factories = factories
        self._outbox = outbox
        self._now = now

    @classmethod
    def within(cls, transaction: Transaction, now: datetime) -> Self:
        """Return the use cases within a transaction that is handled at `now` (aware)."""
        repository = EquipmentRepository(transaction)
        return cls(repository, FactoryService.within(transaction, now), Outbox(transaction), now)

    async def create(
        self, by: Principal, factory_id: UUID, *, tag: str, name: str, kind: EquipmentKind
    ) -> Equipment:
        """Add equipment to a factory and publish its event.

        Raises:
            NotFoundError: there is no such factory that `by` may see.
            ConflictError: the factory already has the tag.
        """
        await self._factories.get(by, factory_id)
        equipment = await self._equipment.add(
            factory_id, uuid7(), tag=tag, name=name, kind=kind.value, created_at=self._now
        )
        if equipment is None:
            raise ConflictError(f"The factory already has equipment with the tag {tag}.")
        self._outbox.publish(factory_id, _created(equipment), at=equipment.created_at)
        logger.info("Equipment created", extra={"factory_id": str(factory_id), "tag": tag})
        return equipment

    async def get(self, by: Principal, factory_id: UUID, equipment_id: UUID) -> Equipment:
        """Return one piece of equipment.

        Raises:
            NotFoundError: the factory has no such equipment, or `by` may not see it.
        """
        by.require_factory(factory_id)
        equipment = await self._equipment.find(factory_id, equipment_id)
        if equipment is None:
            raise NotFoundError(f"There is no equipment {equipment_id} in the factory {factory_id}.")
        return equipment

    async def find_ids(self, by: Principal, factory_id: UUID, tags: Collection[str]) -> dict[str, UUID]:
        """Return the ids of the factory's equipment with these tags, by tag; unknown tags are missing.

        Raises:
            NotFoundError: there is no such factory that `by` may see.
        """
        await self._factories.get(by, factory_id)
        return await self._equipment.find_ids(factory_id, tags)

    async def lock(self, factory_id: UUID, equipment_ids: Collection[UUID]) -> None:
        """Lock these pieces of equipment, and what may be added to them, until the transaction ends."""
        await self._equipment.lock(factory_id, equipment_ids)

    async def list_after(
        self, by: Principal, factory_id: UUID, after: UUID | None, limit: int
    ) -> Sequence[Equipment]:
        """Return a factory's equipment after the id `after`, in the order of creation.

        Raises:
            NotFoundError: there is no such factory that `by` may see.
        """
        await self._factories.get(by, factory_id)
        return await self._equipment.list_after(factory_id, after, limit)


def _created(equipment: Equipment) -> EquipmentCreated:
    return EquipmentCreated(
        equipment_id=equipment.id,
        factory_id=equipment.factory_id,
        tag=equipment.tag,
        name=equipment.name,
        kind=equipment.kind,
        created_at=equipment.created_at,
    )
