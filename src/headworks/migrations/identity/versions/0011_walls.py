"""On PostgreSQL each organisation sees its own rows, whatever a statement forgets: docs/decisions/0024-row-level-security.md."""

from __future__ import annotations

from headworks.migrations.steps import build_walls, remove_walls

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_TABLES = (
    "directories",
    "directory_group_members",
    "directory_groups",
    "directory_people",
    "directory_tokens",
    "identity_audit_trail",
    "invitations",
    "keys",
    "memberships",
    "projects",
    "service_accounts",
    "sessions",
    "sso_attempts",
    "sso_connections",
    "sso_handovers",
    "sso_subjects",
)


def upgrade() -> None:
    """Apply this step."""
    build_walls(*_TABLES, organizations="id")


def downgrade() -> None:
    """Take this step back."""
    remove_walls(*_TABLES, "organizations")
