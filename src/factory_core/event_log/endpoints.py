"""The gap API, from which a consumer of the stream fetches events that the stream has lost."""

from operator import itemgetter
from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from factory_core.event_log.schemas import EventLogRead, HeadRead
from utils.http import CurrentPrincipal, Cursor, Limit, Page, cut, start_after
from utils.outbox import EventLog

router = APIRouter(prefix="/event-log", tags=["event log"])


async def event_log(request: Request) -> EventLog:
    """Return the log of this service's events."""
    return EventLog(request.app.state.kit.database)


Events = Annotated[EventLog, Depends(event_log)]


@router.get("", response_class=Response, responses={200: {"model": EventLogRead}})
async def list_events(
    by: CurrentPrincipal,
    events: Events,
    factory: Annotated[UUID, Query(description="The factory of the events")],
    after: Annotated[int, Query(ge=0, le=2**63 - 1, description="The last seq the caller has")] = 0,
    limit: Limit = 50,
) -> Response:
    """Read a factory's published events after a seq, in order: the gap API of the stream's consumers.

    For services, not for people: admin only. An answer is limited in bytes, so it may hold fewer events than
    `limit`; the caller has all events when its last seq has reached `head`. Events before `oldest` are gone.
    """
    by.require_factory(factory)
    oldest, head = await events.extent(factory)
    items = await events.read(factory, after, limit)  # last, so that the event of `head` is never missing
    log = {"items": items, "head": head, "oldest": oldest}
    return Response(msgspec.json.encode(log), media_type="application/json")


@router.get("/heads")
async def list_heads(
    by: CurrentPrincipal, events: Events, limit: Limit = 50, cursor: Cursor = None
) -> Page[HeadRead]:
    """List the newest seq of every factory that has published events: the gap API's table of contents."""
    rows = await events.heads(start_after(cursor, UUID), limit + 1, factories=by.factories)
    shown, next_cursor = cut(rows, limit, key=itemgetter(0))
    heads = [HeadRead(factory_id=factory, head=head) for factory, head in shown]
    return Page(items=heads, next_cursor=next_cursor)
