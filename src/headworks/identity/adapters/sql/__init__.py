"""Identity in a relational database."""

from headworks.identity.adapters.sql.store import SqlStore

__all__ = ["SqlStore"]
