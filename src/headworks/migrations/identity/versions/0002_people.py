"""Users, memberships, invitations and service accounts; states and versions; whose key it is and where it works."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEY_COLUMNS = {
    "owner_kind": sa.Text,
    "owner_id": sa.Text,
    "allowed_endpoints": sa.Text,
    "allowed_addresses": sa.Text,
    "previous_hash": sa.Text,
    "previous_until": sa.BigInteger,
}


def upgrade() -> None:
    """Apply this step."""
    for table in ("organizations", "projects"):
        op.add_column(table, sa.Column("name_key", sa.Text()))
        op.add_column(table, sa.Column("state", sa.Text(), nullable=False, server_default="active"))
        op.add_column(table, sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    # Nothing before this step could make a second organisation or project, so no two share a name.
    op.execute("UPDATE organizations SET name_key = lower(name)")
    op.execute("UPDATE projects SET name_key = lower(name)")
    op.create_index("uq_organizations_name_key", "organizations", ["name_key"], unique=True)
    op.create_index("uq_projects_organization_id_name_key", "projects", ["organization_id", "name_key"], unique=True)

    for name, kind in _KEY_COLUMNS.items():
        op.add_column("keys", sa.Column(name, kind()))
    op.add_column("keys", sa.Column("version", sa.Integer(), nullable=False, server_default="1"))
    op.create_index("uq_keys_previous_hash", "keys", ["previous_hash"], unique=True)

    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("is_operator", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email_key", name="uq_users_email_key"),
    )
    op.create_table(
        "memberships",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_memberships"),
        sa.UniqueConstraint("organization_id", "user_id", name="uq_memberships_organization_id_user_id"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_memberships_organization_id"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_memberships_user_id"),
    )
    op.create_index("ix_memberships_user_id", "memberships", ["user_id"])
    op.create_table(
        "invitations",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_key", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
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
    op.create_table(
        "service_accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("name_key", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_service_accounts"),
        sa.UniqueConstraint("organization_id", "name_key", name="uq_service_accounts_organization_id_name_key"),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name="fk_service_accounts_organization_id"),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name="fk_service_accounts_project_id"),
    )
    op.create_index("ix_service_accounts_project_id", "service_accounts", ["project_id"])


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
