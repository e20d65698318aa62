"""Alembic's entry: on the connection it is handed, or on the database of the settings."""

from alembic import context
from sqlalchemy import Connection

from narration.db import Base, make_engine
from narration.models import Job
from narration.settings import load_settings

assert Job.metadata is Base.metadata  # the tables are known once narration.models is loaded


def run(connection: Connection) -> None:
    """Migrate on one connection, in the transaction it is in."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        compare_type=True,
        compare_server_default=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


connection = context.config.attributes.get("connection")
if connection is not None:
    run(connection)
else:
    settings = load_settings()
    with make_engine(settings.database_url, settings.database).begin() as connection:
        run(connection)
