"""The limit of queued jobs is kept although they are rarely counted."""

from dataclasses import dataclass, field

import pytest
from sqlalchemy import Engine, event

from narration.database import session_scope
from narration.errors import QueueFullError
from narration.jobs.queue_room import COUNTED_FOR_S, QueueRoom
from tests.builders import make_job


@dataclass(slots=True)
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass(slots=True)
class Counts:
    """How many times queued jobs were counted."""

    statements: list[str] = field(default_factory=list)

    def __call__(self, _connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "count(" in statement:
            self.statements.append(statement)


def submit(database: Engine, room: QueueRoom, most: int) -> None:
    with session_scope(database) as session:
        room.require(session, most)
        make_job(session)
    room.count_submitted()


def test_a_full_queue_refuses_within_the_second_of_a_count(sqlite_database: Engine) -> None:
    room = QueueRoom(clock=Clock())
    for _ in range(3):
        submit(sqlite_database, room, most=3)
    with pytest.raises(QueueFullError, match="3 jobs are waiting already"):
        submit(sqlite_database, room, most=3)


def test_jobs_are_counted_once_a_second(sqlite_database: Engine) -> None:
    clock, counts = Clock(), Counts()
    event.listen(sqlite_database, "before_cursor_execute", counts)
    room = QueueRoom(clock=clock)
    for _ in range(4):
        submit(sqlite_database, room, most=10)
    assert len(counts.statements) == 1
    clock.now += COUNTED_FOR_S
    submit(sqlite_database, room, most=10)
    assert len(counts.statements) == 2


def test_a_queue_that_has_emptied_takes_jobs_at_once(sqlite_database: Engine) -> None:
    room = QueueRoom(clock=Clock())
    with session_scope(sqlite_database) as session:
        room.require(session, 1)
        room.count_submitted()  # a worker has claimed it meanwhile: nothing is queued
        room.require(session, 1)
