"""Task messages: their names, their queues, and what any broker offers.

A message is a wake-up. It carries ids at most and may be lost, late or doubled: the database says
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
    """What a message asks for."""

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

# What a listener is handed when notices may have been lost: anything may have changed.
MISSED = ""


class Subscription(Protocol):
    """A listener that is being told of changes."""

    def close(self) -> None:
        """Tell it no more."""


class Broker(Protocol):
    """Something that carries messages. Raises: BrokerUnavailable, from every method."""

    def send(self, task: Task, *ids: str) -> None:
        """Ask for a task; call it after the commit that made the work visible."""

    def check(self) -> None:
        """Check that the broker answers."""

    def publish(self, notices: Collection[str]) -> None:
        """Tell the listeners of every process what has changed; call it after the commit."""

    def subscribe(self, listener: Listener) -> Subscription | None:
        """Hand every notice to `listener`, from a thread; None where notices do not travel."""

    def call(self) -> None:
        """Ask every worker that speaks to look for urgent work now, beside the messages for it."""

    def answer_calls(self, listener: Listener) -> Subscription | None:
        """Hand calls to `listener`, from a thread; None where messages are as quick."""
