"""Alembic runs this file for each migration. `kernel.database.schema` says which database and which tables."""

from alembic import context
from sqlalchemy import create_engine, event


def run() -> None:
    """Migrate the database that the configuration names, all steps in one transaction."""
    engine = create_engine(context.config.attributes["url"], connect_args={"isolation_level": None})
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=context.config.attributes["metadata"],
            # SQLite changes a table by copying it; Alembic does so in batch mode.
            render_as_batch=True,
            transactional_ddl=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
