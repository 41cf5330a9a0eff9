"""The catalog in a relational database."""

from headworks.catalog.adapters.sql.catalogs import SqlCatalogs
from headworks.catalog.adapters.tables import SCHEMA

__all__ = ["SCHEMA", "SqlCatalogs"]
