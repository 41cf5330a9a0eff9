"""${message}

MariaDB and MySQL commit each statement that changes a table: ask `headworks.migrations.steps` what is there already, so that the step
can be taken again after it died. A step that old code does not survive raises `serves` of the context's Schema.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.migrations.steps import has_column, has_index, has_table
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply this step."""
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    """Take this step back."""
    ${downgrades if downgrades else "pass"}
