"""The rows of factories."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, Double, Integer, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from factory_core.db import Base
from utils.database import UtcDateTime


def _extent(column: str) -> CheckConstraint:
    return CheckConstraint(f"{column} > 0 AND {column} <= 100000", name=f"{column}_range")


class Factory(Base):
    """One factory. The floor's three extents are in metres, and either all known or all null.

    `name_key` is `fold_name(name)`; null where a process of the release before 0003 created the factory.
    """

    __tablename__ = "factories"
    __table_args__ = (
        UniqueConstraint("name_key"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name_length"),
        CheckConstraint(
            "num_nulls(floor_width_m, floor_depth_m, floor_height_m) IN (0, 3)", name="floor_complete"
        ),
        _extent("floor_width_m"),
        _extent("floor_depth_m"),
        _extent("floor_height_m"),
        CheckConstraint("layout_version >= 1", name="layout_version_positive"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    name_key: Mapped[str | None] = mapped_column(Text(collation="C"))
    timezone: Mapped[str] = mapped_column(Text)
    floor_width_m: Mapped[float | None] = mapped_column(Double)
    floor_depth_m: Mapped[float | None] = mapped_column(Double)
    floor_height_m: Mapped[float | None] = mapped_column(Double)
    layout_version: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
