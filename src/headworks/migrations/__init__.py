"""Schema changes, for Alembic: one folder of versions for each context, each on a database of its own."""
