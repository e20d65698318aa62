"""Creates deliveries as soon as events are committed: on notices, and on every sweep.

The transactions that write events know nothing of webhooks and never wait for this module.
"""

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import structlog
from sqlalchemy import Engine

from narration.broker.interface import MISSED, Broker
from narration.clock import Clock
from narration.database import session_scope
from narration.errors import TransientError
from narration.jobs.events import parse_notice
from narration.webhooks.fan_out import fan_out, find_behind

GAP_S = 0.05  # notices that arrive within this time are handled together
UNSETTLED_S = 0.25  # how soon to look again for events held back by an open transaction

log = structlog.get_logger(__name__)


def make_deliveries(database: Engine, clock: Clock, owners: Collection[str] | None = None) -> bool:
    """Create the deliveries of all settled events; False if more may follow soon.

    Raises: DatabaseUnavailable; DiskFull with SQLite.
    """
    with session_scope(database, is_read_only=True) as session:
        behind = find_behind(session, owners)
    is_settled = True
    for webhook_id in behind:
        try:
            is_settled = _make_all_of(database, clock, webhook_id) and is_settled
        except TransientError:
            raise
        except Exception:
            # A bug triggered by one webhook must not stop the others, or the sweep.
            log.exception("webhook_fan_out_crashed", webhook_id=webhook_id)
    return is_settled


def _make_all_of(database: Engine, clock: Clock, webhook_id: str) -> bool:
    while True:
        with session_scope(database) as session:
            progress = fan_out(session, webhook_id, now=clock())
        if not (progress.has_more and progress.is_settled):
            return progress.is_settled


class WebhookFeed:
    """A thread that creates deliveries for the owners named in notices."""

    def __init__(self, database: Engine, broker: Broker, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._owners: set[str] = set()
        self._is_missed = False
        self._guard = threading.Lock()
        self._noticed = threading.Event()
        self._is_closed = threading.Event()
        self._subscription = broker.subscribe(self._on_notice)
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        if self._subscription is not None:
            self._subscription.close()
        self._is_closed.set()
        self._noticed.set()
        self._thread.join()

    def _on_notice(self, notice: str) -> None:
        with self._guard:
            if notice == MISSED:
                self._is_missed = True
            else:
                self._owners.add(parse_notice(notice)[1])
        self._noticed.set()

    def _run(self) -> None:
        while True:
            self._noticed.wait()
            if self._is_closed.is_set():
                return
            self._noticed.clear()
            owners = self._take_owners()
            try:
                is_settled = make_deliveries(self._database, self._clock, owners)
            except TransientError as error:
                log.info("webhook_fan_out_failed", reason=str(error))  # the next sweep catches up
            except Exception:
                log.exception("webhook_feed_crashed")  # likewise, and the thread must survive
            else:
                if not is_settled:
                    self._look_again(owners)
            self._is_closed.wait(GAP_S)

    def _take_owners(self) -> Collection[str] | None:
        with self._guard:
            owners = None if self._is_missed else frozenset(self._owners)
            self._owners.clear()
            self._is_missed = False
        return owners

    def _look_again(self, owners: Collection[str] | None) -> None:
        self._is_closed.wait(UNSETTLED_S)
        with self._guard:
            if owners is None:
                self._is_missed = True
            else:
                self._owners.update(owners)
        self._noticed.set()


@contextmanager
def following_events(database: Engine, broker: Broker, clock: Clock) -> Iterator[None]:
    """Run a feed for as long as the context lasts, if the broker has notices."""
    feed = WebhookFeed(database, broker, clock)
    try:
        yield
    finally:
        feed.close()
