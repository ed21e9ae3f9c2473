"""The rows of rules: what they say, and where their evaluation stands."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Double,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    SmallInteger,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from incident_event.db import Base
from utils.database import UtcDateTime


class RuleSet(Base):
    """All rules of one factory: `version` rises with every change, in the same transaction.

    The worker compares it before it evaluates anything, so that it never evaluates by rules of yesterday.
    """

    __tablename__ = "rule_sets"

    factory_id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)
    rules: Mapped[int] = mapped_column(Integer)


class Rule(Base):
    """One rule, in one version: a threshold on one metric of one equipment; delay and lateness in seconds."""

    __tablename__ = "rules"
    __table_args__ = (
        CheckConstraint("version >= 1", name="version_positive"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name_length"),
        CheckConstraint("kind IN ('threshold')", name="kind_known"),
        CheckConstraint("char_length(equipment) BETWEEN 1 AND 100", name="equipment_length"),
        CheckConstraint("char_length(metric) BETWEEN 1 AND 100", name="metric_length"),
        CheckConstraint("operator IN ('>', '<')", name="operator_known"),
        CheckConstraint("on_delay_seconds BETWEEN 0 AND 86400", name="on_delay_range"),
        CheckConstraint("deadband >= 0", name="deadband_range"),
        CheckConstraint("lateness_seconds BETWEEN 0 AND 3600", name="lateness_range"),
        CheckConstraint("severity BETWEEN 1 AND 5", name="severity_range"),
        Index("ix_rules_id", "id"),
    )

    factory_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(Integer)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    equipment: Mapped[str] = mapped_column(Text)
    metric: Mapped[str] = mapped_column(Text)
    operator: Mapped[str] = mapped_column(Text)
    threshold: Mapped[float] = mapped_column(Double)
    on_delay_seconds: Mapped[float] = mapped_column(Double)
    deadband: Mapped[float] = mapped_column(Double)
    lateness_seconds: Mapped[float] = mapped_column(Double)
    severity: Mapped[int] = mapped_column(SmallInteger)
    incident_type: Mapped[str] = mapped_column(Text)
    created_by: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RuleState(Base):
    """Where a rule's evaluation of one subject stands; `…_us` are microseconds since 1970.

    `first_seq` is that of the first event the rule looked at, null before it has looked at one.
    """

    __tablename__ = "rule_states"
    __table_args__ = (
        ForeignKeyConstraint(["factory_id", "rule_id"], ["rules.factory_id", "rules.id"]),
        CheckConstraint(
            "evaluated_readings >= 0 AND late_readings >= 0 AND bad_readings >= 0", name="counts_positive"
        ),
    )

    factory_id: Mapped[UUID] = mapped_column(primary_key=True)
    rule_id: Mapped[UUID] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(Text, primary_key=True)
    evaluated_readings: Mapped[int] = mapped_column(BigInteger)
    late_readings: Mapped[int] = mapped_column(BigInteger)
    bad_readings: Mapped[int] = mapped_column(BigInteger)
    newest_us: Mapped[int | None] = mapped_column(BigInteger)
    since_us: Mapped[int | None] = mapped_column(BigInteger)
    activated_us: Mapped[int | None] = mapped_column(BigInteger)
    floor_us: Mapped[int | None] = mapped_column(BigInteger)
    checkpoint_since_us: Mapped[int | None] = mapped_column(BigInteger)
    checkpoint_activated_us: Mapped[int | None] = mapped_column(BigInteger)
    incident_id: Mapped[UUID | None] = mapped_column()
    first_seq: Mapped[int | None] = mapped_column(BigInteger)


class SeriesReadingsRow(Base):
    """Readings that a late one may still join: appended when evaluated, deleted when no rule needs them.

    `readings` are the times (int64, microseconds) and then the values (float64), little-endian; `seq` is
    that of the event that brought them, or of a later one that was handled with it. `held_until_us` is 0, or
    for readings that were stamped ahead the factory's clock when they were evaluated.
    """

    __tablename__ = "series_readings"
    factory_id: Mapped[UUID] = mapped_column(primary_key=True)
    equipment: Mapped[str] = mapped_column(Text, primary_key=True)
    metric: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    held_until_us: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    readings: Mapped[bytes] = mapped_column(LargeBinary)


class HeldReadingsRow(Base):
    """Readings of one event and series that were stamped ahead of the factory's clock.

    Those up to the clock have been evaluated since; the row is deleted with the last of them, at `last_us`.
    """

    __tablename__ = "held_readings"
    factory_id: Mapped[UUID] = mapped_column(primary_key=True)
    equipment: Mapped[str] = mapped_column(Text, primary_key=True)
    metric: Mapped[str] = mapped_column(Text, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    last_us: Mapped[int] = mapped_column(BigInteger)
    readings: Mapped[bytes] = mapped_column(LargeBinary)


class FactoryClock(Base):
    """The time up to which a factory's readings have been evaluated, while some are held for later."""

    __tablename__ = "factory_clocks"
    factory_id: Mapped[UUID] = mapped_column(primary_key=True)
    clock_us: Mapped[int] = mapped_column(BigInteger)


class Tick(Base):
    """A journal of the moments at which time passed for a factory without an event, after the event `seq`."""

    __tablename__ = "ticks"
    factory_id: Mapped[UUID] = mapped_column(primary_key=True)
    at_us: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    seq: Mapped[int] = mapped_column(BigInteger)
