"""What Incident Event tells the other services and its clients: one message type per thing that happened.

Consumers ignore fields they do not know, so that a field may be added without a new version.
"""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

import msgspec


class RuleCreated(msgspec.Struct, frozen=True):
    """A rule watches from now on: it applies to every reading accepted after this."""

    type: ClassVar[str] = "rule.created.v1"

    rule_id: UUID
    version: int
    name: str
    kind: str
    equipment: str
    metric: str
    operator: str
    threshold: float
    on_delay_seconds: float
    deadband: float
    lateness_seconds: float
    severity: int
    incident_type: str
    by: str


class IncidentReported(msgspec.Struct, frozen=True):
    """An incident exists, raised by a rule or by Alertmanager, or reported by a person.

    `occurred_at` is when it happened: of a rule's incident, the time of the reading that made it active; of
    Alertmanager's, the time since when its earliest alert fires.
    """

    type: ClassVar[str] = "incident.reported.v1"

    incident_id: UUID
    incident_type: str
    severity: int
    status: str
    title: str
    source: Literal["rule", "report", "alertmanager"]
    occurred_at: datetime
    by: str
    rule_id: UUID | None = None
    rule_version: int | None = None
    equipment: str | None = None
    metric: str | None = None
    condition: Literal["active", "cleared"] | None = None


class IncidentConditionRecurred(msgspec.Struct, frozen=True):
    """The condition of an incident that is still open came back; `occurrences` counts the first one too."""

    type: ClassVar[str] = "incident.condition_recurred.v1"

    incident_id: UUID
    rule_id: UUID
    equipment: str
    metric: str
    occurred_at: datetime
    occurrences: int


class IncidentConditionCleared(msgspec.Struct, frozen=True):
    """The condition behind an incident has ended; a rule's incident goes on until a person resolves it.

    Rule, equipment and metric are null where Alertmanager raised it: that one is resolved with its condition.
    """

    type: ClassVar[str] = "incident.condition_cleared.v1"

    incident_id: UUID
    rule_id: UUID | None
    equipment: str | None
    metric: str | None
    cleared_at: datetime


class IncidentOccurrenceCorrected(msgspec.Struct, frozen=True):
    """Readings that came late showed that the incident had begun earlier than was known."""

    type: ClassVar[str] = "incident.occurrence_corrected.v1"

    incident_id: UUID
    rule_id: UUID
    occurred_at: datetime
    previously: datetime


class IncidentAlertsChanged(msgspec.Struct, frozen=True):
    """Other alerts fire behind an incident of Alertmanager's than before, `firing` of them now.

    `occurrences` counts every time one of them began to fire.
    """

    type: ClassVar[str] = "incident.alerts_changed.v1"

    incident_id: UUID
    severity: int
    title: str
    occurrences: int
    firing: int


class IncidentAcknowledged(msgspec.Struct, frozen=True):
    """Somebody has seen the incident and takes it on."""

    type: ClassVar[str] = "incident.acknowledged.v1"

    incident_id: UUID
    by: str
    at: datetime
    reason: str | None = None


class IncidentResolved(msgspec.Struct, frozen=True):
    """The danger is over, says `by`."""

    type: ClassVar[str] = "incident.resolved.v1"

    incident_id: UUID
    by: str
    at: datetime
    reason: str | None = None


EVENT_TYPES: frozenset[str] = frozenset(
    message.type
    for message in (
        RuleCreated,
        IncidentReported,
        IncidentConditionRecurred,
        IncidentConditionCleared,
        IncidentOccurrenceCorrected,
        IncidentAlertsChanged,
        IncidentAcknowledged,
        IncidentResolved,
    )
)
"""Every type on Incident Event's stream, for who filters by type."""
