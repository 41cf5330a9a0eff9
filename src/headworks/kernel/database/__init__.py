"""One relational database for each context: connections, transactions, column types, schema versions.

Tables are SQLAlchemy Core, not ORM: rows stay inside the adapters, and nothing is loaded behind one's back.
"""

from headworks.kernel.database.columns import Microseconds, new_metadata
from headworks.kernel.database.database import Database, DatabaseUnavailable
from headworks.kernel.database.schema import Schema, SchemaTooNew, SchemaUnreadable, prepare_schema
from headworks.kernel.database.trail import Trail

__all__ = [
    "Database",
    "DatabaseUnavailable",
    "Microseconds",
    "Schema",
    "SchemaTooNew",
    "SchemaUnreadable",
    "Trail",
    "new_metadata",
    "prepare_schema",
]
