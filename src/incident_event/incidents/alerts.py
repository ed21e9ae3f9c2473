"""What Alertmanager's groups do with incidents: open one, tell that its alerts change, end it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self
from uuid import UUID

from contracts.incident_event import (
    IncidentAlertsChanged,
    IncidentConditionCleared,
    IncidentReported,
    IncidentResolved,
)
from contracts.platform import PLATFORM_FACTORY_ID
from incident_event.incidents.lifecycle import OPEN, IncidentType, Move, Status
from incident_event.incidents.metrics import INCIDENTS_OPENED
from incident_event.incidents.models import Incident, TimelineEntry
from incident_event.incidents.repository import IncidentRepository
from utils.clock import to_rfc3339
from utils.database import Transaction
from utils.ids import uuid7
from utils.logging import logger
from utils.outbox import Outbox

SOURCE: Final = "alertmanager"


@dataclass(frozen=True, slots=True)
class AlertsSeen:
    """What a group's alerts say of their incident; `firing` is how many fire now."""

    severity: int
    title: str
    description: str
    firing: int


class AlertIncidentService:
    """Keeps the platform's incidents, inside the transaction that handles a notification."""

    def __init__(
        self, transaction: Transaction, incidents: IncidentRepository, outbox: Outbox, now: datetime
    ) -> None:
        self._transaction = transaction
        self._incidents = incidents
        self._outbox = outbox
        self._now = now

    @classmethod
    def within(cls, transaction: Transaction, now: datetime) -> Self:
        """Return the use cases inside a transaction that is handled at `now` (aware)."""
        return cls(transaction, IncidentRepository(transaction), Outbox(transaction), now)

    async def open(
        self, by: str, seen: AlertsSeen, *, occurred_at: datetime, occurrences: int, reason: str | None = None
    ) -> UUID:
        """Open an incident and give its id; `reason` says why it is `by` who does, if that is not plain."""
        now = self._now
        incident = _to_incident(by, seen, occurred_at=occurred_at, occurrences=occurrences, now=now)
        await self._incidents.add(incident)
        detail = {"occurred_at": to_rfc3339(occurred_at), "firing": seen.firing}
        await self._note(incident, "reported", by=by, before=None, detail=detail, reason=reason)
        self._outbox.publish(incident.factory_id, _reported(incident), at=now)
        opened = INCIDENTS_OPENED.labels(SOURCE, str(incident.severity))
        self._transaction.on_commit(opened.inc)
        logger.info("Incident raised", extra=_about(incident))
        return incident.id

    async def change(self, by: str, incident_id: UUID, seen: AlertsSeen, *, started: int) -> None:
        """Tell that other alerts fire than before; what somebody has closed keeps its words and severity."""
        incident = await self._get(incident_id)
        incident.occurrences += started
        incident.updated_at = self._now
        if incident.status in OPEN:
            incident.severity = max(incident.severity, seen.severity)
            incident.title, incident.description = seen.title, seen.description
        detail = {"firing": seen.firing, "started": started}
        await self._note(incident, "alerts_changed", by=by, before=incident.status, detail=detail)
        event = IncidentAlertsChanged(
            incident.id, incident.severity, incident.title, incident.occurrences, seen.firing
        )
        self._outbox.publish(incident.factory_id, event, at=incident.updated_at)

    async def end(
        self,
        by: str,
        incident_id: UUID,
        cleared_at: datetime,
        *,
        started: int = 0,
        reason: str | None = None,
    ) -> None:
        """Mark the incident's condition as ended, and resolve it unless somebody has done so."""
        incident = await self._get(incident_id)
        now, before = self._now, incident.status
        incident.occurrences += started
        incident.clear(cleared_at, now)
        detail = {"cleared_at": to_rfc3339(cleared_at)}
        await self._note(incident, "condition_cleared", by=by, before=before, detail=detail, reason=reason)
        cleared = IncidentConditionCleared(incident.id, None, None, None, cleared_at)
        self._outbox.publish(incident.factory_id, cleared, at=now)
        if before in OPEN:
            incident.recover(by, now)
            await self._note(incident, Move.RECOVER.value, by=by, before=before, detail=None, reason=reason)
            self._outbox.publish(incident.factory_id, IncidentResolved(incident.id, by, now, reason), at=now)
            logger.info("Incident moved", extra={**_about(incident), "move": Move.RECOVER.value})

    async def _get(self, incident_id: UUID) -> Incident:
        incident = await self._incidents.find_for_update(incident_id)
        if incident is None:
            raise LookupError("a group of alerts names an incident that is not there")
        return incident

    async def _note(
        self,
        incident: Incident,
        what: str,
        *,
        by: str,
        before: str | None,
        detail: dict[str, Any] | None,
        reason: str | None = None,
    ) -> None:
        entry = TimelineEntry(
            factory_id=incident.factory_id,
            incident_id=incident.id,
            at=incident.updated_at,
            by=by,
            what=what,
            from_status=before,
            to_status=incident.status,
            reason=reason,
            detail=detail,
        )
        await self._incidents.add_entry(entry)


def _to_incident(
    by: str, seen: AlertsSeen, *, occurred_at: datetime, occurrences: int, now: datetime
) -> Incident:
    return Incident(
        factory_id=PLATFORM_FACTORY_ID,
        id=uuid7(),
        type=IncidentType.OTHER.value,
        severity=seen.severity,
        status=Status.REPORTED.value,
        title=seen.title,
        description=seen.description,
        source=SOURCE,
        occurred_at=occurred_at,
        condition="active",
        occurrences=occurrences,
        reported_by=by,
        created_at=now,
        updated_at=now,
    )


def _reported(incident: Incident) -> IncidentReported:
    return IncidentReported(
        incident_id=incident.id,
        incident_type=incident.type,
        severity=incident.severity,
        status=incident.status,
        title=incident.title,
        source=SOURCE,
        occurred_at=incident.occurred_at,
        by=incident.reported_by,
        condition="active",
    )


def _about(incident: Incident) -> dict[str, str | int]:
    return {
        "factory_id": str(incident.factory_id),
        "incident_id": str(incident.id),
        "severity": incident.severity,
    }
