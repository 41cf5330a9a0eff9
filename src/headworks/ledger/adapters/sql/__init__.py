"""The ledger in a relational database."""

from headworks.ledger.adapters.sql.ledger import SqlLedger
from headworks.ledger.adapters.tables import SCHEMA

__all__ = ["SCHEMA", "SqlLedger"]
