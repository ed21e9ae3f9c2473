"""The use cases of factories."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self
from uuid import UUID

from contracts.factory_core import FactoryCreated, Floor
from factory_core.factories.models import Factory
from factory_core.factories.repository import FactoryRepository
from utils.auth import Principal
from utils.database import Transaction
from utils.errors import ConflictError, ForbiddenError, NotFoundError
from utils.ids import fold_name, uuid7
from utils.logging import logger
from utils.outbox import Outbox

FIRST_LAYOUT_VERSION = 1


class FactoryService:
    """The use cases of factories, within the caller's transaction."""

    def __init__(self, factories: FactoryRepository, outbox: Outbox, now: datetime) -> None:
        self._factories = factories
        self._outbox = outbox
        self._now = now

    @classmethod
    def within(cls, transaction: Transaction, now: datetime) -> Self:
        """Return the use cases within a transaction that is handled at `now` (aware)."""
        return cls(FactoryRepository(transaction), Outbox(transaction), now)

    async def create(self, by: Principal, *, name: str, timezone: str, floor: Floor | None) -> Factory:
        """Create a factory and publish its event.

        Raises:
            ForbiddenError: the token is only for certain factories, so it could not see the new one.
            ConflictError: another factory has the name, without regard to case; it names the other's id.
        """
        if by.factories is not None:
            raise ForbiddenError("A token for certain factories cannot create another one.")
        key = fold_name(name)
        for other in await self._factories.list_unkeyed():
            if fold_name(other.name) == key:
                raise _taken(by, other)
        factory = await self._factories.add(
            id=uuid7(),
            name=name,
            name_key=key,
            timezone=timezone,
            floor_width_m=floor and floor.width_m,
            floor_depth_m=floor and floor.depth_m,
            floor_height_m=floor and floor.height_m,
            layout_version=FIRST_LAYOUT_VERSION,
            created_at=self._now,
        )
        if factory is None:
            raise _taken(by, await self._factories.get_named(key))
        self._outbox.publish(factory.id, _created(factory, floor), at=factory.created_at)
        logger.info("Factory created", extra={"factory_id": str(factory.id)})
        return factory

    async def get(self, by: Principal, factory_id: UUID) -> Factory:
        """Return one factory.

        Raises:
            NotFoundError: there is no such factory that `by` may see.
        """
        by.require_factory(factory_id)
        factory = await self._factories.find(factory_id)
        if factory is None:
            raise NotFoundError(f"There is no factory {factory_id}.")
        return factory

    async def list_after(self, by: Principal, after: UUID | None, limit: int) -> Sequence[Factory]:
        """Return the factories that `by` may see after the id `after`, in the order of creation."""
        return await self._factories.list_after(after, limit, among=by.factories)


def _taken(by: Principal, other: Factory) -> ConflictError:
    if not by.sees(other.id):
        return ConflictError("There is already a factory with this name.")
    detail = f"There is already a factory called {other.name}; its id is {other.id}."
    return ConflictError(detail, extra={"factory_id": str(other.id)})


def _created(factory: Factory, floor: Floor | None) -> FactoryCreated:
    return FactoryCreated(
        factory_id=factory.id,
        name=factory.name,
        timezone=factory.timezone,
        floor=floor,
        layout_version=factory.layout_version,
        created_at=factory.created_at,
    )
