"""The routes of factories."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, status

from factory_core.factories.schemas import FactoryCreate, FactoryRead
from factory_core.factories.service import FactoryService
from utils.clock import utc_now
from utils.http import (
    PROBLEM_RESPONSES,
    CurrentPrincipal,
    Cursor,
    DatabaseTransaction,
    Limit,
    Page,
    start_after,
)

router = APIRouter(tags=["factories"])


async def factory_service(transaction: DatabaseTransaction) -> FactoryService:
    """Return the use cases within the request's transaction."""
    return FactoryService.within(transaction, utc_now())


Factories = Annotated[FactoryService, Depends(factory_service, scope="function")]


@router.post("/factories", status_code=status.HTTP_201_CREATED, responses={409: PROBLEM_RESPONSES[409]})
async def create_factory(body: FactoryCreate, by: CurrentPrincipal, factories: Factories) -> FactoryRead:
    """Create a factory. Needs a token for all factories (`*`).

    Names are unique without regard to case. A name that is taken is answered with 409, also in a race;
    `factory_id` is the id of the factory that has it.
    """
    floor = body.floor.to_contract() if body.floor is not None else None
    return FactoryRead.of(await factories.create(by, name=body.name, timezone=body.timezone, floor=floor))


@router.get("/factories")
async def list_factories(
    by: CurrentPrincipal, factories: Factories, limit: Limit = 50, cursor: Cursor = None
) -> Page[FactoryRead]:
    """List the factories that the token is for, oldest first."""
    rows = await factories.list_after(by, start_after(cursor, UUID), limit + 1)
    return Page.of(rows, limit, key=lambda row: row.id, read=FactoryRead.of)


@router.get("/factories/{factory_id}")
async def get_factory(factory_id: UUID, by: CurrentPrincipal, factories: Factories) -> FactoryRead:
    """Read one factory."""
    return FactoryRead.of(await factories.get(by, factory_id))
