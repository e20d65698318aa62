"""Upgrades a database to the current schema; embedded mode does so at every start.

Events of a database that was restored to another server get numbers that are valid there.
"""

from functools import cache
from importlib.resources import files
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine
from sqlalchemy.engine import make_url

from narration.database import make_engine
from narration.database_errors import explained_errors
from narration.errors import SchemaOutdated, SettingsError
from narration.restored import adopt_events


def migrate(url: str) -> None:
    """Apply all missing migrations; safe to run twice.

    Raises: DatabaseUnavailable; OutputError if the disk of SQLite is full; SettingsError if there
    can be no database at the configured place.
    """
    path = make_url(url).database
    if make_url(url).get_backend_name() == "sqlite" and path and path != ":memory:":
        _make_folder(Path(path).parent)
    engine = make_engine(url)
    try:
        with explained_errors(engine), engine.begin() as connection:
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
        with explained_errors(engine), engine.begin() as connection:
            adopt_events(connection)
    finally:
        engine.dispose()


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"the folder {folder} cannot be created ({error.strerror}): "
            "set RHAPSODE_DATA_DIR to one that can"
        ) from error


def is_current(engine: Engine) -> bool:
    """Return whether the database has the schema of this release.

    Raises: DatabaseUnavailable.
    """
    return _revision(engine) == _head()


def check_schema(engine: Engine) -> None:
    """Check that the tables exist; those of a newer release are accepted while it rolls out.

    Raises: SchemaOutdated, DatabaseUnavailable.
    """
    revision = _revision(engine)
    if revision == _head():
        return
    ours = {script.revision for script in _scripts().walk_revisions()}
    if revision is None or revision in ours:
        raise SchemaOutdated


def _revision(engine: Engine) -> str | None:
    with explained_errors(engine), engine.connect() as connection:
        return MigrationContext.configure(connection).get_current_revision()


@cache  # a probe asks every few seconds, and Alembic would run all migration files for it
def _head() -> str | None:
    return _scripts().get_current_head()


def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    return config
