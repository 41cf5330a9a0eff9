"""One relational database for each context: connections, transactions, column types, schema versions.

Tables are SQLAlchemy Core, not ORM: rows stay inside the adapters, and nothing is loaded behind one's back.
"""

from headworks.kernel.database.address import Address, BadAddress
from headworks.kernel.database.announcements import Announcements
from headworks.kernel.database.columns import Exact, Long, Microseconds, new_metadata
from headworks.kernel.database.database import Database
from headworks.kernel.database.dialects import unless_there
from headworks.kernel.database.failures import DatabaseUnavailable, is_about_rows, is_duplicate
from headworks.kernel.database.inline import BY_KEY
from headworks.kernel.database.schema import (
    Schema,
    SchemaNotReady,
    SchemaTooNew,
    SchemaUnreadable,
    Standing,
    prepare_schema,
)
from headworks.kernel.database.server import Limits
from headworks.kernel.database.trail import Trail
from headworks.kernel.database.trail_keys import KeptTrailKeys, SqlTrailKeys
from headworks.kernel.database.walls import EVERYTHING, Sight, beyond, wall_off

__all__ = [
    "BY_KEY",
    "EVERYTHING",
    "Address",
    "Announcements",
    "BadAddress",
    "Database",
    "DatabaseUnavailable",
    "Exact",
    "KeptTrailKeys",
    "Limits",
    "Long",
    "Microseconds",
    "Schema",
    "SchemaNotReady",
    "SchemaTooNew",
    "SchemaUnreadable",
    "Sight",
    "SqlTrailKeys",
    "Standing",
    "Trail",
    "beyond",
    "is_about_rows",
    "is_duplicate",
    "new_metadata",
    "prepare_schema",
    "unless_there",
    "wall_off",
]
