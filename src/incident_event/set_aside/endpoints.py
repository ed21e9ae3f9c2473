"""The routes of events that could not be handled."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query, status

from incident_event.set_aside.schemas import RetryRead, RetryRequest, SetAsideRead
from incident_event.set_aside.service import SetAsideService
from utils.clock import utc_now
from utils.http import (
    CurrentPrincipal,
    Cursor,
    DatabaseTransaction,
    Limit,
    Page,
    start_after,
)

router = APIRouter(prefix="/set-aside-events", tags=["set-aside events"])


async def set_aside_service(transaction: DatabaseTransaction) -> SetAsideService:
    """Put the use cases into the request's transaction."""
    return SetAsideService.within(transaction, utc_now())


Events = Annotated[SetAsideService, Depends(set_aside_service, scope="function")]


@router.get("")
async def list_set_aside_events(
    by: CurrentPrincipal,
    events: Events,
    factory: Annotated[UUID | None, Query(description="Of one factory; without it, of all you see")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[SetAsideRead]:
    """List the events that could not be handled: their factories are watched without them."""
    rows = await events.list_after(by, factory, start_after(cursor, UUID, int), limit + 1)
    return Page.of(rows, limit, key=lambda row: (row.factory_id, row.seq), read=SetAsideRead.of)


@router.post("/retry", status_code=status.HTTP_202_ACCEPTED)
async def retry_set_aside_events(body: RetryRequest, by: CurrentPrincipal, events: Events) -> RetryRead:
    """Ask for another attempt at events; one that succeeds leaves the list within seconds."""
    asked = await events.retry(by, body.factory_id, body.seq)
    return RetryRead(items=[SetAsideRead.of(event) for event in asked])
