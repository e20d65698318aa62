"""SQLite's connections and transactions.

The writers of an engine take turns, in order of arrival. SQLite itself lets a writer
that finds the file locked sleep for up to a tenth of a second and look again; whoever comes
meanwhile goes first, so among a few busy threads one sometimes waits for seconds.
"""

import threading
from collections import deque
from functools import partial

from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

BUSY_MS = 30_000  # how long a writer waits, once in the queue and once for other processes
READ_ONLY = "is_read_only"  # execution option of connections


def prepare_sqlite(engine: Engine) -> None:
    """Set how the connections of an engine begin and end their transactions."""
    event.listen(engine, "connect", _set_up)
    writers = WriterQueue()
    event.listen(engine, "begin", partial(_begin, writers))
    # Both come just before the transaction ends, so the next writer still waits for a moment.
    event.listen(engine, "commit", partial(_pass_turn, writers))
    event.listen(engine, "rollback", partial(_pass_turn, writers))


class WriterQueue:
    """Passes the turn to write from thread to thread, for the connections of one engine.

    Writers of other engines and processes do not take part: against those SQLite's own lock
    decides, which every writer still takes.
    """

    def __init__(self) -> None:
        self.holder: Connection | None = None
        self._guard = threading.Lock()
        self._is_taken = False
        self._waiting: deque[threading.Event] = deque()

    def enter(self, timeout_s: float) -> bool:
        """Wait for the turn; return False if it did not come in time."""
        with self._guard:
            if not self._is_taken:
                self._is_taken = True
                return True
            turn = threading.Event()
            self._waiting.append(turn)
        try:
            turn.wait(timeout_s)
        except BaseException:  # Ctrl-C: a turn that nobody waits for would be passed on by nobody
            if self._leave_queue(turn):
                self.leave()
            raise
        return self._leave_queue(turn)

    def leave(self) -> None:
        """Pass the turn to whoever has waited longest."""
        with self._guard:
            self.holder = None
            if self._waiting:
                self._waiting.popleft().set()
            else:
                self._is_taken = False

    def _leave_queue(self, turn: threading.Event) -> bool:
        """Stop waiting; return whether the turn had come."""
        with self._guard:
            if not turn.is_set():
                self._waiting.remove(turn)
            return turn.is_set()


def _set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # this module issues BEGIN itself
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", f"busy_timeout={BUSY_MS}", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.execute("PRAGMA synchronous=NORMAL")  # safe with WAL: a crash loses no committed order
    cursor.close()


def _begin(writers: WriterQueue, connection: Connection) -> None:
    if connection.get_execution_options().get(READ_ONLY, False):
        connection.exec_driver_sql("BEGIN")
        return
    if writers.enter(BUSY_MS / 1000):
        writers.holder = connection
    try:
        # IMMEDIATE takes the write lock at the start: a transaction that reads first and writes
        # later could otherwise fail half-way with "database is locked", whatever the timeout.
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    except BaseException:
        _pass_turn(writers, connection)
        raise


def _pass_turn(writers: WriterQueue, connection: Connection) -> None:
    # Not remembered in the connection's `info`, which an invalidated connection no longer has.
    if writers.holder is connection:
        writers.leave()
