"""Task messages over Celery and Redis, set up for wake-ups: acked early, losable, ids only."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from celery import Celery
from celery.exceptions import CeleryError
from kombu.exceptions import KombuError
from kombu.exceptions import OperationalError as KombuOperationalError

from narration.broker.first_sounds import SOUNDS
from narration.broker.interface import QUEUES, Handler, Listener, Queue, Subscription, Task
from narration.broker.notices import CALLS, RedisNotices
from narration.errors import BrokerUnavailable
from narration.settings import BrokerSettings

# Redis keeps one list per priority and takes lower numbers first. Somebody may be waiting for a
# plan, while a part only has to be encoded before its job ends.
SOON, LATER = 0, 6


def make_celery(url: str, settings: BrokerSettings) -> Celery:
    """Create a Celery application; nothing connects before the first message."""
    app = Celery("rhapsode", broker=url, set_as_current=False)
    app.conf.update(
        # Early: otherwise a redelivered message would arrive an hour late or run twice (Redis has
        # no leases), while the sweeper finds lost work in the database within seconds.
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
        """Publish a wake-up; retried only once, since the sweeper repeats it anyway."""
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
        """Publish notices if the broker is Redis; with any other there are no listeners."""
        if self._notices is not None:
            self._notices.publish(notices)

    def subscribe(self, listener: Listener) -> Subscription | None:
        """Start a listening thread if the broker is Redis."""
        return None if self._notices is None else self._notices.subscribe(listener)

    def call(self) -> bool:
        """Publish a call, where the broker is Redis: a message takes ten times as long."""
        return bool(self._notices and self._notices.publish(["urgent"], channel=CALLS))

    def answer_calls(self, listener: Listener) -> Subscription | None:
        """Listen for calls on a thread, where the broker is Redis."""
        return None if self._notices is None else self._notices.subscribe(listener, channel=CALLS)

    def hear_first_sounds(self, listener: Listener) -> Subscription | None:
        """Listen for first sounds on a thread, where the broker is Redis."""
        return None if self._notices is None else self._notices.subscribe(listener, channel=SOUNDS)


def _with_a_signature(handler: Handler) -> Handler:
    """Wrap a handler in a function: Celery compiles the signature, which fails for lambdas."""

    def run(*ids: str) -> None:
        handler(*ids)

    return run


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except (KombuOperationalError, KombuError, CeleryError, OSError) as error:
        raise BrokerUnavailable(f"the broker does not answer: {error}") from error
