"""Moving the tables of a context from one database into another: row after row, and then comparing row with row.

Nothing here knows a table by name: what a `Schema` has is moved.
"""

from headworks.kernel.database.moving.comparing import Compared, Different, compare
from headworks.kernel.database.moving.copying import RowRefused, copy
from headworks.kernel.database.moving.rows import ForeignValue, count
from headworks.kernel.database.moving.stored import stored
from headworks.kernel.database.moving.target import Occupied, Target

__all__ = [
    "Compared",
    "Different",
    "ForeignValue",
    "Occupied",
    "RowRefused",
    "Target",
    "compare",
    "copy",
    "count",
    "stored",
]
