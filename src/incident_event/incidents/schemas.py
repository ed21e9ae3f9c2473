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

    factory_id: UUID
    type: IncidentType = IncidentType.OTHER
    severity: Severity
    title: Annotated[Text, Field(min_length=1, max_length=200)]
    description: Annotated[Text, Field(max_length=4000)] = ""
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

    reason: Annotated[Text | None, Field(max_length=2000)] = None


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
