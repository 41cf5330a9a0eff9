"""Alembic runs this file for each migration. `kernel.database` says which database and which tables."""

from alembic import context
from sqlalchemy import Connection, create_engine, event


def run() -> None:
    """Migrate the database that the configuration names: a connection to a server, or the URL of an SQLite file."""
    connection = context.config.attributes.get("connection")
    if connection is not None:
        # Whoever gave it holds a lock, has begun a transaction, and commits.
        migrate(connection)
        return
    engine = create_engine(context.config.attributes["url"], connect_args={"isolation_level": None})
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.connect() as connection:
        migrate(connection)
    engine.dispose()


def migrate(connection: Connection) -> None:
    """All steps in one transaction, where the database can; MariaDB and MySQL commit each statement that changes a table."""
    context.configure(
        connection=connection,
        target_metadata=context.config.attributes["metadata"],
        version_table=context.config.attributes["version_table"],
        # SQLite changes a table by copying it; Alembic does so in batch mode.
        render_as_batch=connection.dialect.name == "sqlite",
        transactional_ddl=connection.dialect.name in {"sqlite", "postgresql"},
    )
    with context.begin_transaction():
        context.run_migrations()


run()
