"""The rows of equipment."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from factory_core.db import Base
from factory_core.equipment.lifecycle import MAX_TAG_LENGTH, TAG_PATTERN, EquipmentKind
from utils.database import UtcDateTime

KINDS = ", ".join(f"'{kind}'" for kind in EquipmentKind)


class Equipment(Base):
    """One piece of equipment; its tag is its name in the plant's drawings, unique in its factory."""

    __tablename__ = "equipment"
    __table_args__ = (
        UniqueConstraint("factory_id", "tag"),
        CheckConstraint(f"char_length(tag) <= {MAX_TAG_LENGTH} AND tag ~ '{TAG_PATTERN}'", name="tag_form"),
        CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name_length"),
        CheckConstraint(f"kind IN ({KINDS})", name="kind_known"),
    )

    factory_id: Mapped[UUID] = mapped_column(ForeignKey("factories.id"), primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    tag: Mapped[str] = mapped_column(Text(collation="C"))
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
