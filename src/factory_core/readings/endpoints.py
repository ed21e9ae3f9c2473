"""The routes of readings."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, FastAPI, Query, Request, Response
from fastapi.routing import APIRoute

from factory_core.readings.large_batches import BatchDecoder
from factory_core.readings.lifecycle import MAX_METRIC_LENGTH
from factory_core.readings.schemas import BATCH_SCHEMA, IngestAnswer, ReadingRead
from factory_core.readings.service import Period, ReadingService
from utils.clock import utc_now
from utils.errors import InvalidError
from utils.http import (
    NORMALIZED,
    PROBLEM_RESPONSES,
    AwareDatetime,
    CurrentPrincipal,
    Cursor,
    Page,
    Text,
    cut,
    start_after,
)

MAX_BATCH_BYTES: Final = 4 * 1024 * 1024

router = APIRouter(prefix="/factories/{factory_id}", tags=["readings"])


async def reading_service(request: Request) -> ReadingService:
    """Give the process's one service of readings."""
    service: ReadingService = request.app.state.readings
    return service


Readings = Annotated[ReadingService, Depends(reading_service)]
_INGEST_RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": IngestAnswer},
    409: PROBLEM_RESPONSES[409],
}


class IngestRoute(APIRoute):
    """The hot route: its handler runs the route's dependencies and its endpoint, and nothing in between.

    FastAPI's own handler resolves a graph of dependencies anew for each request, which costs more than
    taking a small batch in. The signature still is what the API's document is made from.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Give the handler; each dependency takes the request alone."""
        checks = [depends.dependency for depends in self.dependencies if depends.dependency is not None]

        async def handle(request: Request) -> Response:
            for check in checks:
                await check(request)
            return await ingest_readings(request, _factory_id(request))

        return handle


def _factory_id(request: Request) -> UUID:
    try:
        return UUID(request.path_params["factory_id"])
    except ValueError as error:
        raise InvalidError.of("factory_id", "must be a UUID") from error


async def ingest_readings(request: Request, factory_id: UUID) -> Response:
    """Take in a batch of readings. What is answered 200 is durable and will be evaluated.

    A reading is named by its source, metric and time, and the first one stands. The same value and quality
    again is a duplicate; another value or quality is a conflict, counted and listed apart. Readings with a
    flaw come back by their index while the good ones are kept. Sending the same body under
    the same batch id again gets the same answer and keeps nothing twice, so a batch whose answer was lost
    is simply sent again. "The same" means byte for byte; another body under the id is a 409.

    The refusals `time_in_future`, `unknown_source` and `too_many_metrics` may pass. If the same batch comes
    again, the readings refused for one of these are looked at again, and the answer tells what holds now.

    Sources and metrics are taken in Unicode's form NFC, without white space around them.
    """
    decoder: BatchDecoder = request.app.state.decoder
    batch = await decoder.decode(await request.body(), utc_now())
    readings: ReadingService = request.app.state.readings
    answer = await readings.ingest(request.state.principal, factory_id, batch)
    return Response(answer, media_type="application/json")


def add_ingest_route(app: FastAPI, path: str) -> None:
    """Put the hot route before all others: every request is matched against the routes in their order."""
    app.router.add_api_route(
        path,
        ingest_readings,
        methods=["POST"],
        tags=["readings"],
        response_class=Response,
        responses=_INGEST_RESPONSES,
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/json": {"schema": BATCH_SCHEMA}}}
        },
        route_class_override=IngestRoute,
    )
    app.router.routes.insert(0, app.router.routes.pop())


@router.get("/readings", response_class=Response, responses={200: {"model": Page[ReadingRead]}})
async def list_readings(  # noqa: PLR0917 - FastAPI names them
    factory_id: UUID,
    by: CurrentPrincipal,
    readings: Readings,
    source: Annotated[
        Text, Query(min_length=1, max_length=100, description="The equipment's tag"), NORMALIZED
    ],
    metric: Annotated[
        Text, Query(min_length=1, max_length=MAX_METRIC_LENGTH, description="What is measured"), NORMALIZED
    ],
    since: Annotated[AwareDatetime | None, Query(alias="from", description="Inclusive")] = None,
    before: Annotated[AwareDatetime | None, Query(alias="to", description="Exclusive")] = None,
    limit: Annotated[int, Query(ge=1, le=10_000, description="How many items at most")] = 50,
    cursor: Cursor = None,
) -> Response:
    """Read back the readings of one metric of one piece of equipment, by time.

    A tag the factory does not have is a 404; a metric its equipment never sent is an empty list.

    Where the service reads from a replica of its database, a reading may be missing from the list for up to
    `DATABASE_READ_MAX_LAG_SECONDS` (2 s by default) after it was accepted.
    """
    if since is not None and before is not None and since >= before:
        raise InvalidError.of("to", "must be later than from")
    period = Period(since, before, start_after(cursor, datetime))
    found = await readings.list_readings(by, factory_id, source, metric, period=period, limit=limit + 1)
    items, next_cursor = cut(found, limit, key=lambda reading: reading.at)
    page = msgspec.json.encode({"items": items, "next_cursor": next_cursor})
    return Response(page, media_type="application/json")
