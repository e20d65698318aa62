"""Task messages over Celery and Redis, set up for wake-ups: acked early, losable, ids only."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from celery import Celery
from celery.exceptions import CeleryError
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as KombuOperationalError

from narration.broker.interface import QUEUES, Handler, Listener, Queue, Subscription, Task
from narration.broker.notices import CALLS, RedisNotices
from narration.errors import BrokerUnavailable
from narration.settings import BrokerSettings

# Redis keeps a list for each; lower numbers are taken first. Somebody waits for a plan, while a
# part only has to be encoded before its job ends.
SOON, LATER = 0, 6


def make_celery(url: str, settings: BrokerSettings) -> Celery:
    """Make a Celery application; nothing connects before the first message."""
    app = Celery("rhapsode", broker=url, set_as_current=False)
    app.conf.update(
        # Early: a redelivered message would come an hour late or run twice (Redis has no leases),
        # while the sweeper finds lost work in seconds from the database.
        task_acks_late=False,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_serializer="json",
        accept_content=["json"],
        task_default_queue=Queue.CPU,
        task_routes={task.value: {"queue": QUEUES[task].value} for task in Task},
        task_create_missing_queues=True,
        worker_prefetch_multiplier=1,
        worker_hijack_root_logger=False,
        worker_send_task_events=False,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options={
            "socket_connect_timeout": settings.connect_timeout_s,
            "socket_timeout": settings.connect_timeout_s * 10,  # longer than a blocking read
            "retry_on_timeout": True,
        },
        enable_utc=True,
    )
    return app


def listen(app: Celery, handlers: Mapping[Task, Handler]) -> None:
    """Set the handlers of the tasks, before a worker of this application starts."""
    for task, handler in handlers.items():
        app.task(name=task.value, shared=False)(_with_a_signature(handler))


class CeleryBroker:
    """Sends messages through a Celery application."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._notices = RedisNotices.at(str(app.conf.broker_url))

    def send(self, task: Task, *ids: str) -> None:
        """Publish a wake-up; tried once more, for the sweeper will repeat it anyway."""
        policy = {"max_retries": 1, "interval_start": 0.1}
        with _named():
            self._app.send_task(
                task.value,
                args=ids,
                priority=LATER if task is Task.ENCODE else SOON,
                retry=True,
                retry_policy=policy,
            )

    def check(self) -> None:
        """Open a connection."""
        with _named(), self._app.connection_for_write() as connection:
            connection.ensure_connection(max_retries=1, timeout=2)

    def publish(self, notices: Collection[str]) -> None:
        """Publish notices, where the broker is Redis; elsewhere nobody listens."""
        if self._notices is not None:
            self._notices.publish(notices)

    def subscribe(self, listener: Listener) -> Subscription | None:
        """Listen on a thread, where the broker is Redis."""
        return None if self._notices is None else self._notices.subscribe(listener)

    def call(self) -> None:
        """Publish a call, where the broker is Redis: a message takes ten times as long."""
        if self._notices is not None:
            self._notices.publish(["urgent"], channel=CALLS)

    def answer_calls(self, listener: Listener) -> Subscription | None:
        """Listen for calls on a thread, where the broker is Redis."""
        return None if self._notices is None else self._notices.subscribe(listener, channel=CALLS)


def _with_a_signature(handler: Handler) -> Handler:
    """Celery writes a function's signature out and compiles it; handlers may be lambdas."""

    def run(*ids: str) -> None:
        handler(*ids)

    return run


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except (KombuOperationalError, KombuError, CeleryError, OSError) as error:
        raise BrokerUnavailable(f"the broker does not answer: {error}") from error
