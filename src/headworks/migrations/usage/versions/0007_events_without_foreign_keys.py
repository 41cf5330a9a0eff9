"""Records point at their source and their subject without a foreign key: looking both up took a third of what storing one does.

What the keys held is held by the one who writes: a source and a subject are made in the transaction of the records that name them,
or were found committed, and nothing ever removes one.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact
from headworks.migrations.steps import drop_foreign_keys

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_EVENTS = "usage_events"
_KEYS = {"fk_usage_events_source_id": "source_id", "fk_usage_events_subject_id": "subject_id"}


def upgrade() -> None:
    """Apply this step. SQLite writes the table anew, which takes its size once more on the disk and some minutes for many millions."""
    drop_foreign_keys(_EVENTS, list(_KEYS), sa.Column("tags", Exact(1024), nullable=False, server_default=""))


def downgrade() -> None:
    """Take this step back."""
    tags = sa.Column("tags", Exact(1024), nullable=False, server_default="")
    with op.batch_alter_table(_EVENTS, reflect_args=[tags]) as altered:
        for name, column in _KEYS.items():
            altered.create_foreign_key(name, f"usage_{column.removesuffix('_id')}s", [column], ["id"])
