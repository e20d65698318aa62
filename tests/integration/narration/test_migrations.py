import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect

from narration.database import check_database, make_engine, session_scope
from narration.errors import DatabaseUnavailable, SchemaOutdated
from narration.jobs.record import Job
from narration.migrate import check_schema, is_current, migrate
from tests.servers import Postgres


@pytest.fixture(params=["sqlite_database", "postgres_database"])
def database(request: pytest.FixtureRequest) -> Engine:
    return request.getfixturevalue(request.param)


def test_migrations_make_the_tables_of_the_models(database: Engine) -> None:
    with database.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        assert compare_metadata(context, Job.metadata) == []


def test_migrating_twice_changes_nothing(database: Engine) -> None:
    assert is_current(database)
    before = inspect(database).get_table_names()
    migrate(database.url.render_as_string(hide_password=False))
    assert inspect(database).get_table_names() == before


def test_empty_database_is_not_current() -> None:
    assert not is_current(create_engine("sqlite://"))


@pytest.mark.parametrize("revision", [None, "0001"])
def test_older_schema_is_outdated(database: Engine, revision: str | None) -> None:
    check_schema(database)
    set_revision(database, revision)
    with pytest.raises(SchemaOutdated, match="run `rhapsode migrate`"):
        check_schema(database)


def test_schema_of_a_newer_release_is_good_enough(database: Engine) -> None:
    set_revision(database, "9999")
    check_schema(database)
    assert not is_current(database)


@pytest.mark.parametrize("statement", ["SELECT id FROM nowhere", "SELECT nowhere FROM jobs"])
def test_missing_tables_and_columns_are_told_by_either_database(
    database: Engine, statement: str
) -> None:
    with (
        pytest.raises(SchemaOutdated),
        session_scope(database, is_read_only=True) as session,
    ):
        session.connection().exec_driver_sql(statement)


def set_revision(database: Engine, revision: str | None) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
        if revision is not None:
            connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{revision}')")


def test_every_row_has_an_owner(database: Engine) -> None:
    tables = inspect(database)
    for table in set(tables.get_table_names()) - {"alembic_version"}:
        assert "owner" in {column["name"] for column in tables.get_columns(table)}, table


def test_lost_connection_is_a_transient_error_and_the_next_one_works(postgres: Postgres) -> None:
    engine = make_engine(postgres.new_database())
    check_database(engine)
    postgres.stop()
    with pytest.raises(DatabaseUnavailable):
        check_database(engine)
    postgres.start()
    check_database(engine)
    engine.dispose()
