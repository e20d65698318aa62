"""Wake-ups: queued in a transaction, sent once it is committed; any of them may be lost."""

from collections.abc import Callable, Collection, Sequence

import structlog
from sqlalchemy.orm import Session

from narration.broker.interface import Broker, Task
from narration.errors import BrokerUnavailable, SettingsError
from narration.settings import BrokerSettings

log = structlog.get_logger(__name__)

# At most this many ids in a message. Making one costs as much as writing a row; more ids would save
# little, and one worker works on them in turn.
NAMED_TOGETHER = 8
_QUEUED = "wakeups"
_NOTICES = "notices"
_CALLED = "call"


def connect_broker(settings: BrokerSettings) -> Broker:
    """Return the broker shared with other processes.

    Raises: SettingsError if none is set: without one, everything runs in one process.
    """
    if settings.url is None:
        raise SettingsError(
            "RHAPSODE_BROKER__URL is not set: name the broker the workers listen to, "
            "or run everything in one process with `rhapsode serve`"
        )
    from narration.broker.celery import CeleryBroker, make_celery  # noqa: PLC0415 - an extra

    return CeleryBroker(make_celery(settings.url, settings))


def wake(broker: Broker, task: Task, *ids: str) -> bool:
    """Send a message; return False if that failed: the sweeper repeats it, as any lost message."""
    try:
        broker.send(task, *ids)
    except BrokerUnavailable as error:
        log.warning("wakeup_not_sent", task=task.value, ids=ids, reason=str(error))
        return False
    return True


def queue_wakeup(session: Session, task: Task, *ids: str) -> None:
    """Queue a message to be sent once this transaction is committed; a rollback drops it."""
    session.info.setdefault(_QUEUED, []).append((task, ids))


def queue_shared_wakeups(session: Session, task: Task, ids: Sequence[str]) -> None:
    """Queue messages that name several rows each, for a task that takes one after the other."""
    for start in range(0, len(ids), NAMED_TOGETHER):
        queue_wakeup(session, task, *ids[start : start + NAMED_TOGETHER])


def queue_notice(session: Session, notice: str) -> None:
    """Queue a notice to subscribers, sent once this transaction is committed."""
    session.info.setdefault(_NOTICES, {})[notice] = None  # a set that keeps insertion order


def queue_call(session: Session) -> None:
    """Ask for a speaking worker to be called, once this transaction is committed."""
    session.info[_CALLED] = True


def send_queued(broker: Broker) -> Callable[[Session], None]:
    """Return the function that sends what a committed session queued: for `call_after_commit`."""

    def send(session: Session) -> None:
        if session.info.pop(_CALLED, False):
            _call(broker)
        queued = session.info.pop(_QUEUED, ())
        for number, (task, ids) in enumerate(queued):
            if not wake(broker, task, *ids):  # nor would the others be sent, each after a wait
                log.warning("wakeups_not_sent", messages=len(queued) - number - 1)
                break
        notices = session.info.pop(_NOTICES, {})
        if notices:
            _publish(broker, notices)

    return send


def _call(broker: Broker) -> None:
    """Call the workers, or send a message if none hears calls. The sweeper repeats a lost one."""
    try:
        is_heard = broker.call()
    except BrokerUnavailable as error:
        log.warning("call_not_sent", reason=str(error))
        is_heard = False
    if not is_heard:
        wake(broker, Task.RENDER)


def _publish(broker: Broker, notices: Collection[str]) -> None:
    """Publish notices. A lost one only delays subscribers by a few seconds, as they also poll."""
    try:
        broker.publish(notices)
    except BrokerUnavailable as error:
        log.warning("notices_not_sent", count=len(notices), reason=str(error))
