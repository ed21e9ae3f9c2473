"""Create the table of assets."""

import sqlalchemy as sa
from alembic import op

from utils.database import UtcDateTime

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | None = None
depends_on: str | None = None

MEDIA_TYPES = "'model/gltf-binary', 'image/png', 'image/jpeg', 'image/webp'"


def upgrade() -> None:
    op.create_table(
        "assets",
        sa.Column("factory_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("factory_id", "id", name="pk_assets"),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 200", name="ck_assets_name_length"),
        sa.CheckConstraint("kind IN ('model', 'image')", name="ck_assets_kind_known"),
        sa.CheckConstraint(f"media_type IN ({MEDIA_TYPES})", name="ck_assets_media_type_known"),
        sa.CheckConstraint("size_bytes > 0", name="ck_assets_size_bytes_positive"),
        sa.CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="ck_assets_sha256_hex"),
    )
    op.create_index("ix_assets_id", "assets", ["id"])


def downgrade() -> None:
    op.drop_table("assets")
