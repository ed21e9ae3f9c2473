"""Create factories, equipment, series, readings, batches and the outbox."""

import sqlalchemy as sa
from alembic import op

from utils.database import UtcDateTime
from utils.outbox import create_outbox_tables

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

KINDS = (
    "'conveyor', 'robot_arm', 'press', 'cnc', 'packaging', 'forklift', 'agv', 'crane', 'tank', 'generator', "
    "'control_panel', 'sensor', 'other'"
)
FLOOR = ("floor_width_m", "floor_depth_m", "floor_height_m")


def upgrade() -> None:
    _create_factories()
    _create_equipment()
    _create_series()
    _create_readings()
    _create_ingest_batches()
    create_outbox_tables(op)
    # Batches are large and short-lived: compressing them would cost more than it saves.
    op.execute("ALTER TABLE outbox ALTER COLUMN payload SET STORAGE EXTERNAL")


def downgrade() -> None:
    for table in (
        "outbox_heads",
        "outbox",
        "ingest_batches",
        "readings",
        "series",
        "equipment",
        "factories",
    ):
        op.drop_table(table)


def _create_factories() -> None:
    op.create_table(
        "factories",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        *(sa.Column(extent, sa.Double()) for extent in FLOOR),
        sa.Column("layout_version", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_factories"),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name_length"),
        sa.CheckConstraint(f"num_nulls({', '.join(FLOOR)}) IN (0, 3)", name="floor_complete"),
        *(
            sa.CheckConstraint(f"{extent} > 0 AND {extent} <= 100000", name=f"{extent}_range")
            for extent in FLOOR
        ),
        sa.CheckConstraint("layout_version >= 1", name="layout_version_positive"),
    )


def _create_equipment() -> None:
    op.create_table(
        "equipment",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("tag", sa.Text(collation="C"), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("factory_id", "id", name="pk_equipment"),
        sa.UniqueConstraint("factory_id", "tag", name="uq_equipment_factory_id_tag"),
        sa.ForeignKeyConstraint(["factory_id"], ["factories.id"], name="fk_equipment_factory_id_factories"),
        sa.CheckConstraint(
            "char_length(tag) <= 100 AND tag ~ '^[A-Za-z0-9][A-Za-z0-9._-]*$'", name="tag_form"
        ),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="name_length"),
        sa.CheckConstraint(f"kind IN ({KINDS})", name="kind_known"),
    )


def _create_series() -> None:
    op.create_table(
        "series",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("equipment_id", sa.Uuid(), nullable=False),
        sa.Column("metric", sa.Text(collation="C"), nullable=False),
        sa.PrimaryKeyConstraint("factory_id", "id", name="pk_series"),
        sa.UniqueConstraint(
            "factory_id", "equipment_id", "metric", name="uq_series_factory_id_equipment_id_metric"
        ),
        sa.ForeignKeyConstraint(
            ["factory_id", "equipment_id"],
            ["equipment.factory_id", "equipment.id"],
            name="fk_series_factory_id_equipment_id_equipment",
        ),
        sa.CheckConstraint("char_length(metric) BETWEEN 1 AND 100", name="metric_length"),
    )


def _create_readings() -> None:
    op.create_table(
        "readings",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("series_id", sa.Integer(), nullable=False),
        sa.Column("quality", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("factory_id", "series_id", "at", name="pk_readings"),
        sa.CheckConstraint("value > '-Infinity' AND value < 'Infinity'", name="value_finite"),
        sa.CheckConstraint("quality BETWEEN 0 AND 2", name="quality_known"),
    )


def _create_ingest_batches() -> None:
    op.create_table(
        "ingest_batches",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Text(collation="C"), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=False),
        sa.Column("accepted_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("factory_id", "batch_id", name="pk_ingest_batches"),
        sa.CheckConstraint("char_length(batch_id) BETWEEN 1 AND 100", name="batch_id_length"),
    )
    op.create_index("ix_ingest_batches_accepted_at", "ingest_batches", ["accepted_at"])
