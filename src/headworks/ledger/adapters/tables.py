"""The tables of the ledger, in usage's database. A change here needs a migration in `migrations/ledger/versions`."""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    Table,
    UniqueConstraint,
)

from headworks.kernel.database import Announcements, Exact, Schema, Trail, new_metadata, wall_off
from headworks.kernel.database.replies import replies_table
from headworks.ledger.contracts import BudgetChanged, LeasesWanted, MarkUpChanged

METADATA = new_metadata()

SCHEMA = Schema("ledger", METADATA, head="0004", serves="0002", beside="usage")

TRAIL = Trail("ledger", METADATA)

ANNOUNCEMENTS = Announcements("ledger", METADATA, (BudgetChanged, LeasesWanted, MarkUpChanged))

_ID = Exact(128)
_MODEL = Exact(256)
_NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""A number that the database gives. SQLite gives one to an INTEGER only."""


def _integers(*names: str) -> CheckConstraint:
    # SQLite turns a sum beyond 64 bits into a float, and says nothing; the others refuse it.
    check: CheckConstraint = CheckConstraint(
        " AND ".join(f"typeof({name}) = 'integer'" for name in names), name="integers"
    ).ddl_if(dialect="sqlite")
    return check


organizations = Table(
    "ledger_organizations",
    METADATA,
    Column("organization_id", _ID, primary_key=True),
    Column("revision", BigInteger, nullable=False),
)
"""One row for each: what is locked by whoever settles, together with others, or changes what is settled by, alone."""

accounts = Table(
    "ledger_accounts",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    # SHA-256 of all the rest: eight columns are more than an index of some databases holds.
    Column("digest", Exact(64), nullable=False, unique=True),
    Column("kind", Exact(16), nullable=False),
    Column("organization_id", _ID, nullable=False),
    Column("project_id", _ID, nullable=False),
    Column("key_id", _ID, nullable=False),
    Column("provider_id", _ID, nullable=False),
    Column("budget_id", _ID, nullable=False),
    Column("period_start_us", BigInteger),
    Column("source", _ID, nullable=False),
    Index(None, "organization_id", "kind"),
    Index(None, "budget_id"),
)

transactions = Table(
    "ledger_transactions",
    METADATA,
    Column("id", _NUMBER, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    Column("kind", Exact(32), nullable=False),
    Column("at_us", BigInteger, nullable=False),
    Column("reference", _ID, nullable=False),
    Index(None, "organization_id", "id"),
    Index(None, "reference"),
)

entries = Table(
    "ledger_entries",
    METADATA,
    Column("transaction_id", ForeignKey("ledger_transactions.id"), primary_key=True),
    Column("account_id", ForeignKey("ledger_accounts.id"), primary_key=True),
    Column("amount", BigInteger, nullable=False),
    _integers("amount"),
    Index(None, "account_id", "transaction_id"),
)

budgets = Table(
    "ledger_budgets",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    Column("name", Exact(512), nullable=False),
    Column("scope", Exact(16), nullable=False),
    Column("scope_id", _MODEL, nullable=False),
    Column("period", Exact(8), nullable=False),
    Column("time_zone", Exact(64), nullable=False),
    Column("anchor", Integer, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("hard", Boolean, nullable=False),
    Column("thresholds", Exact(64), nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("removed_at_us", BigInteger),
    Column("version", BigInteger, nullable=False, server_default="1"),
    # True, or null for one that was removed: of those there may be many of the same scope and period.
    Column("live", Boolean),
    UniqueConstraint("organization_id", "scope", "scope_id", "period", "hard", "live", name="uq_ledger_budgets_scope"),
)

raises = Table(
    "ledger_raises",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    Column("budget_id", ForeignKey("ledger_budgets.id"), nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    Column("until_us", BigInteger, nullable=False),
    Column("ended_at_us", BigInteger),
    Index(None, "organization_id"),
    Index(None, "ended_at_us", "until_us"),
)

periods = Table(
    "ledger_budget_periods",
    METADATA,
    Column("budget_id", ForeignKey("ledger_budgets.id"), primary_key=True),
    Column("start_us", BigInteger, primary_key=True, autoincrement=False),
    Column("organization_id", _ID, nullable=False),
    Column("end_us", BigInteger),
    Column("authorized", BigInteger, nullable=False),
    Column("held", BigInteger, nullable=False),
    Column("spent", BigInteger, nullable=False),
    # Tells whoever made the row that it was they.
    Column("opening", Exact(64), nullable=False),
    _integers("authorized", "held", "spent"),
    Index(None, "organization_id", "budget_id", "start_us"),
)
"""The counters: a cache of the entries."""

holds = Table(
    "ledger_holds",
    METADATA,
    Column("budget_id", ForeignKey("ledger_budgets.id"), primary_key=True),
    Column("start_us", BigInteger, primary_key=True, autoincrement=False),
    Column("source", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    Column("amount", BigInteger, nullable=False),
    Column("expires_at_us", BigInteger, nullable=False),
    _integers("amount"),
    Index(None, "expires_at_us"),
    Index(None, "source"),
)

alerts = Table(
    "ledger_alerts",
    METADATA,
    Column("budget_id", ForeignKey("ledger_budgets.id"), primary_key=True),
    Column("start_us", BigInteger, primary_key=True, autoincrement=False),
    Column("percent", Integer, primary_key=True, autoincrement=False),
    Column("organization_id", _ID, nullable=False),
    Column("spent", BigInteger, nullable=False),
    Column("authorized", BigInteger, nullable=False),
    Column("crossed_at_us", BigInteger, nullable=False),
    Column("telling", Exact(64), nullable=False),
)

mark_ups = Table(
    "ledger_mark_ups",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    Column("ppm", BigInteger, nullable=False),
    Column("valid_from_us", BigInteger, nullable=False),
    Column("created_at_us", BigInteger, nullable=False),
    UniqueConstraint("organization_id", "valid_from_us"),
)

closed_periods = Table(
    "ledger_closed_periods",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    Column("from_us", BigInteger),
    Column("until_us", BigInteger, nullable=False),
    Column("closed_at_us", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    # Sums over a whole period may be beyond 64 bits.
    Column("cost", Exact(40), nullable=False),
    Column("charge", Exact(40), nullable=False),
    UniqueConstraint("organization_id", "until_us"),
)

re_ratings = Table(
    "ledger_re_ratings",
    METADATA,
    Column("id", _ID, primary_key=True),
    Column("organization_id", _ID, nullable=False),
    Column("from_us", BigInteger, nullable=False),
    Column("until_us", BigInteger),
    Column("provider_id", _ID),
    Column("model", _MODEL),
    Column("upstream_model", _MODEL),
    Column("created_at_us", BigInteger, nullable=False),
    Column("records", BigInteger, nullable=False),
    Column("adjusted", BigInteger, nullable=False),
    Column("cost_before", Exact(40), nullable=False),
    Column("cost_after", Exact(40), nullable=False),
    Column("charge_before", Exact(40), nullable=False),
    Column("charge_after", Exact(40), nullable=False),
    Index(None, "organization_id", "created_at_us"),
)

adjustments = Table(
    "ledger_adjustments",
    METADATA,
    Column("record_id", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("organization_id", _ID, nullable=False),
    Column("re_rating_id", _ID, nullable=False),
    Column("transaction_id", ForeignKey("ledger_transactions.id"), nullable=False),
    Column("project_id", _ID, nullable=False),
    Column("key_id", _ID, nullable=False),
    Column("user_id", _ID, nullable=False),
    Column("model", _MODEL, nullable=False),
    Column("provider_id", _ID, nullable=False),
    Column("occurred_at_us", BigInteger, nullable=False),
    Column("cost_before", BigInteger),
    Column("cost_after", BigInteger),
    Column("charge_before", BigInteger),
    Column("charge_after", BigInteger),
    Column("price_id", _ID),
    Index(None, "organization_id", "occurred_at_us"),
    Index(None, "transaction_id"),
)

forgotten = Table(
    "ledger_forgotten",
    METADATA,
    Column("transaction_id", ForeignKey("ledger_transactions.id"), primary_key=True),
    Column("organization_id", _ID, nullable=False),
    Column("records", BigInteger, nullable=False),
    # As of closed periods.
    Column("cost", Exact(40), nullable=False),
    Column("charge", Exact(40), nullable=False),
    Column("forgotten_at_us", BigInteger, nullable=False),
    Index(None, "organization_id", "transaction_id"),
)
"""What settlements came to whose records are gone. They were the same then: an entry that is changed later shows."""

replies = replies_table("ledger", METADATA)

wall_off(METADATA)

SCOPE_COLUMNS: Final = {
    "organization": None,
    "project": "project_id",
    "key": "key_id",
    "user": "user_id",
    "model": "model",
}
"""Which column says what a budget's scope is about; all rows are of one organisation."""
