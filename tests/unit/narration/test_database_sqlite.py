"""Writers of SQLite wait in a queue, and none of them keeps its turn when it fails."""

import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine, event, text

from narration import database_sqlite
from narration.database import make_engine, session_scope
from narration.database_sqlite import WriterQueue
from narration.errors import RhapsodeError

WAIT_S = 10.0


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    engine = make_engine(f"sqlite:///{tmp_path / 'notes.db'}")
    with session_scope(engine) as session:
        session.execute(text("CREATE TABLE notes (name TEXT)"))
    return engine


def write(engine: Engine, name: str, meanwhile: Callable[[], object] = lambda: None) -> None:
    with session_scope(engine) as session:
        session.execute(text("INSERT INTO notes VALUES (:name)"), {"name": name})
        meanwhile()


def names(engine: Engine) -> list[str]:
    with session_scope(engine, is_read_only=True) as session:
        return list(session.scalars(text("SELECT name FROM notes ORDER BY rowid")))


def test_writers_go_in_the_order_in_which_they_came(engine: Engine) -> None:
    may_end, expected = threading.Event(), [f"writer {number}" for number in range(6)]
    first = threading.Thread(target=write, args=(engine, "first", lambda: may_end.wait(WAIT_S)))
    first.start()
    threads = []
    for name in expected:
        time.sleep(0.1)  # it connects, and joins the queue
        threads.append(threading.Thread(target=write, args=(engine, name)))
        threads[-1].start()
    time.sleep(0.3)  # by now SQLite's own waiters would look only every tenth of a second
    may_end.set()
    for thread in (first, *threads):
        thread.join(WAIT_S)
    assert names(engine) == ["first", *expected]


def test_readers_do_not_wait_for_writers(engine: Engine) -> None:
    seen: list[list[str]] = []
    write(engine, "one", lambda: seen.append(names(engine)))
    assert seen == [[]]


def test_whoever_fails_leaves_the_turn_to_the_next(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError):
        write(engine, "never", lambda: 1 / 0)
    began = time.monotonic()
    write(engine, "next")
    assert time.monotonic() - began < WAIT_S
    assert names(engine) == ["next"]


def test_a_writer_in_another_process_keeps_nobodys_turn(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_sqlite, "BUSY_MS", 100)
    engine.dispose()
    other = sqlite3.connect(tmp_path / "notes.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for _ in range(2):  # the second finds that the first has left
        with pytest.raises(RhapsodeError, match="locked"):
            write(engine, "never")
    other.execute("ROLLBACK")
    other.close()
    write(engine, "at last")
    assert names(engine) == ["at last"]


@pytest.mark.parametrize("is_read_only", [True, False])
def test_an_interrupted_statement_leaves_the_turn_and_is_not_hidden(
    engine: Engine, *, is_read_only: bool
) -> None:
    is_pressed = threading.Event()

    def interrupt(*_: object) -> None:
        if not is_pressed.is_set():
            is_pressed.set()
            raise KeyboardInterrupt

    event.listen(engine, "do_execute", interrupt)
    with pytest.raises(KeyboardInterrupt), session_scope(engine, is_read_only=is_read_only) as one:
        one.execute(text("SELECT 1"))
    assert is_pressed.is_set()
    began = time.monotonic()
    write(engine, "next")
    assert time.monotonic() - began < WAIT_S


def test_an_interrupted_wait_takes_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(self: threading.Event, timeout: float | None = None) -> bool:
        del self, timeout
        raise KeyboardInterrupt

    queue = WriterQueue()
    assert queue.enter(WAIT_S)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Event, "wait", interrupt)
        with pytest.raises(KeyboardInterrupt):
            queue.enter(WAIT_S)
    queue.leave()
    assert queue.enter(0.01)


def test_a_turn_that_does_not_come_in_time_is_nobodys_loss() -> None:
    queue = WriterQueue()
    assert queue.enter(WAIT_S)
    assert not queue.enter(0.01)
    queue.leave()
    assert queue.enter(WAIT_S)
    queue.leave()
