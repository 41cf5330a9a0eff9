"""Users, memberships, invitations and service accounts; states and versions; whose key it is and where it works."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long
from headworks.migrations.steps import add_columns, create_index, create_table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_COMPARED = Exact(512, text_in_sqlite=True)
_EMAIL = Exact(254, text_in_sqlite=True)
_ID = Exact(64, text_in_sqlite=True)
_NAME = Exact(128, text_in_sqlite=True)
_WORD = Exact(16, text_in_sqlite=True)

_KEY_COLUMNS = {
    "owner_kind": _WORD,
    "owner_id": _ID,
    "allowed_endpoints": Long(),
    "allowed_addresses": Long(),
    "previous_hash": _ID,
    "previous_until": sa.BigInteger(),
}


def upgrade() -> None:
    """Apply this step."""
    for table in ("organizations", "projects"):
        add_columns(
            table,
            sa.Column("name_key", _COMPARED),
            sa.Column("state", _WORD, nullable=False, server_default="active"),
            sa.Column("version", sa.Integer(), nullable=False, server_default="1"),
        )
    # Nothing before this step could make a second organisation or project, so no two share a name.
    op.execute("UPDATE organizations SET name_key = lower(name)")
    op.execute("UPDATE projects SET name_key = lower(name)")
    create_index("uq_organizations_name_key", "organizations", ["name_key"], unique=True)
    create_index("uq_projects_organization_id_name_key", "projects", ["organization_id", "name_key"], unique=True)

    add_columns("keys", *(sa.Column(name, kind) for name, kind in _KEY_COLUMNS.items()))
    add_columns("keys", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    create_index("uq_keys_previous_hash", "keys", ["previous_hash"], unique=True)

    create_table(
        "users",
        sa.Column("id", _ID, nullable=False),
        sa.Column("email", _EMAIL, nullable=False),
        sa.Column("email_key", _COMPARED, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("is_operator", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", _ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email_key", name="uq_users_email_key"),
    )
    create_table(
        "memberships",
        sa.Column("id", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("user_id", _ID, nullable=False),
        sa.Column("role", _WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", _ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_memberships"),
        sa.UniqueConstraint("organization_id", "user_id", name="uq_memberships_organization_id_user_id"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_memberships_organization_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_memberships_user_id"),
    )
    create_index("ix_memberships_user_id", "memberships", ["user_id"])
    create_table(
        "invitations",
        sa.Column("id", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("email", _EMAIL, nullable=False),
        sa.Column("email_key", _COMPARED, nullable=False),
        sa.Column("role", _WORD, nullable=False),
        sa.Column("token_hash", _ID, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", _ID, nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("accepted_at", sa.BigInteger()),
        sa.Column("revoked_at", sa.BigInteger()),
        sa.Column("live", sa.Boolean()),
        sa.PrimaryKeyConstraint("id", name="pk_invitations"),
        sa.UniqueConstraint("token_hash", name="uq_invitations_token_hash"),
        sa.UniqueConstraint(
            "organization_id", "email_key", "live", name="uq_invitations_organization_id_email_key_live"
        ),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_invitations_organization_id"),
    )
    create_table(
        "service_accounts",
        sa.Column("id", _ID, nullable=False),
        sa.Column("organization_id", _ID, nullable=False),
        sa.Column("project_id", _ID, nullable=False),
        sa.Column("name", _NAME, nullable=False),
        sa.Column("name_key", _COMPARED, nullable=False),
        sa.Column("role", _WORD, nullable=False),
        sa.Column("state", _WORD, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", _ID, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_service_accounts"),
        sa.UniqueConstraint("organization_id", "name_key", name="uq_service_accounts_organization_id_name_key"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_service_accounts_organization_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_service_accounts_project_id"),
    )
    create_index("ix_service_accounts_project_id", "service_accounts", ["project_id"])


def downgrade() -> None:
    """Take this step back."""
    for table in ("service_accounts", "invitations", "memberships", "users"):
        op.drop_table(table)
    op.drop_index("uq_keys_previous_hash", "keys")
    op.drop_index("uq_projects_organization_id_name_key", "projects")
    op.drop_index("uq_organizations_name_key", "organizations")
    for column in ("version", *reversed(_KEY_COLUMNS)):
        op.drop_column("keys", column)
    for table in ("projects", "organizations"):
        for column in ("version", "state", "name_key"):
            op.drop_column(table, column)
