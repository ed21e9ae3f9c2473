"""Readings that a late one may join, once for each series instead of once for each rule."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

# A rule must not look at readings that were accepted before it: its own oldest readings say from when on, and
# a rule without any looks at what comes next.
FIRST_SEQ = """
    UPDATE rule_states AS state SET first_seq = coalesce(
        (SELECT min(seq) FROM rule_readings AS own
         WHERE own.factory_id = state.factory_id AND own.rule_id = state.rule_id),
        (SELECT max(seq) + 1 FROM consumer_positions AS place WHERE place.factory_id = state.factory_id))
"""
# Of rules on one series the one that kept most of an event's readings kept those of all others too.
MOVE = """
    INSERT INTO series_readings (factory_id, equipment, metric, seq, readings)
    SELECT DISTINCT ON (stored.factory_id, equipment, metric, seq)
           stored.factory_id, equipment, metric, seq, readings
    FROM rule_readings AS stored
    JOIN rules ON rules.factory_id = stored.factory_id AND rules.id = stored.rule_id
    ORDER BY stored.factory_id, equipment, metric, seq, octet_length(readings) DESC
"""


def upgrade() -> None:
    """Move the readings of rules to their series."""
    op.create_table(
        "series_readings",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("equipment", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("readings", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("factory_id", "equipment", "metric", "seq", name=op.f("pk_series_readings")),
    )
    op.add_column("rule_states", sa.Column("first_seq", sa.BigInteger(), nullable=True))
    op.execute(FIRST_SEQ)
    op.execute(MOVE)
    op.drop_table("rule_readings")


def downgrade() -> None:
    """Refuse: incidents and their timeline are never deleted."""
    raise NotImplementedError("the readings of series cannot be given back to their rules")
