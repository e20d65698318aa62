"""A loop that makes up for lost messages and lost workers.

It resends the messages of work that nobody has claimed, fails jobs past their deadline, and deletes
what has expired. Several sweepers may run at once.
"""

import signal
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from narration import telemetry, workers
from narration.broker.interface import Broker, Task
from narration.broker.wakeups import connect_broker, send_queued, wake
from narration.clock import Clock, utc_now
from narration.database import call_after_commit, make_engine, session_scope
from narration.dependencies import DependencyWatch
from narration.errors import (
    BrokerUnavailable,
    InputError,
    NotFoundError,
    TransientError,
)
from narration.health import Health, serve_health
from narration.jobs import listing
from narration.jobs.events import forget_events
from narration.jobs.part_audio import forget_unused_parts
from narration.jobs.parts import count_encodable, count_encoding
from narration.jobs.plans import count_plans, forget_plans
from narration.jobs.purge import (
    delete_job,
    delete_retired_voices,
    find_expired,
    forget_unused_audio,
)
from narration.jobs.record import Job
from narration.jobs.segment_claim import count_claimable, count_in_work
from narration.jobs.stalled import fail_overdue, find_stalled, oldest_wait_s
from narration.jobs.states import ACTIVE, JobState
from narration.jobs.transitions import STEP_TASKS
from narration.jobs.trouble import NO_WORKER, clear_trouble, list_troubles, record_for_waiting
from narration.jobs.uploads import forget_uploads
from narration.keys.lookup import forget_sessions
from narration.setting_types import DAY_S
from narration.settings import Settings, SweeperSettings, load_settings
from narration.storage.keys import chunk_audio_key, part_audio_key
from narration.storage.profiles import Stores, open_stores
from narration.telemetry import TroubleLog
from narration.voices.claim import find_unprepared_voices
from narration.webhooks.deliveries import count_due
from narration.webhooks.fan_out import lower_cursors
from narration.webhooks.feed import following_events, make_deliveries
from narration.webhooks.log import forget_deliveries

log = structlog.get_logger(__name__)

NO_WORKER_DETAIL = "no worker is warm: /readyz says what is awaited"
MOST_ENCODES = 16  # messages per sweep; each part was already announced when it became ready
MOST_NOTIFIES = 8  # likewise; each woken worker sends until nothing is due
MOST_DUE = 1000  # deliveries counted for the metric
EVENT_DAYS = 30  # how far back subscribers can resume, and webhook logs reach


@dataclass(frozen=True, slots=True, kw_only=True)
class Sweeper:
    """What the loop needs."""

    database: Engine
    stores: Stores
    broker: Broker
    settings: SweeperSettings
    clock: Clock = utc_now
    silent_after_s: float = workers.SILENT_AFTER_S
    health: Health = field(default_factory=Health)
    watch: DependencyWatch | None = None

    def run(self, stop: threading.Event) -> None:
        """Sweep until `stop` is set; what fails is retried in the next round."""
        with following_events(self.database, self.broker, self.clock):
            self._run(stop)

    def _run(self, stop: threading.Event) -> None:
        next_purge = self.clock()
        trouble = TroubleLog("sweep_failed")
        while not stop.is_set():
            try:
                self.sweep()
                if self.clock() >= next_purge:
                    self.purge()
                    next_purge = self.clock() + timedelta(seconds=self.settings.purge_interval_s)
            except TransientError as error:
                trouble.note(str(error))
                self.health.await_mending("database", error)
            except Exception:
                # Any error: nothing else makes up for lost messages, so the loop must continue.
                log.exception("sweep_crashed")
            else:
                trouble.clear()
                self.health.await_component("database", None)
                self.health.set_ready()
            stop.wait(self.settings.interval_s)

    def sweep(self) -> None:
        """Resend messages of work that nobody has claimed, and fail overdue jobs."""
        now = self.clock()
        with session_scope(self.database) as session:
            overdue = fail_overdue(session, now=now)
            waiting = find_stalled(session, stalled_s=self.settings.stalled_s, now=now)
            claimable = count_claimable(session, now=now)
            slots = workers.count_slots(session, now=now, silent_after_s=self.silent_after_s)
            idle = slots - count_in_work(session, now=now)
            self._record_troubles(session, slots, now)
            encodable = count_encodable(session, now=now)
            unencoded = min(encodable, MOST_ENCODES) - count_encoding(session, now=now)
            unprepared = find_unprepared_voices(session, now=now)
            workers.forget_silent(
                session, before=now - timedelta(seconds=self.settings.worker_forget_s)
            )
        for job_id in overdue:
            log.info("job_overdue", job_id=job_id)
        for job_id, state in waiting:
            self._resend(STEP_TASKS[state], job_id)
        for _ in range(max(0, min(claimable, idle))):
            self._resend(Task.RENDER)
        for _ in range(unencoded):
            self._resend(Task.ENCODE)
        for voice_id in unprepared:
            self._resend(Task.PREPARE_VOICE, voice_id)
        self._sweep_webhooks()
        self._measure()

    def _sweep_webhooks(self) -> None:
        """Create the deliveries that notices missed, and wake workers to send due ones."""
        make_deliveries(self.database, self.clock)
        with session_scope(self.database, is_read_only=True) as session:
            due = count_due(session, most=MOST_DUE, now=self.clock())
        telemetry.WEBHOOK_DELIVERIES_DUE.set(due)
        for _ in range(min(due, MOST_NOTIFIES)):
            self._resend(Task.NOTIFY)

    def _record_troubles(self, session: Session, slots: int, now: datetime) -> None:
        """Record on jobs what no worker can record: that there is no worker."""
        away = self.watch and self.watch.reason("broker")
        if away:
            record_for_waiting(session, BrokerUnavailable.code, away, states=ACTIVE, now=now)
        else:
            clear_trouble(session, BrokerUnavailable.code)
        if slots:
            clear_trouble(session, NO_WORKER)
        else:
            rendering = frozenset({JobState.RENDERING})
            record_for_waiting(session, NO_WORKER, NO_WORKER_DETAIL, states=rendering, now=now)

    def purge(self) -> None:
        """Delete expired jobs, and chunk audio that has been unused for long."""
        now = self.clock()
        with session_scope(self.database) as session:
            expired = find_expired(session, now=now)
            before = now - timedelta(seconds=self.settings.cache_days * DAY_S)
            # Inside the transaction: if the store does not answer, the rows that name the sounds
            # stay.
            for sha256 in forget_unused_audio(session, before=before):
                self.stores.work.delete(chunk_audio_key(sha256))
            self._purge_parts(session, now)
            delete_retired_voices(session, self.stores)
            while forget_plans(session, self.stores, now=now):
                pass
            while forget_uploads(session, self.stores.work, now=now):
                pass
            forget_sessions(session, now=now)
            forget_events(session, before=now - timedelta(days=EVENT_DAYS))
            forget_deliveries(session, before=now - timedelta(days=EVENT_DAYS))
            lower_cursors(session)
        for job in expired:
            self._purge_job(job)

    def _purge_parts(self, session: Session, now: datetime) -> None:
        before = now - timedelta(days=self.settings.part_days)
        quota_bytes = self.settings.part_quota_bytes
        forget = partial(forget_unused_parts, session, before=before, quota_bytes=quota_bytes)
        while (forgotten := forget()) is not None:
            for sha256 in forgotten:
                self.stores.work.delete(part_audio_key(sha256))

    def _purge_job(self, job: Job) -> None:
        try:
            with session_scope(self.database) as session:
                delete_job(session, self.stores, job.id, now=self.clock())
        except NotFoundError:
            return  # its owner deleted it first
        except InputError as error:  # a removed profile, revoked credentials
            log.warning("purge_refused", job_id=job.id, reason=str(error))
            return
        log.info("job_purged", job_id=job.id)

    def _resend(self, task: Task, *ids: str) -> None:
        telemetry.RESENT.labels(task=task.value).inc()
        wake(self.broker, task, *ids)

    def _measure(self) -> None:
        now = self.clock()
        with session_scope(self.database, is_read_only=True) as session:
            for state, count in listing.count_jobs(session).items():
                telemetry.JOBS.labels(state=state.value).set(count)
            for state in (JobState.QUEUED, JobState.RENDERING, JobState.ASSEMBLING):
                wait_s = oldest_wait_s(session, state, now=now)
                telemetry.OLDEST_WAIT_SECONDS.labels(state=state.value).set(wait_s)
            telemetry.SEGMENTS_WAITING.set(count_claimable(session, now=now))
            slots = workers.count_slots(session, now=now, silent_after_s=self.silent_after_s)
            telemetry.SLOTS.set(slots)
            telemetry.PLANS.set(count_plans(session))
            telemetry.JOBS_IN_TROUBLE.clear()
            for trouble in list_troubles(session, now=now):
                telemetry.JOBS_IN_TROUBLE.labels(code=trouble.code).set(trouble.jobs)


def make_sweeper(settings: Settings, health: Health) -> Sweeper:
    """Create a sweeper with its resources."""
    database = make_engine(settings.database_url, settings.database)
    stores, broker = open_stores(settings), connect_broker(settings.broker)
    call_after_commit(database, send_queued(broker))
    return Sweeper(
        database=database,
        stores=stores,
        broker=broker,
        settings=settings.sweeper,
        silent_after_s=settings.worker.heartbeat_s,
        health=health,
        watch=DependencyWatch(database, broker, stores),
    )


def main() -> None:
    """Run until SIGTERM or SIGINT."""
    settings = load_settings()
    telemetry.set_up_logging(settings.telemetry)
    health = Health()
    serve_health(health, settings.telemetry.metrics_port)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    log.info("sweeper_started")
    sweeper = make_sweeper(settings, health)
    assert sweeper.watch is not None
    sweeper.watch.run(stop)
    sweeper.run(stop)
    log.info("sweeper_ended")


if __name__ == "__main__":
    main()
