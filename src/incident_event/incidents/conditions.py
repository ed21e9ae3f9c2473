"""What rules do with incidents: open one, count in it, mark its condition as ended."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from contracts.incident_event import (
    IncidentConditionCleared,
    IncidentConditionRecurred,
    IncidentOccurrenceCorrected,
    IncidentReported,
)
from incident_event.incidents.lifecycle import Status
from incident_event.incidents.metrics import INCIDENTS_OPENED
from incident_event.incidents.models import Incident, TimelineEntry
from incident_event.incidents.repository import IncidentRepository, Raised
from utils.clock import to_rfc3339
from utils.database import Transaction
from utils.ids import uuid7
from utils.logging import logger
from utils.outbox import Outbox


@dataclass(frozen=True, slots=True)
class WatchedCondition:
    """What a rule's incidents say of themselves; there is one open incident per rule and subject."""

    factory_id: UUID
    rule_id: UUID
    rule_version: int
    subject: str
    equipment: str
    metric: str
    incident_type: str
    severity: int
    title: str
    description: str

    @property
    def actor(self) -> str:
        """Who reports it."""
        return f"rule/{self.rule_id}"


@dataclass(frozen=True, slots=True)
class Activation:
    """A time the condition became active, in event time, and the value measured then.

    `times` > 1 sums up several of one batch.
    """

    occurred_at: datetime
    cleared_at: datetime | None
    value: float | None
    times: int = 1


class ConditionService:
    """Turns what rules find into incidents, inside the transaction that handles the readings."""

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

    async def activate(self, watched: WatchedCondition, activation: Activation) -> UUID:
        """Open an incident, or count in the one that is open, and give its id."""
        now = self._now
        incident = _to_incident(watched, activation, now)
        raised = await self._incidents.raise_condition(incident)
        if raised.opened:
            await self._tell_opened(watched, incident, activation)
        else:
            await self._tell_recurred(watched, raised, activation, now)
        if activation.cleared_at is not None and raised.condition == "cleared":
            await self._tell_cleared(watched, raised.incident_id, raised.status, activation.cleared_at, now)
        return raised.incident_id

    async def clear(self, watched: WatchedCondition, incident_id: UUID, cleared_at: datetime) -> None:
        """Mark the incident's condition as ended, whether or not somebody has resolved it meanwhile."""
        now = self._now
        status = await self._incidents.clear_condition(watched.factory_id, incident_id, cleared_at, now)
        if status is not None:
            await self._tell_cleared(watched, incident_id, status, cleared_at, now)

    async def correct(
        self,
        watched: WatchedCondition,
        *,
        previously: datetime,
        occurred_at: datetime,
        value: float | None = None,
    ) -> None:
        """Move the beginning of what began at `previously`, as readings that came late have shown.

        `value` was measured then; None if it is not known.
        """
        now = self._now
        found = await self._incidents.correct_occurrence(
            watched.factory_id, watched.rule_id, previously, occurred_at, now, value=value
        )
        for incident_id, status in found:
            detail = {"previously": to_rfc3339(previously), "occurred_at": to_rfc3339(occurred_at)}
            await self._note(
                watched, incident_id, "occurrence_corrected", status=status, now=now, detail=detail
            )
            event = IncidentOccurrenceCorrected(incident_id, watched.rule_id, occurred_at, previously, value)
            self._outbox.publish(watched.factory_id, event, at=now)

    async def _tell_opened(
        self, watched: WatchedCondition, incident: Incident, activation: Activation
    ) -> None:
        now = incident.created_at
        detail = {"occurred_at": to_rfc3339(activation.occurred_at), "value": activation.value}
        await self._note(watched, incident.id, "reported", status=Status.REPORTED, now=now, detail=detail)
        self._outbox.publish(watched.factory_id, _reported(watched, incident), at=now)
        opened = INCIDENTS_OPENED.labels("rule", str(incident.severity))
        self._transaction.on_commit(opened.inc)
        extra = {"factory_id": str(watched.factory_id), "incident_id": str(incident.id)}
        logger.info("Incident raised", extra={**extra, "rule_id": str(watched.rule_id)})

    async def _tell_recurred(
        self, watched: WatchedCondition, raised: Raised, activation: Activation, now: datetime
    ) -> None:
        occurred_at = activation.occurred_at
        detail = {"occurred_at": to_rfc3339(occurred_at), "value": activation.value}
        if activation.times > 1:
            detail["times"] = activation.times
        await self._note(
            watched, raised.incident_id, "condition_recurred", status=raised.status, now=now, detail=detail
        )
        event = IncidentConditionRecurred(
            raised.incident_id,
            watched.rule_id,
            watched.equipment,
            watched.metric,
            occurred_at,
            raised.occurrences,
            activation.value,
        )
        self._outbox.publish(watched.factory_id, event, at=now)

    async def _tell_cleared(
        self, watched: WatchedCondition, incident_id: UUID, status: str, cleared_at: datetime, now: datetime
    ) -> None:
        detail = {"cleared_at": to_rfc3339(cleared_at)}
        await self._note(watched, incident_id, "condition_cleared", status=status, now=now, detail=detail)
        event = IncidentConditionCleared(
            incident_id, watched.rule_id, watched.equipment, watched.metric, cleared_at
        )
        self._outbox.publish(watched.factory_id, event, at=now)

    async def _note(
        self,
        watched: WatchedCondition,
        incident_id: UUID,
        what: str,
        *,
        status: str,
        now: datetime,
        detail: dict[str, Any],
    ) -> None:
        entry = TimelineEntry(
            factory_id=watched.factory_id,
            incident_id=incident_id,
            at=now,
            by=watched.actor,
            what=what,
            from_status=None if what == "reported" else status,
            to_status=status,
            detail=detail,
        )
        await self._incidents.add_entry(entry)


def _to_incident(watched: WatchedCondition, activation: Activation, now: datetime) -> Incident:
    return Incident(
        factory_id=watched.factory_id,
        id=uuid7(),
        type=watched.incident_type,
        severity=watched.severity,
        status=Status.REPORTED.value,
        title=watched.title,
        description=watched.description,
        source="rule",
        rule_id=watched.rule_id,
        rule_version=watched.rule_version,
        subject=watched.subject,
        equipment=watched.equipment,
        metric=watched.metric,
        occurred_at=activation.occurred_at,
        value=activation.value,
        condition=_condition(activation),
        cleared_at=activation.cleared_at,
        occurrences=activation.times,
        reported_by=watched.actor,
        created_at=now,
    )


def _condition(activation: Activation) -> Literal["active", "cleared"]:
    return "active" if activation.cleared_at is None else "cleared"


def _reported(watched: WatchedCondition, incident: Incident) -> IncidentReported:
    return IncidentReported(
        incident_id=incident.id,
        incident_type=incident.type,
        severity=incident.severity,
        status=incident.status,
        title=incident.title,
        source="rule",
        occurred_at=incident.occurred_at,
        by=watched.actor,
        rule_id=watched.rule_id,
        rule_version=watched.rule_version,
        equipment=watched.equipment,
        metric=watched.metric,
        condition="active",
        value=incident.value,
    )
