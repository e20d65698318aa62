"""Sends the deliveries that are due, on its own threads, because receivers may be slow.

Planning and encoding share the worker's task slots, and none of them may wait for a remote server.
"""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import structlog
from sqlalchemy.orm import Session

from narration import telemetry
from narration.api_settings import WebhookSettings
from narration.errors import TransientError
from narration.webhooks.claims import MOST_OF_OWNER, DeliveryClaim, claim_delivery
from narration.webhooks.deliveries import (
    Attempt,
    record_attempt,
    renew_delivery,
)
from worker.context import WorkerContext
from worker.webhooks.sender import Sender

SENDERS = 2 * MOST_OF_OWNER  # threads per process: all receivers of one owner may be slow

log = structlog.get_logger(__name__)


def send_next(context: WorkerContext, sender: Sender, settings: WebhookSettings) -> bool:
    """Send the delivery whose turn it is; return False if there is none.

    Raises: DatabaseUnavailable; the delivery is retried when its lease has expired.
    """
    with context.session() as session:
        claim = claim_delivery(session, until=context.leases.until(), now=context.clock())
    if claim is None:
        return False

    def renew(session: Session, *, until: datetime) -> bool:
        return renew_delivery(session, claim, until=until)

    with context.leases.keep(renew):
        attempt = _attempt(sender, claim)
    with context.session() as session:
        is_ours = record_attempt(
            session,
            claim,
            attempt,
            disable_after=timedelta(days=settings.disable_days),
            now=context.clock(),
        )
    _report(claim, attempt, is_ours=is_ours)
    return True


class WebhookRunner:
    """A set of threads that send until nothing is due; a wake-up starts one more."""

    def __init__(self, context: WorkerContext, sender: Sender, settings: WebhookSettings) -> None:
        self._context = context
        self._sender = sender
        self._settings = settings
        self._threads = ThreadPoolExecutor(SENDERS, thread_name_prefix="webhook")
        self._running = 0
        self._is_ending = False
        self._guard = threading.Lock()

    def wake(self) -> None:
        """Have a thread look for due deliveries; returns at once."""
        with self._guard:
            if self._is_ending or self._running >= SENDERS:
                return  # running threads look for more before they end
            self._running += 1
            self._threads.submit(self._run)

    def drain(self) -> None:
        """Start no more deliveries."""
        with self._guard:
            self._is_ending = True

    def close(self) -> None:
        """Wait for the running deliveries, each of which is bounded in time."""
        self.drain()
        self._threads.shutdown(wait=True)
        self._sender.close()

    def _run(self) -> None:
        try:
            while not self._is_ending and send_next(self._context, self._sender, self._settings):
                pass
        except TransientError as error:
            log.info("webhooks_not_sent", reason=str(error))
        except Exception:
            log.exception("webhook_crashed")  # nothing else reports what a thread raises
        finally:
            with self._guard:
                self._running -= 1


def _attempt(sender: Sender, claim: DeliveryClaim) -> Attempt:
    try:
        return sender.send(claim)
    except Exception:
        # Otherwise the attempt would not count, and a message that hits a bug would never expire.
        log.exception("webhook_crashed", delivery_id=claim.id)
        return Attempt(took_ms=0, error="internal error in the server: see its log")


def _report(claim: DeliveryClaim, attempt: Attempt, *, is_ours: bool) -> None:
    outcome = "failed" if attempt.error else "taken"
    if not attempt.is_begun:
        outcome = "postponed"
    telemetry.WEBHOOK_ATTEMPTS.labels(outcome=outcome).inc()
    # Neither the URL nor the error is logged: both may contain the receiver's secrets.
    log.info(
        "webhook_sent",
        webhook_id=claim.webhook_id,
        delivery_id=claim.id,
        attempts=claim.attempts,
        outcome=outcome if is_ours else "lost",
        status=attempt.status_code,
        took_ms=attempt.took_ms,
    )
