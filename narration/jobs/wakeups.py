"""Which message makes a job go on; call after the commit."""

from narration.broker.interface import Broker, Task
from narration.broker.wakeups import wake
from narration.jobs.states import JobState

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
