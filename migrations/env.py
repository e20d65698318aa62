"""Alembic's entry point: uses the given connection, or the database of the settings."""

from alembic import context
from sqlalchemy import Connection

from narration import workers
from narration.database import Base, make_engine
from narration.jobs import history, kept_plan, sound_record, upload
from narration.jobs import record as jobs
from narration.keys import record as keys
from narration.settings import load_settings
from narration.voices import record as voices
from narration.webhooks import record as webhooks

# The metadata contains only the tables of loaded modules.
TABLES = {
    jobs.Job,
    keys.ApiKey,
    history.PastTake,
    kept_plan.KeptPlan,
    sound_record.ChunkAudio,
    upload.Upload,
    voices.Voice,
    webhooks.Webhook,
    workers.Worker,
}
if not {mapper.class_ for mapper in Base.registry.mappers} >= TABLES:
    raise RuntimeError("a table is missing from the metadata")


def run(connection: Connection) -> None:
    """Migrate on one connection, in its current transaction."""
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
