"""The rows of corrections."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Double, Index, SmallInteger, Text
from sqlalchemy.orm import Mapped, mapped_column

from factory_core.db import Base
from factory_core.readings.corrections.lifecycle import MAX_REASON_LENGTH
from utils.database import UtcDateTime


class Correction(Base):
    """What was kept of a reading before, and what has been kept since; never changed, never deleted.

    `source` and `metric` are the names of then. Qualities are places in `readings.lifecycle.QUALITIES`.
    """

    __tablename__ = "reading_corrections"
    __table_args__ = (
        Index("ix_reading_corrections_series", "factory_id", "source", "metric", "id"),
        CheckConstraint("value > '-Infinity' AND value < 'Infinity'", name="value_finite"),
        CheckConstraint("old_value > '-Infinity' AND old_value < 'Infinity'", name="old_value_finite"),
        CheckConstraint("quality BETWEEN 0 AND 2 AND old_quality BETWEEN 0 AND 2", name="quality_known"),
        CheckConstraint(f"char_length(reason) BETWEEN 1 AND {MAX_REASON_LENGTH}", name="reason_length"),
    )

    factory_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(Text(collation="C"))
    metric: Mapped[str] = mapped_column(Text(collation="C"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    old_value: Mapped[float] = mapped_column(Double)
    old_quality: Mapped[int] = mapped_column(SmallInteger)
    value: Mapped[float] = mapped_column(Double)
    quality: Mapped[int] = mapped_column(SmallInteger)
    reason: Mapped[str] = mapped_column(Text)
    corrected_by: Mapped[str] = mapped_column(Text)
    corrected_at: Mapped[datetime] = mapped_column(UtcDateTime)
