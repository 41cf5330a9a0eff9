"""On PostgreSQL each organisation sees its own rows, whatever a statement forgets: docs/decisions/0024-row-level-security.md."""

from __future__ import annotations

from headworks.migrations.steps import build_walls, remove_walls

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLES = ("usage_groups", "usage_subjects", "usage_tag_months", "usage_tag_sets")


def upgrade() -> None:
    """Apply this step."""
    build_walls(*_TABLES)


def downgrade() -> None:
    """Take this step back."""
    remove_walls(*_TABLES)
