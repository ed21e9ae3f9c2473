"""Add the record of corrections, which nobody changes."""

import sqlalchemy as sa
from alembic import op

from utils.database import UtcDateTime

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | None = None
depends_on: str | None = None

REFUSE = """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'history is not edited: % on % is refused', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'restrict_violation';
    END $$
"""


def upgrade() -> None:
    """Add the table and its guard."""
    op.create_table(
        "reading_corrections",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(collation="C"), nullable=False),
        sa.Column("metric", sa.Text(collation="C"), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("old_value", sa.Double(), nullable=False),
        sa.Column("old_quality", sa.SmallInteger(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("corrected_by", sa.Text(), nullable=False),
        sa.Column("corrected_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("factory_id", "id", name="pk_reading_corrections"),
        sa.CheckConstraint("value > '-Infinity' AND value < 'Infinity'", name="value_finite"),
        sa.CheckConstraint("old_value > '-Infinity' AND old_value < 'Infinity'", name="old_value_finite"),
        sa.CheckConstraint("quality BETWEEN 0 AND 2 AND old_quality BETWEEN 0 AND 2", name="quality_known"),
        sa.CheckConstraint("char_length(reason) BETWEEN 1 AND 2000", name="reason_length"),
    )
    op.create_index(
        "ix_reading_corrections_series", "reading_corrections", ["factory_id", "source", "metric", "id"]
    )
    op.execute(REFUSE)
    op.execute(
        "CREATE TRIGGER reading_corrections_are_append_only "
        "BEFORE UPDATE OR DELETE OR TRUNCATE ON reading_corrections "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
    )


def downgrade() -> None:
    """Refuse: corrections are never deleted."""
    raise NotImplementedError("corrections cannot be undone: history is not deleted")
