import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Engine, create_engine, inspect

from narration.database import check_database, make_engine
from narration.errors import DatabaseUnavailable
from narration.jobs.record import Job
from narration.migrate import is_current, migrate
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
