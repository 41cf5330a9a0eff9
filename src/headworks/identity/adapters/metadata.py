"""What all tables of identity belong to."""

from headworks.kernel.database import new_metadata

metadata = new_metadata()
