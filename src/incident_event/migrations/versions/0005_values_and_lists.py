"""The value that raised an incident, and indexes for lists over all factories."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

NEWEST = ("status", "type", "severity")


def upgrade() -> None:
    """Add the value, unknown for what is recorded already, and the indexes."""
    op.add_column("incidents", sa.Column("value", sa.Double(), nullable=True))
    op.create_index("ix_incidents_newest", "incidents", ["created_at", "id"])
    for column in NEWEST:
        op.create_index(f"ix_incidents_newest_by_{column}", "incidents", [column, "created_at", "id"])
    is_of_rule = sa.text("rule_id IS NOT NULL")
    columns = ["rule_id", "created_at", "id"]
    op.create_index("ix_incidents_of_rule", "incidents", columns, postgresql_where=is_of_rule)
    op.drop_index("ix_incidents_listed_by_rule", "incidents")


def downgrade() -> None:
    """Refuse: incidents and their timeline are never deleted."""
    raise NotImplementedError("the values of incidents cannot be kept without this migration")
