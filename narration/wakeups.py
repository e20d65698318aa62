"""Which message makes a job go on, and sending it; call these after the commit."""

import structlog

from narration.broker import Broker, Task
from narration.errors import BrokerUnavailable
from narration.lifecycle import JobState

log = structlog.get_logger(__name__)

STEP_TASKS = {
    JobState.QUEUED: Task.PLAN,
    JobState.PLANNING: Task.PLAN,
    JobState.ASSEMBLING: Task.ASSEMBLE,
}


def announce(broker: Broker, job_id: str, state: JobState, *, segments: int = 1) -> None:
    """Wake somebody for a job's next step, once per segment while it renders."""
    if state is JobState.RENDERING:
        for _ in range(segments):
            wake(broker, Task.RENDER)
    elif state in STEP_TASKS:
        wake(broker, STEP_TASKS[state], job_id)


def wake(broker: Broker, task: Task, *ids: str) -> None:
    """Send a message. One that cannot be sent is as good as lost: the sweeper repeats it."""
    try:
        broker.send(task, *ids)
    except BrokerUnavailable as error:
        log.warning("wakeup_not_sent", task=task.value, ids=ids, reason=str(error))
