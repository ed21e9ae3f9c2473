"""The routes of corrections."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from factory_core.readings.corrections.schemas import CorrectionAnswer, CorrectionRead, CorrectionRequest
from factory_core.readings.corrections.service import CorrectionService
from factory_core.readings.lifecycle import MAX_METRIC_LENGTH
from utils.clock import utc_now
from utils.http import (
    NORMALIZED,
    CurrentPrincipal,
    Cursor,
    DatabaseTransaction,
    Limit,
    Page,
    Text,
    start_after,
)

router = APIRouter(prefix="/factories/{factory_id}/readings/corrections", tags=["readings"])


async def correction_service(transaction: DatabaseTransaction) -> CorrectionService:
    """Return the use cases within the request's transaction."""
    return CorrectionService.within(transaction, utc_now())


Corrections = Annotated[CorrectionService, Depends(correction_service, scope="function")]


@router.post("")
async def correct_readings(
    factory_id: UUID, body: CorrectionRequest, by: CurrentPrincipal, corrections: Corrections
) -> CorrectionAnswer:
    """Correct readings that are kept. What each one was stays on record, with who, when and why.

    Items that cannot be done come back by their index while the others are done. The same request again
    changes nothing: its items are `unchanged`. Alarms and incidents keep what they saw.
    """
    wanted = [one.to_wanted() for one in body.corrections]
    return CorrectionAnswer.of(await corrections.correct(by, factory_id, wanted))


@router.get("")
async def list_corrections(  # noqa: PLR0917 - FastAPI names them
    factory_id: UUID,
    by: CurrentPrincipal,
    corrections: Corrections,
    source: Annotated[
        Text | None, Query(min_length=1, max_length=100, description="Only of this equipment"), NORMALIZED
    ] = None,
    metric: Annotated[
        Text | None,
        Query(min_length=1, max_length=MAX_METRIC_LENGTH, description="Only of this metric"),
        NORMALIZED,
    ] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[CorrectionRead]:
    """List the corrections of a factory's readings in the order in which they were made."""
    after = start_after(cursor, UUID)
    rows = await corrections.list_after(by, factory_id, after, limit + 1, source=source, metric=metric)
    return Page.of(rows, limit, key=lambda row: row.id, read=CorrectionRead.of)
