"""What an organisation's directory told, in a relational database."""

from headworks.identity.adapters.sql.directory.store import SqlDirectory, directory_token_by_hash, record_directory_use

__all__ = ["SqlDirectory", "directory_token_by_hash", "record_directory_use"]
