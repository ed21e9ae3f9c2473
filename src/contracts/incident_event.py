"""The events that Incident Event publishes to services and clients: one message type per kind of event.

Consumers ignore unknown fields, so a field may be added without a new version.
"""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

import msgspec


class RuleCreated(msgspec.Struct, frozen=True):
    """A rule was created; it applies to every reading accepted after this event."""

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
    """An incident was raised by a rule or by Alertmanager, or reported by a person.

    `occurred_at` is when it happened: for a rule's incident the time of the reading that made the condition
    active; for Alertmanager's the time since when the earliest of its alerts has been firing. `value` is what
    that reading measured, in the metric's own unit; null for an incident that no rule raised.
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
    value: float | None = None


class IncidentConditionRecurred(msgspec.Struct, frozen=True):
    """The condition of an open incident became active again; `occurrences` includes the first time.

    `value` is what the reading at `occurred_at` measured.
    """

    type: ClassVar[str] = "incident.condition_recurred.v1"

    incident_id: UUID
    rule_id: UUID
    equipment: str
    metric: str
    occurred_at: datetime
    occurrences: int
    value: float | None = None


class IncidentConditionCleared(msgspec.Struct, frozen=True):
    """The condition behind an incident has ended; a rule's incident stays open until a person resolves it.

    Rule, equipment and metric are null for an incident of Alertmanager's, which is resolved with its
    condition.
    """

    type: ClassVar[str] = "incident.condition_cleared.v1"

    incident_id: UUID
    rule_id: UUID | None
    equipment: str | None
    metric: str | None
    cleared_at: datetime


class IncidentOccurrenceCorrected(msgspec.Struct, frozen=True):
    """Late readings showed that the incident began earlier than recorded; `value` was measured then."""

    type: ClassVar[str] = "incident.occurrence_corrected.v1"

    incident_id: UUID
    rule_id: UUID
    occurred_at: datetime
    previously: datetime
    value: float | None = None


class IncidentAlertsChanged(msgspec.Struct, frozen=True):
    """The firing alerts behind an incident of Alertmanager's have changed; `firing` of them fire now.

    `occurrences` counts how often any of them began to fire.
    """

    type: ClassVar[str] = "incident.alerts_changed.v1"

    incident_id: UUID
    severity: int
    title: str
    occurrences: int
    firing: int


class IncidentAcknowledged(msgspec.Struct, frozen=True):
    """An operator has acknowledged the incident, and takes it on."""

    type: ClassVar[str] = "incident.acknowledged.v1"

    incident_id: UUID
    by: str
    at: datetime
    reason: str | None = None


class IncidentResolved(msgspec.Struct, frozen=True):
    """The incident was resolved: `by` declares the danger over."""

    type: ClassVar[str] = "incident.resolved.v1"

    incident_id: UUID
    by: str
    at: datetime
    reason: str | None = None


class FactoryImpaired(msgspec.Struct, frozen=True):
    """An event of another service could not be handled and is set aside: the factory is watched without it.

    `seq` and `event_type` are those of the event in the stream of `publisher`.
    """

    type: ClassVar[str] = "factory.impaired.v1"

    publisher: str
    seq: int
    event_type: str
    reason: str
    at: datetime


class FactoryRestored(msgspec.Struct, frozen=True):
    """All events of the factory that were set aside have been handled: it is watched in full again."""

    type: ClassVar[str] = "factory.restored.v1"

    publisher: str
    at: datetime


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
        FactoryImpaired,
        FactoryRestored,
    )
)
"""Every event type on Incident Event's stream, for filters by type."""
