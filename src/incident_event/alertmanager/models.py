"""The rows of Alertmanager's groups: what is known of each, so that a notification counts once."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, LargeBinary, Text
from sqlalchemy.orm import Mapped, mapped_column

from incident_event.db import Base
from utils.database import UtcDateTime


class AlertGroup(Base):
    """One group; `digest` is the SHA-256 of its key, which may be longer than an index takes.

    `incident_id` is the incident of its last episode; `activities` is JSON.
    """

    __tablename__ = "alert_groups"
    __table_args__ = (
        ForeignKeyConstraint(["factory_id", "incident_id"], ["incidents.factory_id", "incidents.id"]),
        CheckConstraint(
            "NOT is_firing OR (incident_id IS NOT NULL AND occurred_at IS NOT NULL AND cleared_at IS NULL)",
            name="firing_complete",
        ),
    )

    factory_id: Mapped[UUID] = mapped_column(primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    group_key: Mapped[str] = mapped_column(Text)
    incident_id: Mapped[UUID | None] = mapped_column()
    is_firing: Mapped[bool] = mapped_column()
    occurred_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cleared_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    activities: Mapped[bytes] = mapped_column(LargeBinary)
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
