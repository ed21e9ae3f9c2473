"""The routes of incidents."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Response, status

from incident_event.incidents.lifecycle import IncidentType, Status
from incident_event.incidents.models import Incident
from incident_event.incidents.repository import IncidentFilter
from incident_event.incidents.schemas import (
    IncidentDetail,
    IncidentRead,
    IncidentReport,
    MoveRequest,
    TimelineEntryRead,
)
from incident_event.incidents.service import IncidentService
from utils.clock import utc_now
from utils.http import (
    PROBLEM_RESPONSES,
    CurrentPrincipal,
    Cursor,
    DatabaseTransaction,
    IdPrefix,
    Limit,
    Page,
    ids_like,
    start_after,
)

router = APIRouter(tags=["incidents"])


async def incident_service(transaction: DatabaseTransaction) -> IncidentService:
    """Put the use cases into the request's transaction."""
    return IncidentService.within(transaction, utc_now())


Incidents = Annotated[IncidentService, Depends(incident_service, scope="function")]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[!-~]+$",
        description="Makes repeating safe: the same key with the same body gives the same incident once",
    ),
]
Conflict: dict[int | str, dict[str, Any]] = {409: PROBLEM_RESPONSES[409]}


@router.post(
    "/incidents", status_code=status.HTTP_201_CREATED, response_model=IncidentRead, responses=Conflict
)
async def report_incident(
    body: IncidentReport, by: CurrentPrincipal, incidents: Incidents, key: Key = None
) -> Response:
    """Report an incident by hand. Depends on nothing but this service's own database.

    A key counts per factory and token subject, for as long as the incident exists. Used with another body it
    is a 409.
    """
    answer = await incidents.report(by, body.to_report(), key, _write)
    return Response(answer, status.HTTP_201_CREATED, media_type="application/json")


@router.get("/incidents")
async def list_incidents(
    by: CurrentPrincipal,
    incidents: Incidents,
    *,
    factory: Annotated[
        UUID | None, Query(description="Only this factory's; by default those of all that the token is for")
    ] = None,
    status: Annotated[list[Status] | None, Query(description="Any of these")] = None,
    type: Annotated[list[IncidentType] | None, Query(description="Any of these")] = None,  # noqa: A002
    severity: Annotated[
        list[Annotated[int, Query(ge=1, le=5)]] | None, Query(description="Any of these")
    ] = None,
    rule: Annotated[UUID | None, Query(description="Only those this rule raised")] = None,
    id_prefix: IdPrefix = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Page[IncidentRead]:
    """List incidents, newest first. What is reported while you page does not shift the pages."""
    only = IncidentFilter(status, type, severity, rule, ids_like(id_prefix))
    rows = await incidents.list_after(by, factory, start_after(cursor, datetime, UUID), limit + 1, only)
    return Page.of(rows, limit, key=lambda row: (row.created_at, row.id), read=IncidentRead.model_validate)


@router.get("/incidents/{incident_id}")
async def get_incident(incident_id: UUID, by: CurrentPrincipal, incidents: Incidents) -> IncidentDetail:
    """Read one incident with its timeline."""
    incident, entries, total = await incidents.get(by, incident_id)
    return IncidentDetail(
        **IncidentRead.model_validate(incident).model_dump(),
        timeline=[TimelineEntryRead.model_validate(entry) for entry in entries],
        timeline_total=total,
    )


@router.post("/incidents/{incident_id}/acknowledge", responses=Conflict)
async def acknowledge_incident(
    incident_id: UUID, by: CurrentPrincipal, incidents: Incidents, body: MoveRequest | None = None
) -> IncidentRead:
    """Take an incident on: reported → acknowledged. Of two at once, one gets 200 and one 409."""
    incident = await incidents.acknowledge(by, incident_id, _reason(body))
    return IncidentRead.model_validate(incident)


@router.post("/incidents/{incident_id}/resolve", responses=Conflict)
async def resolve_incident(
    incident_id: UUID, by: CurrentPrincipal, incidents: Incidents, body: MoveRequest | None = None
) -> IncidentRead:
    """Say that the danger is over: acknowledged, in_response, contained → resolved."""
    return IncidentRead.model_validate(await incidents.resolve(by, incident_id, _reason(body)))


def _reason(body: MoveRequest | None) -> str | None:
    return None if body is None else body.reason


def _write(incident: Incident) -> bytes:
    return IncidentRead.model_validate(incident).model_dump_json().encode()
