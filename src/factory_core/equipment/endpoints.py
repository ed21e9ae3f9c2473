"""The routes of equipment."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, status

from factory_core.equipment.schemas import EquipmentCreate, EquipmentRead
from factory_core.equipment.service import EquipmentService
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

router = APIRouter(prefix="/factories/{factory_id}", tags=["equipment"])


async def equipment_service(transaction: DatabaseTransaction) -> EquipmentService:
    """Return the use cases within the request's transaction."""
    return EquipmentService.within(transaction, utc_now())


EquipmentUseCases = Annotated[EquipmentService, Depends(equipment_service, scope="function")]


@router.post("/equipment", status_code=status.HTTP_201_CREATED, responses={409: PROBLEM_RESPONSES[409]})
async def create_equipment(
    factory_id: UUID, body: EquipmentCreate, by: CurrentPrincipal, equipment: EquipmentUseCases
) -> EquipmentRead:
    """Add equipment. A tag that the factory already has is answered with 409, also in a race."""
    name = body.name if body.name is not None else body.tag
    created = await equipment.create(by, factory_id, tag=body.tag, name=name, kind=body.kind)
    return EquipmentRead.model_validate(created)


@router.get("/equipment")
async def list_equipment(
    factory_id: UUID,
    by: CurrentPrincipal,
    equipment: EquipmentUseCases,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[EquipmentRead]:
    """List a factory's equipment, oldest first."""
    rows = await equipment.list_after(by, factory_id, start_after(cursor, UUID), limit + 1)
    return Page.of(rows, limit, key=lambda row: row.id, read=EquipmentRead.model_validate)


@router.get("/equipment/{equipment_id}")
async def get_equipment(
    factory_id: UUID, equipment_id: UUID, by: CurrentPrincipal, equipment: EquipmentUseCases
) -> EquipmentRead:
    """Read one piece of equipment."""
    return EquipmentRead.model_validate(await equipment.get(by, factory_id, equipment_id))
