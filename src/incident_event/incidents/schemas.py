"""The bodies of requests and answers about incidents."""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from incident_event.incidents.lifecycle import IncidentType, Status
from incident_event.incidents.service import Report
from utils.fields import AwareDatetime, Integer, RequestModel, Text

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
    """An incident. Of one raised by a rule, `occurred_at` is the time of the reading that activated it."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    factory_id: UUID
    type: IncidentType
    severity: int
    status: Status
    title: str
    description: str
    source: Literal["rule", "report"]
    rule_id: UUID | None
    rule_version: int | None
    equipment: str | None
    metric: str | None
    occurred_at: datetime
    condition: Literal["active", "cleared"] | None
    cleared_at: datetime | None
    occurrences: int
    reported_by: str
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    resolved_at: datetime | None
    resolved_by: str | None
    created_at: datetime
    updated_at: datetime


class TimelineEntryRead(BaseModel):
    """One thing that happened to an incident; `at` is when it was recorded."""

    model_config = ConfigDict(from_attributes=True)

    id: int
    at: datetime
    by: str
    what: str
    from_status: Status | None
    to_status: Status
    reason: str | None
    detail: dict[str, Any] | None


class IncidentDetail(IncidentRead):
    """An incident with its history: the newest 500 entries, oldest first, of `timeline_total`."""

    timeline: list[TimelineEntryRead]
    timeline_total: int
