"""The bodies of requests and answers about incidents."""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from incident_event.incidents.lifecycle import IncidentType, Status
from incident_event.incidents.service import Report
from utils.http import AwareDatetime, Integer, RequestModel, Text

Severity = Annotated[Integer, Field(ge=1, le=5, description="1 is the least, 5 the most severe")]
Tag = Annotated[str, Field(max_length=100, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", examples=["pump-1"])]


class IncidentReport(RequestModel):
    """What somebody says has happened."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "factory_id": "01a20a52-b070-7595-88cb-1835953c075b",
                    "type": "equipment",
                    "severity": 4,
                    "title": "Pump shakes",
                    "description": "Heard from the control room",
                    "equipment": "pump-1",
                    "occurred_at": "2026-01-15T10:30:00Z",
                }
            ]
        }
    )

    factory_id: Annotated[UUID, Field(description="The factory it happened in")]
    type: IncidentType = IncidentType.OTHER
    severity: Severity
    title: Annotated[Text, Field(min_length=1, max_length=200, description="What happened, in one line")]
    description: Annotated[Text, Field(max_length=4000, description="Whatever else is known")] = ""
    equipment: Annotated[Tag | None, Field(description="The tag of the machine it is about")] = None
    occurred_at: Annotated[AwareDatetime | None, Field(description="When it happened; now, if null")] = None

    def to_report(self) -> Report:
        """Give the service's terms; two bodies that mean the same have the same fingerprint."""
        return Report(
            factory_id=self.factory_id,
            type=self.type.value,
            severity=self.severity,
            title=self.title,
            description=self.description,
            equipment=self.equipment,
            occurred_at=self.occurred_at,
            fingerprint=hashlib.sha256(self.model_dump_json().encode()).digest(),
        )


class MoveRequest(RequestModel):
    """Why an incident is moved; may be left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "On my way"}]})

    reason: Annotated[Text | None, Field(max_length=2000, description="For the timeline")] = None


class IncidentRead(BaseModel):
    """An incident. Of one raised by a rule, `occurred_at` is the time of the reading that activated it.

    Those of the platform itself, raised by Alertmanager, belong to the factory
    00000000-0000-7000-8000-000000000001 of every installation.
    """

    model_config = ConfigDict(from_attributes=True)

    id: Annotated[UUID, Field(description="Its id, made by the service")]
    factory_id: Annotated[UUID, Field(description="The factory it happened in")]
    type: IncidentType
    severity: Annotated[int, Field(description="1 is the least, 5 the most severe")]
    status: Status
    title: Annotated[str, Field(description="What happened, in one line")]
    description: Annotated[str, Field(description="Whatever else is known")]
    source: Annotated[
        Literal["rule", "report", "alertmanager"],
        Field(description="Raised by a rule or by Alertmanager, or reported by somebody"),
    ]
    rule_id: Annotated[UUID | None, Field(description="The rule that raised it, if one did")]
    rule_version: Annotated[int | None, Field(description="The rule's version then")]
    equipment: Annotated[str | None, Field(description="The tag of the machine it is about")]
    metric: Annotated[str | None, Field(description="What the rule watches")]
    occurred_at: Annotated[
        datetime,
        Field(
            description="When it happened: of a rule, the time of the reading that activated it; of "
            "Alertmanager, since when the earliest of its alerts fires"
        ),
    ]
    value: Annotated[
        float | None,
        Field(
            description="What the rule's metric measured at `occurred_at`, in its own unit; null where no "
            "rule raised it, or it was recorded before values were"
        ),
    ]
    condition: Annotated[
        Literal["active", "cleared"] | None,
        Field(description="Whether what raised it still holds; null for a report"),
    ]
    cleared_at: Annotated[
        datetime | None,
        Field(description="The time of the reading that ended the condition, or of the last alert's end"),
    ]
    occurrences: Annotated[
        int, Field(description="How often the condition has become active, or an alert of it began")
    ]
    reported_by: Annotated[str, Field(description="Who reported it: a token's subject, or a rule")]
    acknowledged_at: Annotated[datetime | None, Field(description="When somebody took it on")]
    acknowledged_by: Annotated[str | None, Field(description="Who took it on")]
    resolved_at: Annotated[datetime | None, Field(description="When the danger was said to be over")]
    resolved_by: Annotated[str | None, Field(description="Who said so")]
    created_at: Annotated[datetime, Field(description="When it was recorded")]
    updated_at: Annotated[datetime, Field(description="When it last changed")]


class TimelineEntryRead(BaseModel):
    """One thing that happened to an incident; `at` is when it was recorded."""

    model_config = ConfigDict(from_attributes=True)

    id: Annotated[int, Field(description="Grows with every entry")]
    at: Annotated[datetime, Field(description="When it was recorded")]
    by: Annotated[str, Field(description="Who did it")]
    what: Annotated[str, Field(description="What was done")]
    from_status: Annotated[Status | None, Field(description="Null at the beginning")]
    to_status: Status
    reason: Annotated[str | None, Field(description="What was said about it")]
    detail: Annotated[dict[str, Any] | None, Field(description="By what was done")]


class IncidentDetail(IncidentRead):
    """An incident with its history: the newest 500 entries, oldest first, of `timeline_total`."""

    timeline: Annotated[list[TimelineEntryRead], Field(description="The newest 500 entries, oldest first")]
    timeline_total: Annotated[int, Field(description="How many entries there are")]
