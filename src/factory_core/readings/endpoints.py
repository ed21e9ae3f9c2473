"""The routes of readings."""

from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Query, Request, Response

from factory_core.readings.lifecycle import MAX_METRIC_LENGTH
from factory_core.readings.schemas import BATCH_SCHEMA, IngestAnswer, ReadingRead, decode_batch
from factory_core.readings.service import Period, ReadingService
from utils.auth import CurrentPrincipal
from utils.clock import utc_now
from utils.errors import PROBLEM_RESPONSES, InvalidError
from utils.fields import AwareDatetime, Cursor, Page, Text, decode_cursor, encode_cursor
from utils.http import body_limit

MAX_BATCH_BYTES: Final = 4 * 1024 * 1024

router = APIRouter(prefix="/factories/{factory_id}", tags=["readings"])


def reading_service(request: Request) -> ReadingService:
    """Give the process's one service of readings."""
    service: ReadingService = request.app.state.readings
    return service


Readings = Annotated[ReadingService, Depends(reading_service)]
_INGEST_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": IngestAnswer},
    409: PROBLEM_RESPONSES[409],
}


@router.post(
    "/readings",
    responses=_INGEST_RESPONSES,
    response_class=Response,
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": BATCH_SCHEMA}}}
    },
)
async def ingest_readings(
    factory_id: UUID, request: Request, by: CurrentPrincipal, readings: Readings
) -> Response:
    """Take in a batch of readings. What is answered 200 is durable and will be evaluated.

    A reading is named by its source, metric and time; the first one wins, others are counted as duplicates.
    Readings with a flaw come back by their index while the good ones are kept. Sending the same body under
    the same batch id again gets the same answer and keeps nothing twice, so a batch whose answer was lost
    is simply sent again. "The same" means byte for byte; another body under the id is a 409.
    """
    batch = decode_batch(await request.body(), utc_now())
    return Response(await readings.ingest(by, factory_id, batch), media_type="application/json")


body_limit(MAX_BATCH_BYTES)(ingest_readings)


@router.get("/readings", response_class=Response, responses={200: {"model": Page[ReadingRead]}})
async def list_readings(  # noqa: PLR0917 - FastAPI names them
    factory_id: UUID,
    by: CurrentPrincipal,
    readings: Readings,
    source: Annotated[Text, Query(min_length=1, max_length=100, description="The equipment's tag")],
    metric: Annotated[Text, Query(min_length=1, max_length=MAX_METRIC_LENGTH)],
    since: Annotated[AwareDatetime | None, Query(alias="from", description="Inclusive")] = None,
    before: Annotated[AwareDatetime | None, Query(alias="to", description="Exclusive")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000, description="How many items at most")] = 50,
    cursor: Cursor = None,
) -> Response:
    """Read back the readings of one metric of one piece of equipment, by time.

    A tag the factory does not have is a 404; a metric its equipment never sent is an empty list.
    """
    if since is not None and before is not None and since >= before:
        raise InvalidError.of("to", "must be later than from")
    after: datetime | None = decode_cursor(cursor, datetime)[0] if cursor is not None else None
    found = await readings.list_readings(
        by, factory_id, source, metric, period=Period(since, before, after), limit=limit + 1
    )
    more = encode_cursor(found[limit - 1].at) if len(found) > limit else None
    page = msgspec.json.encode({"items": found[:limit], "next_cursor": more})
    return Response(page, media_type="application/json")
