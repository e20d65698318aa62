"""A row inserted by one short statement behaves as if the session had flushed it."""

from sqlalchemy import Engine, event

from narration.database import session_scope
from narration.jobs.record import Job
from tests.builders import make_job

MOST_CACHED = 50  # parameters of a statement that psycopg parses once only


def test_an_inserted_job_has_every_value_that_its_row_has(sqlite_database: Engine) -> None:
    with session_scope(sqlite_database) as session:
        job = make_job(session)
        assert job in session
    with session_scope(sqlite_database, is_read_only=True) as session:
        stored = session.get_one(Job, job.id)
        # The session of `job` has ended, so attributes that were not loaded could not be read.
        for attribute in Job.__mapper__.column_attrs:
            key = attribute.key
            assert getattr(job, key) == getattr(stored, key), key


def test_a_later_change_in_the_same_transaction_is_written(sqlite_database: Engine) -> None:
    with session_scope(sqlite_database) as session:
        job = make_job(session)
        job.title = "Changed"
    with session_scope(sqlite_database, is_read_only=True) as session:
        assert session.get_one(Job, job.id).title == "Changed"


def test_the_statement_of_a_job_is_short_enough_to_be_parsed_once(sqlite_database: Engine) -> None:
    numbers = []

    def on_execute(
        _c: object, _u: object, statement: str, parameters: tuple[object], *_: object
    ) -> None:
        if statement.startswith("INSERT INTO jobs"):
            numbers.append(len(parameters))

    event.listen(sqlite_database, "before_cursor_execute", on_execute)
    with session_scope(sqlite_database) as session:
        make_job(session, key_id=None, title="A Title", author="An Author", deadline_s=60)
    assert len(numbers) == 1
    assert numbers[0] <= MOST_CACHED
