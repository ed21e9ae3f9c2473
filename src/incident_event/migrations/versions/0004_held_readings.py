"""Readings stamped ahead, which wait for their time, and events that could not be handled."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from utils.outbox import create_set_aside_tables

revision: str = "0004"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    """Create what holds readings, and let readings that were held be stored beside those of their event."""
    create_set_aside_tables(op)
    op.create_table(
        "held_readings",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("equipment", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("last_us", sa.BigInteger(), nullable=False),
        sa.Column("readings", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("factory_id", "equipment", "metric", "seq", name=op.f("pk_held_readings")),
    )
    op.create_table(
        "factory_clocks",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("clock_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("factory_id", name=op.f("pk_factory_clocks")),
    )
    op.create_table(
        "ticks",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("factory_id", "at_us", name=op.f("pk_ticks")),
    )
    op.add_column(
        "series_readings", sa.Column("held_until_us", sa.BigInteger(), nullable=False, server_default="0")
    )
    op.drop_constraint(op.f("pk_series_readings"), "series_readings", type_="primary")
    op.create_primary_key(
        op.f("pk_series_readings"),
        "series_readings",
        ["factory_id", "equipment", "metric", "seq", "held_until_us"],
    )


def downgrade() -> None:
    """Refuse: incidents and their timeline are never deleted."""
    raise NotImplementedError("events that were set aside cannot be forgotten")
