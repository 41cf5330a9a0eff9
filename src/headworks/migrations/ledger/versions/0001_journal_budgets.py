"""Accounts, transactions, entries; budgets with what belongs to them; mark-ups, re-ratings, closed periods; the audit trail."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from headworks.kernel.database import Exact, Long
from headworks.migrations.steps import create_index, create_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Apply this step."""
    create_table(
        "ledger_accounts",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("digest", Exact(64), nullable=False),
        sa.Column("kind", Exact(16), nullable=False),
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("project_id", Exact(128), nullable=False),
        sa.Column("key_id", Exact(128), nullable=False),
        sa.Column("provider_id", Exact(128), nullable=False),
        sa.Column("budget_id", Exact(128), nullable=False),
        sa.Column("period_start_us", sa.BigInteger()),
        sa.Column("source", Exact(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_accounts"),
        sa.UniqueConstraint("digest", name="uq_ledger_accounts_digest"),
    )
    create_index("ix_ledger_accounts_budget_id", "ledger_accounts", ["budget_id"])
    create_index("ix_ledger_accounts_organization_id_kind", "ledger_accounts", ["organization_id", "kind"])
    create_table(
        "ledger_audit_head",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("hash", Exact(64), nullable=False),
        sa.Column("key_id", Exact(64)),
        sa.Column("mac", Exact(64)),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_audit_head"),
    )
    create_table(
        "ledger_audit_keys",
        sa.Column("id", Exact(64), nullable=False),
        sa.Column("sealed", Long(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_audit_keys"),
    )
    create_table(
        "ledger_audit_trail",
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("id", Exact(64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", Exact(32), nullable=False),
        sa.Column("actor_id", Exact(64), nullable=False),
        sa.Column("organization_id", Exact(64), nullable=False),
        sa.Column("action", Exact(64), nullable=False),
        sa.Column("resource_type", Exact(64), nullable=False),
        sa.Column("resource_id", Exact(128), nullable=False),
        sa.Column("before", Long()),
        sa.Column("after", Long()),
        sa.Column("source", Exact(64)),
        sa.Column("request_id", Exact(128)),
        sa.Column("previous_hash", Exact(64), nullable=False),
        sa.Column("hash", Exact(64), nullable=False),
        sa.Column("key_id", Exact(64)),
        sa.PrimaryKeyConstraint("sequence", name="pk_ledger_audit_trail"),
    )
    create_index("ix_ledger_audit_trail_at_id", "ledger_audit_trail", ["at", "id"])
    create_index("ix_ledger_audit_trail_organization_id_at_id", "ledger_audit_trail", ["organization_id", "at", "id"])
    create_index("ix_ledger_audit_trail_request_id", "ledger_audit_trail", ["request_id"])
    create_index("ix_ledger_audit_trail_resource_id", "ledger_audit_trail", ["resource_id"])
    create_index("ix_ledger_audit_trail_actor_id_at_id", "ledger_audit_trail", ["actor_id", "at", "id"])
    create_index("ix_ledger_audit_trail_action_at_id", "ledger_audit_trail", ["action", "at", "id"])
    create_table(
        "ledger_budgets",
        sa.Column("id", Exact(128), nullable=False),
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("name", Exact(512), nullable=False),
        sa.Column("scope", Exact(16), nullable=False),
        sa.Column("scope_id", Exact(256), nullable=False),
        sa.Column("period", Exact(8), nullable=False),
        sa.Column("time_zone", Exact(64), nullable=False),
        sa.Column("anchor", sa.Integer(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("hard", sa.Boolean(), nullable=False),
        sa.Column("thresholds", Exact(64), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("removed_at_us", sa.BigInteger()),
        sa.Column("version", sa.BigInteger(), server_default="1", nullable=False),
        sa.Column("live", sa.Boolean()),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_budgets"),
        sa.UniqueConstraint(
            "organization_id", "scope", "scope_id", "period", "hard", "live", name="uq_ledger_budgets_scope"
        ),
    )
    create_table(
        "ledger_closed_periods",
        sa.Column("id", Exact(128), nullable=False),
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("from_us", sa.BigInteger()),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("closed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("cost", Exact(40), nullable=False),
        sa.Column("charge", Exact(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_closed_periods"),
        sa.UniqueConstraint("organization_id", "until_us", name="uq_ledger_closed_periods_organization_id_until_us"),
    )
    create_table(
        "ledger_mark_ups",
        sa.Column("id", Exact(128), nullable=False),
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("ppm", sa.BigInteger(), nullable=False),
        sa.Column("valid_from_us", sa.BigInteger(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_mark_ups"),
        sa.UniqueConstraint(
            "organization_id", "valid_from_us", name="uq_ledger_mark_ups_organization_id_valid_from_us"
        ),
    )
    create_table(
        "ledger_organizations",
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", name="pk_ledger_organizations"),
    )
    create_table(
        "ledger_re_ratings",
        sa.Column("id", Exact(128), nullable=False),
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("from_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger()),
        sa.Column("provider_id", Exact(128)),
        sa.Column("model", Exact(256)),
        sa.Column("upstream_model", Exact(256)),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.Column("adjusted", sa.BigInteger(), nullable=False),
        sa.Column("cost_before", Exact(40), nullable=False),
        sa.Column("cost_after", Exact(40), nullable=False),
        sa.Column("charge_before", Exact(40), nullable=False),
        sa.Column("charge_after", Exact(40), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_re_ratings"),
    )
    create_index(
        "ix_ledger_re_ratings_organization_id_created_at_us", "ledger_re_ratings", ["organization_id", "created_at_us"]
    )
    create_table(
        "ledger_replies",
        sa.Column("caller", Exact(64), nullable=False),
        sa.Column("request_key", Exact(64), nullable=False),
        sa.Column("fingerprint", Exact(64), nullable=False),
        sa.Column("sealed", Long(), nullable=False),
        sa.Column("kept_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("caller", "request_key", name="pk_ledger_replies"),
    )
    create_index("ix_ledger_replies_caller_kept_at", "ledger_replies", ["caller", "kept_at"])
    create_index("ix_ledger_replies_kept_at", "ledger_replies", ["kept_at"])
    create_table(
        "ledger_transactions",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("kind", Exact(32), nullable=False),
        sa.Column("at_us", sa.BigInteger(), nullable=False),
        sa.Column("reference", Exact(128), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_transactions"),
    )
    create_index("ix_ledger_transactions_organization_id_id", "ledger_transactions", ["organization_id", "id"])
    create_index("ix_ledger_transactions_reference", "ledger_transactions", ["reference"])
    create_table(
        "ledger_adjustments",
        sa.Column("record_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("re_rating_id", Exact(128), nullable=False),
        sa.Column("transaction_id", _NUMBER, nullable=False),
        sa.Column("project_id", Exact(128), nullable=False),
        sa.Column("key_id", Exact(128), nullable=False),
        sa.Column("user_id", Exact(128), nullable=False),
        sa.Column("model", Exact(256), nullable=False),
        sa.Column("provider_id", Exact(128), nullable=False),
        sa.Column("occurred_at_us", sa.BigInteger(), nullable=False),
        sa.Column("cost_before", sa.BigInteger()),
        sa.Column("cost_after", sa.BigInteger()),
        sa.Column("charge_before", sa.BigInteger()),
        sa.Column("charge_after", sa.BigInteger()),
        sa.Column("price_id", Exact(128)),
        sa.PrimaryKeyConstraint("record_id", "number", name="pk_ledger_adjustments"),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["ledger_transactions.id"], name="fk_ledger_adjustments_transaction_id"
        ),
    )
    create_index(
        "ix_ledger_adjustments_organization_id_occurred_at_us",
        "ledger_adjustments",
        ["organization_id", "occurred_at_us"],
    )
    create_index("ix_ledger_adjustments_transaction_id", "ledger_adjustments", ["transaction_id"])
    create_table(
        "ledger_alerts",
        sa.Column("budget_id", Exact(128), nullable=False),
        sa.Column("start_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("percent", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("authorized", sa.BigInteger(), nullable=False),
        sa.Column("crossed_at_us", sa.BigInteger(), nullable=False),
        sa.Column("telling", Exact(64), nullable=False),
        sa.PrimaryKeyConstraint("budget_id", "start_us", "percent", name="pk_ledger_alerts"),
        sa.ForeignKeyConstraint(["budget_id"], ["ledger_budgets.id"], name="fk_ledger_alerts_budget_id"),
    )
    create_table(
        "ledger_budget_periods",
        sa.Column("budget_id", Exact(128), nullable=False),
        sa.Column("start_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("end_us", sa.BigInteger()),
        sa.Column("authorized", sa.BigInteger(), nullable=False),
        sa.Column("held", sa.BigInteger(), nullable=False),
        sa.Column("spent", sa.BigInteger(), nullable=False),
        sa.Column("opening", Exact(64), nullable=False),
        sa.PrimaryKeyConstraint("budget_id", "start_us", name="pk_ledger_budget_periods"),
        sa.ForeignKeyConstraint(["budget_id"], ["ledger_budgets.id"], name="fk_ledger_budget_periods_budget_id"),
        *_integers("ledger_budget_periods", "authorized", "held", "spent"),
    )
    create_index(
        "ix_ledger_budget_periods_organization_id_budget_id_start_us",
        "ledger_budget_periods",
        ["organization_id", "budget_id", "start_us"],
    )
    create_table(
        "ledger_entries",
        sa.Column("transaction_id", _NUMBER, nullable=False),
        sa.Column("account_id", _NUMBER, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("transaction_id", "account_id", name="pk_ledger_entries"),
        sa.ForeignKeyConstraint(["account_id"], ["ledger_accounts.id"], name="fk_ledger_entries_account_id"),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["ledger_transactions.id"], name="fk_ledger_entries_transaction_id"
        ),
        *_integers("ledger_entries", "amount"),
    )
    create_index("ix_ledger_entries_account_id_transaction_id", "ledger_entries", ["account_id", "transaction_id"])
    create_table(
        "ledger_holds",
        sa.Column("budget_id", Exact(128), nullable=False),
        sa.Column("start_us", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("source", Exact(128), nullable=False),
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("expires_at_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("budget_id", "start_us", "source", name="pk_ledger_holds"),
        sa.ForeignKeyConstraint(["budget_id"], ["ledger_budgets.id"], name="fk_ledger_holds_budget_id"),
        *_integers("ledger_holds", "amount"),
    )
    create_index("ix_ledger_holds_expires_at_us", "ledger_holds", ["expires_at_us"])
    create_index("ix_ledger_holds_source", "ledger_holds", ["source"])
    create_table(
        "ledger_raises",
        sa.Column("id", Exact(128), nullable=False),
        sa.Column("organization_id", Exact(128), nullable=False),
        sa.Column("budget_id", Exact(128), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("created_at_us", sa.BigInteger(), nullable=False),
        sa.Column("until_us", sa.BigInteger(), nullable=False),
        sa.Column("ended_at_us", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_raises"),
        sa.ForeignKeyConstraint(["budget_id"], ["ledger_budgets.id"], name="fk_ledger_raises_budget_id"),
    )
    create_index("ix_ledger_raises_ended_at_us_until_us", "ledger_raises", ["ended_at_us", "until_us"])
    create_index("ix_ledger_raises_organization_id", "ledger_raises", ["organization_id"])


def downgrade() -> None:
    """Take this step back."""
    op.drop_table("ledger_raises")
    op.drop_table("ledger_holds")
    op.drop_table("ledger_entries")
    op.drop_table("ledger_budget_periods")
    op.drop_table("ledger_alerts")
    op.drop_table("ledger_adjustments")
    op.drop_table("ledger_transactions")
    op.drop_table("ledger_replies")
    op.drop_table("ledger_re_ratings")
    op.drop_table("ledger_organizations")
    op.drop_table("ledger_mark_ups")
    op.drop_table("ledger_closed_periods")
    op.drop_table("ledger_budgets")
    op.drop_table("ledger_audit_trail")
    op.drop_table("ledger_audit_keys")
    op.drop_table("ledger_audit_head")
    op.drop_table("ledger_accounts")


def _integers(table: str, *names: str) -> list[sa.CheckConstraint]:
    # SQLite turns a sum beyond 64 bits into a float, and says nothing; the others refuse it.
    if op.get_context().dialect.name != "sqlite":
        return []
    rule = " AND ".join(f"typeof({name}) = 'integer'" for name in names)
    return [sa.CheckConstraint(rule, name=op.f(f"ck_{table}_integers"))]
