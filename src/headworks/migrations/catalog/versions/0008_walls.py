"""On PostgreSQL each organisation sees its own rows, whatever a statement forgets: docs/decisions/0024-row-level-security.md."""

from __future__ import annotations

from headworks.migrations.steps import build_walls, remove_walls

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_TABLES = ("catalog_audit_trail", "deployments", "models", "providers")


def upgrade() -> None:
    """Apply this step."""
    build_walls(*_TABLES, shared=("installation", "shipped"), prices="owner", revisions="scope")


def downgrade() -> None:
    """Take this step back."""
    remove_walls(*_TABLES, "prices", "revisions")
