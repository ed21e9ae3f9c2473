"""What people do with incidents."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self
from uuid import UUID

from contracts.incident_event import IncidentAcknowledged, IncidentReported, IncidentResolved
from incident_event.incidents.lifecycle import Move, Status
from incident_event.incidents.metrics import INCIDENTS_OPENED, REPORTS_REPEATED
from incident_event.incidents.models import Incident, TimelineEntry
from incident_event.incidents.repository import IncidentFilter, IncidentRepository
from utils.auth import Principal
from utils.database import Transaction
from utils.errors import ConflictError, InvalidError, NotFoundError
from utils.ids import uuid7
from utils.logging import logger
from utils.outbox import Outbox

FUTURE = timedelta(minutes=5)
TIMELINE_ENTRIES = 500


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody says has happened; `fingerprint` tells one body from another."""

    factory_id: UUID
    type: str
    severity: int
    title: str
    description: str
    equipment: str | None
    occurred_at: datetime | None
    fingerprint: bytes


class IncidentService:
    """The use cases of incidents, each inside the caller's transaction; no other service is asked."""

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

    async def report(
        self, by: Principal, report: Report, key: str | None, write: Callable[[Incident], bytes]
    ) -> bytes:
        """Report an incident and give the answer, written by `write`; the same answer for the same key.

        Raises:
            NotFoundError: `by` does not see the factory.
            InvalidError: it happened in the future.
            ConflictError: the key was used by `by` in this factory for another report.
        """
        by.require_factory(report.factory_id)
        incident = self._to_incident(by, report)
        answer = write(incident)
        if not await self._incidents.report(incident, key, report.fingerprint, answer):
            return await self._repeat(by, report, str(key))
        self._outbox.publish(incident.factory_id, _reported(incident), at=incident.created_at)
        opened = INCIDENTS_OPENED.labels("report", str(incident.severity))
        self._transaction.on_commit(opened.inc)
        logger.info("Incident reported", extra=_about(incident))
        return answer

    def _to_incident(self, by: Principal, report: Report) -> Incident:
        now = self._now
        if report.occurred_at is not None and report.occurred_at > now + FUTURE:
            raise InvalidError.of("occurred_at", "must not lie more than 5 minutes in the future")
        return Incident(
            factory_id=report.factory_id,
            id=uuid7(),
            type=report.type,
            severity=report.severity,
            status=Status.REPORTED.value,
            title=report.title,
            description=report.description,
            source="report",
            equipment=report.equipment,
            occurred_at=report.occurred_at or now,
            occurrences=1,
            reported_by=by.subject,
            created_at=now,
            updated_at=now,
        )

    async def _repeat(self, by: Principal, report: Report, key: str) -> bytes:
        known = await self._incidents.get_key(report.factory_id, by.subject, key)
        if known.fingerprint != report.fingerprint:
            raise ConflictError(
                "This Idempotency-Key was used for another report; send a new key for a new report.",
                extra={"incident_id": str(known.incident_id)},
            )
        REPORTS_REPEATED.inc()
        return known.answer

    async def get(self, by: Principal, incident_id: UUID) -> tuple[Incident, Sequence[TimelineEntry], int]:
        """Give an incident, the newest 500 entries of its timeline, and how many there are.

        Raises NotFoundError where there is none that `by` may see.
        """
        incident = _visible(by, incident_id, await self._incidents.find(incident_id))
        return incident, *await self._incidents.timeline(incident, TIMELINE_ENTRIES)

    async def list_after(
        self,
        by: Principal,
        factory_id: UUID | None,
        after: tuple[datetime, UUID] | None,
        limit: int,
        only: IncidentFilter,
    ) -> Sequence[Incident]:
        """Return the incidents of a factory, or of all that `by` sees, newest first.

        Raises:
            NotFoundError: `by` does not see the factory.
        """
        return await self._incidents.list_after(by.scope(factory_id), after, limit, only)

    async def acknowledge(self, by: Principal, incident_id: UUID, reason: str | None) -> Incident:
        """Take an incident on.

        Raises NotFoundError, or TransitionNotAllowedError unless it is `reported`.
        """
        incident = await self._for_update(by, incident_id)
        before, now = incident.status, self._now
        incident.acknowledge(by.subject, now)
        await self._stamp(incident, before, Move.ACKNOWLEDGE, by=by.subject, reason=reason)
        event = IncidentAcknowledged(incident.id, by.subject, now, reason)
        self._outbox.publish(incident.factory_id, event, at=now)
        return incident

    async def resolve(self, by: Principal, incident_id: UUID, reason: str | None) -> Incident:
        """Say that the danger is over.

        Raises NotFoundError, or TransitionNotAllowedError unless somebody has taken it on.
        """
        incident = await self._for_update(by, incident_id)
        before, now = incident.status, self._now
        incident.resolve(by.subject, now)
        await self._stamp(incident, before, Move.RESOLVE, by=by.subject, reason=reason)
        event = IncidentResolved(incident.id, by.subject, now, reason)
        self._outbox.publish(incident.factory_id, event, at=now)
        return incident

    async def count_open(self) -> Mapping[int, int]:
        """Count the open incidents of all factories by severity."""
        return await self._incidents.count_open()

    async def _for_update(self, by: Principal, incident_id: UUID) -> Incident:
        return _visible(by, incident_id, await self._incidents.find_for_update(incident_id))

    async def _stamp(
        self, incident: Incident, before: str, move: Move, *, by: str, reason: str | None
    ) -> None:
        entry = TimelineEntry(
            factory_id=incident.factory_id,
            incident_id=incident.id,
            at=incident.updated_at,
            by=by,
            what=move.value,
            from_status=before,
            to_status=incident.status,
            reason=reason,
        )
        await self._incidents.add_entry(entry)
        logger.info("Incident moved", extra={**_about(incident), "move": move.value})


def _visible(by: Principal, incident_id: UUID, incident: Incident | None) -> Incident:
    if incident is None or not by.sees(incident.factory_id):
        raise NotFoundError(f"There is no incident {incident_id}.")
    return incident


def _reported(incident: Incident) -> IncidentReported:
    return IncidentReported(
        incident_id=incident.id,
        incident_type=incident.type,
        severity=incident.severity,
        status=incident.status,
        title=incident.title,
        source="report",
        occurred_at=incident.occurred_at,
        by=incident.reported_by,
        equipment=incident.equipment,
    )


def _about(incident: Incident) -> dict[str, str | int]:
    return {
        "factory_id": str(incident.factory_id),
        "incident_id": str(incident.id),
        "severity": incident.severity,
    }
