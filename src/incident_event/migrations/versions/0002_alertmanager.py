"""Incidents that Alertmanager raises, and what is known of its groups of alerts."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Let an incident come from Alertmanager, and remember its groups."""
    _replace_check("source_known", "source_known", "source IN ('rule', 'report', 'alertmanager')")
    _replace_check("condition_of_rule", "condition_of_machine", "(condition IS NULL) = (source = 'report')")
    op.create_table(
        "alert_groups",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("group_key", sa.Text(), nullable=False),
        sa.Column("incident_id", sa.Uuid(), nullable=True),
        sa.Column("is_firing", sa.Boolean(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cleared_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("activities", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "NOT is_firing OR (incident_id IS NOT NULL AND occurred_at IS NOT NULL AND cleared_at IS NULL)",
            name=op.f("ck_alert_groups_firing_complete"),
        ),
        sa.ForeignKeyConstraint(
            ["factory_id", "incident_id"],
            ["incidents.factory_id", "incidents.id"],
            name=op.f("fk_alert_groups_factory_id_incident_id_incidents"),
        ),
        sa.PrimaryKeyConstraint("factory_id", "digest", name=op.f("pk_alert_groups")),
    )


def downgrade() -> None:
    """Refuse: incidents and their timeline are never deleted."""
    raise NotImplementedError("incidents that Alertmanager raised cannot be kept without this migration")


def _replace_check(old: str, new: str, condition: str) -> None:
    op.drop_constraint(op.f(f"ck_incidents_{old}"), "incidents", type_="check")
    op.create_check_constraint(op.f(f"ck_incidents_{new}"), "incidents", condition)
