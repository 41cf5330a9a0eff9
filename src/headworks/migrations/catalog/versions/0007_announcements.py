"""What other processes are told of changes."""

from __future__ import annotations

from headworks.migrations.steps import create_announcements, drop_announcements

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    create_announcements("catalog")


def downgrade() -> None:
    """Take this step back."""
    drop_announcements("catalog")
