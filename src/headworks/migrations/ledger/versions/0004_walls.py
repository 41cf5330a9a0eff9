"""On PostgreSQL each organisation sees its own rows, whatever a statement forgets: docs/decisions/0024-row-level-security.md."""

from __future__ import annotations

from headworks.migrations.steps import build_walls, remove_walls

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TABLES = (
    "ledger_accounts",
    "ledger_adjustments",
    "ledger_alerts",
    "ledger_audit_trail",
    "ledger_budget_periods",
    "ledger_budgets",
    "ledger_closed_periods",
    "ledger_forgotten",
    "ledger_holds",
    "ledger_mark_ups",
    "ledger_organizations",
    "ledger_raises",
    "ledger_re_ratings",
    "ledger_transactions",
)


def upgrade() -> None:
    """Apply this step."""
    build_walls(*_TABLES)


def downgrade() -> None:
    """Take this step back."""
    remove_walls(*_TABLES)
