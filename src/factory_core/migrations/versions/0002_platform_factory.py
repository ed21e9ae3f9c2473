"""Add the factory that owns the incidents of the platform itself, with the id in `contracts.platform`."""

from collections.abc import Sequence

from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

ADD = """
    INSERT INTO factories (id, name, timezone, layout_version, created_at)
    VALUES ('00000000-0000-7000-8000-000000000001', 'platform', 'UTC', 1, now())
"""
REMOVE = "DELETE FROM factories WHERE id = '00000000-0000-7000-8000-000000000001'"


def upgrade() -> None:
    """Add the factory."""
    op.execute(ADD)


def downgrade() -> None:
    """Remove the factory."""
    op.execute(REMOVE)
