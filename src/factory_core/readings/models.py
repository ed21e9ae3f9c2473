"""The rows of readings, of the series they belong to and of the batches they came in."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    Double,
    ForeignKeyConstraint,
    Identity,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    SmallInteger,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from factory_core.db import Base
from factory_core.readings.lifecycle import MAX_METRIC_LENGTH
from utils.database import UtcDateTime


class SeriesRow(Base):
    """One metric of one piece of equipment; its number keeps the rows of readings narrow."""

    __tablename__ = "series"
    __table_args__ = (
        ForeignKeyConstraint(["factory_id", "equipment_id"], ["equipment.factory_id", "equipment.id"]),
        UniqueConstraint("factory_id", "equipment_id", "metric"),
        CheckConstraint(f"char_length(metric) BETWEEN 1 AND {MAX_METRIC_LENGTH}", name="metric_length"),
    )

    factory_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[int] = mapped_column(Integer, Identity(), primary_key=True)
    equipment_id: Mapped[UUID]
    metric: Mapped[str] = mapped_column(Text(collation="C"))


class ReadingRow(Base):
    """One reading. Nothing refers to it and it refers to nothing, so that time can partition the table.

    `quality` is the place in lifecycle.QUALITIES. The columns are ordered so that none needs padding.
    """

    __tablename__ = "readings"
    __table_args__ = (
        PrimaryKeyConstraint("factory_id", "series_id", "at"),
        CheckConstraint("value > '-Infinity' AND value < 'Infinity'", name="value_finite"),
        CheckConstraint("quality BETWEEN 0 AND 2", name="quality_known"),
    )

    factory_id: Mapped[UUID] = mapped_column(sort_order=1)
    at: Mapped[datetime] = mapped_column(UtcDateTime, sort_order=2)
    value: Mapped[float] = mapped_column(Double, sort_order=3)
    series_id: Mapped[int] = mapped_column(Integer, sort_order=4)
    quality: Mapped[int] = mapped_column(SmallInteger, sort_order=5)


class BatchRow(Base):
    """One batch and what was answered to it, so that the same batch gets the same answer again."""

    __tablename__ = "ingest_batches"
    __table_args__ = (CheckConstraint("char_length(batch_id) BETWEEN 1 AND 100", name="batch_id_length"),)

    factory_id: Mapped[UUID] = mapped_column(primary_key=True)
    batch_id: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary)
    answer: Mapped[bytes] = mapped_column(LargeBinary)
    accepted_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
