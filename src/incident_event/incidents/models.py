"""The rows of incidents: the incident, its timeline, and the keys that make a report count once."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from incident_event.db import Base
from incident_event.incidents.lifecycle import OPEN, IncidentType, Move, Status, check_transition
from utils.database import UtcDateTime


def _one_of(column: str, words: Any) -> str:
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"


IS_OPEN = _one_of("status", OPEN)
IS_OPEN_OF_RULE = f"rule_id IS NOT NULL AND {IS_OPEN}"


class Incident(Base):
    """One incident. `occurred_at` is event time; `subject` is what a rule's incident is about.

    `value` was measured at `occurred_at`, in the metric's own unit.
    """

    __tablename__ = "incidents"
    __table_args__ = (
        CheckConstraint(_one_of("status", Status), name="status_known"),
        CheckConstraint(_one_of("type", IncidentType), name="type_known"),
        CheckConstraint("severity BETWEEN 1 AND 5", name="severity_range"),
        CheckConstraint("char_length(title) BETWEEN 1 AND 200", name="title_length"),
        CheckConstraint("char_length(description) <= 4000", name="description_length"),
        CheckConstraint("source IN ('rule', 'report', 'alertmanager')", name="source_known"),
        CheckConstraint(
            "(source = 'rule') = (rule_id IS NOT NULL AND subject IS NOT NULL)", name="rule_complete"
        ),
        CheckConstraint("condition IN ('active', 'cleared')", name="condition_known"),
        CheckConstraint("(condition IS NULL) = (source = 'report')", name="condition_of_machine"),
        CheckConstraint("occurrences >= 1", name="occurrences_positive"),
        Index("ix_incidents_id", "id"),
        Index("ix_incidents_listed", "factory_id", "created_at", "id"),
        Index("ix_incidents_listed_by_status", "factory_id", "status", "created_at", "id"),
        Index("ix_incidents_listed_by_type", "factory_id", "type", "created_at", "id"),
        Index("ix_incidents_listed_by_severity", "factory_id", "severity", "created_at", "id"),
        Index(
            "ix_incidents_of_rule",
            "rule_id",
            "created_at",
            "id",
            postgresql_where=text("rule_id IS NOT NULL"),
        ),
        Index("ix_incidents_newest", "created_at", "id"),
        Index("ix_incidents_newest_by_status", "status", "created_at", "id"),
        Index("ix_incidents_newest_by_type", "type", "created_at", "id"),
        Index("ix_incidents_newest_by_severity", "severity", "created_at", "id"),
        Index("ix_incidents_open", "severity", postgresql_where=text(IS_OPEN)),
        Index(
            "uq_incidents_open_of_rule",
            "factory_id",
            "rule_id",
            "subject",
            unique=True,
            postgresql_where=text(IS_OPEN_OF_RULE),
        ),
    )

    factory_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str] = mapped_column(Text)
    severity: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[str] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    description: Mapped[str] = mapped_column(Text)
    source: Mapped[str] = mapped_column(Text)
    rule_id: Mapped[UUID | None] = mapped_column()
    rule_version: Mapped[int | None] = mapped_column(Integer)
    subject: Mapped[str | None] = mapped_column(Text)
    equipment: Mapped[str | None] = mapped_column(Text)
    metric: Mapped[str | None] = mapped_column(Text)
    occurred_at: Mapped[datetime] = mapped_column(UtcDateTime)
    value: Mapped[float | None] = mapped_column(Double)
    condition: Mapped[str | None] = mapped_column(Text)
    cleared_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    occurrences: Mapped[int] = mapped_column(Integer)
    reported_by: Mapped[str] = mapped_column(Text)
    acknowledged_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    acknowledged_by: Mapped[str | None] = mapped_column(Text)
    resolved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    resolved_by: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    def acknowledge(self, by: str, at: datetime) -> None:
        """Take the incident on; raises TransitionNotAllowedError from anywhere but `reported`."""
        self._move(Move.ACKNOWLEDGE, at)
        self.acknowledged_at, self.acknowledged_by = at, by

    def resolve(self, by: str, at: datetime) -> None:
        """Say that the danger is over; raises TransitionNotAllowedError while nobody has taken it on."""
        self._move(Move.RESOLVE, at)
        self.resolved_at, self.resolved_by = at, by

    def recover(self, by: str, at: datetime) -> None:
        """Resolve it because what raised it is over; raises TransitionNotAllowedError unless it is open."""
        self._move(Move.RECOVER, at)
        self.resolved_at, self.resolved_by = at, by

    def clear(self, cleared_at: datetime, at: datetime) -> None:
        """Say that the condition behind it ended at `cleared_at`."""
        self.condition, self.cleared_at, self.updated_at = "cleared", cleared_at, at

    def _move(self, move: Move, at: datetime) -> None:
        self.status = check_transition(Status(self.status), move)
        self.updated_at = at


class TimelineEntry(Base):
    """One thing that happened to an incident. The database refuses to change or delete it."""

    __tablename__ = "incident_timeline"
    __table_args__ = (
        ForeignKeyConstraint(["factory_id", "incident_id"], ["incidents.factory_id", "incidents.id"]),
        CheckConstraint("char_length(reason) <= 2000", name="reason_length"),
    )

    factory_id: Mapped[UUID] = mapped_column(primary_key=True)
    incident_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=False), primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(Text)
    what: Mapped[str] = mapped_column(Text)
    from_status: Mapped[str | None] = mapped_column(Text)
    to_status: Mapped[str] = mapped_column(Text)
    reason: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class IdempotencyKey(Base):
    """A report's key: who sent it, what its body was, and the answer that was given."""

    __tablename__ = "idempotency_keys"

    factory_id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    incident_id: Mapped[UUID] = mapped_column()
    answer: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
