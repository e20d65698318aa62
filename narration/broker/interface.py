"""Task messages: their names, their queues, and the interface of every broker.

A message is a wake-up. It carries ids only and may be lost, late or duplicated: the database says
what there is to do.
"""

from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Protocol, TypeAlias


class Queue(StrEnum):
    """Which kind of worker a task needs."""

    CPU = "cpu"
    GPU = "gpu"


class Task(StrEnum):
    """What a message requests."""

    PLAN = "narration.plan"
    RENDER = "narration.render"
    ASSEMBLE = "narration.assemble"
    ENCODE = "narration.encode"
    PREPARE_VOICE = "narration.prepare_voice"
    NOTIFY = "narration.notify"


QUEUES: dict[Task, Queue] = {
    Task.PLAN: Queue.CPU,
    Task.RENDER: Queue.GPU,
    Task.ASSEMBLE: Queue.CPU,
    Task.ENCODE: Queue.CPU,
    Task.PREPARE_VOICE: Queue.GPU,
    Task.NOTIFY: Queue.CPU,
}


Handler: TypeAlias = Callable[..., None]
Listener: TypeAlias = Callable[[str], None]

# Passed to listeners when notices may have been lost: anything may have changed.
MISSED = ""


class Subscription(Protocol):
    """An active listener."""

    def close(self) -> None:
        """Stop calling the listener."""


class Broker(Protocol):
    """Carries messages. Raises: BrokerUnavailable, from every method."""

    def send(self, task: Task, *ids: str) -> None:
        """Send a task; to be called after the commit that made the work visible."""

    def check(self) -> None:
        """Check that the broker answers."""

    def publish(self, notices: Collection[str]) -> None:
        """Send notices to the listeners of every process; to be called after the commit."""

    def subscribe(self, listener: Listener) -> Subscription | None:
        """Call `listener` with every notice, from a thread; None if the broker has no notices."""

    def call(self) -> bool:
        """Ask every speaking worker to look for urgent work now; return whether any was asked."""

    def answer_calls(self, listener: Listener) -> Subscription | None:
        """Call `listener` on every call, from a thread; None where task messages are as fast."""

    def hear_first_sounds(self, listener: Listener) -> Subscription | None:
        """Call `listener` with every packed FirstSound, from a thread; None if none are sent."""
