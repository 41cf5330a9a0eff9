"""What all tables of identity belong to, and the kinds of text in them."""

from headworks.kernel.database import Exact, new_metadata
from headworks.kernel.text import COMPARABLE_LENGTH, NAME_LENGTH

metadata = new_metadata()

ID = Exact(64, text_in_sqlite=True)
"""An id, or a SHA-256 in hex."""
NAME = Exact(NAME_LENGTH, text_in_sqlite=True)
COMPARED = Exact(COMPARABLE_LENGTH, text_in_sqlite=True)
"""A name or an address as `kernel.text.comparable` has it."""
EMAIL = Exact(254, text_in_sqlite=True)
WORD = Exact(16, text_in_sqlite=True)
SUBJECT = Exact(255, text_in_sqlite=True)
"""What a directory calls somebody (OpenID Connect Core 1.0, section 2)."""
