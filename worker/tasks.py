"""The handlers of the six tasks: they call planning, rendering, assembly and the like.

Does not load torch: what needs it is passed in.
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.orm import Session

from narration import telemetry
from narration.broker.interface import Handler, Task
from narration.broker.wakeups import wake
from narration.errors import EngineDied, TransientError
from narration.jobs.states import JobState
from narration.jobs.step_claim import StepClaim, claim_step, fail_step, hand_back_step, renew_step
from worker.assembly.delivery import assemble_job
from worker.assembly.encoding import encode_next
from worker.assembly.encoding_loop import EncodingLoop
from worker.context import WorkerContext
from worker.lease_runner import Work, run_under_lease
from worker.leases import Lease
from worker.planning import plan_job
from worker.rendering.runner import SegmentRunner
from worker.rendering.voice_levels import VoiceLevels
from worker.voice_preparation import VoiceMaker, prepare_voice
from worker.webhooks.runner import WebhookRunner

log = structlog.get_logger(__name__)

MOST_CPU_TASKS = 4  # at once, even where dozens of threads serve a large GPU

UseCase = Callable[[WorkerContext, StepClaim, Lease], None]


def cpu_tasks(
    context: WorkerContext, webhooks: WebhookRunner, encoding: EncodingLoop
) -> Mapping[Task, Handler]:
    """Return the handlers of the cpu queue: planning, encoding, assembling and webhooks."""
    places = threading.BoundedSemaphore(MOST_CPU_TASKS)

    def step(state: JobState, use_case: UseCase, job_id: str) -> None:
        with places:
            _step(context, job_id, state, use_case)

    def plan(*job_ids: str) -> None:
        failures: list[Exception] = []
        for job_id in job_ids:
            try:
                step(JobState.PLANNING, plan_job, job_id)
            except Exception as error:  # noqa: BLE001 - raised below: others' jobs do not wait for it
                failures.append(error)
        if failures:
            raise failures[0]

    def encode_one() -> bool:
        is_found = False
        with _watched("encoding"):
            is_found = encode_next(context)
        return is_found  # noqa: RET504 - False if a dependency was away

    return {
        Task.PLAN: plan,
        Task.ENCODE: partial(encoding.run, encode_one),
        Task.ASSEMBLE: partial(step, JobState.ASSEMBLING, assemble_job),
        Task.NOTIFY: webhooks.wake,
    }


def gpu_tasks(
    context: WorkerContext,
    runner: SegmentRunner,
    voice_maker: VoiceMaker,
    voice_levels: VoiceLevels,
    has_died: threading.Event,
) -> Mapping[Task, Handler]:
    """Return the handlers of the gpu queue; `has_died` is set when the engine has died."""
    return {
        Task.RENDER: lambda: _render(context, runner, has_died),
        Task.PREPARE_VOICE: lambda voice_id: _prepare(context, voice_maker, voice_levels, voice_id),
    }


def _step(context: WorkerContext, job_id: str, state: JobState, use_case: UseCase) -> None:
    with _watched(state.value), structlog.contextvars.bound_contextvars(job_id=job_id):
        with context.session() as session:
            claim = claim_step(
                session,
                job_id,
                state,
                holder=context.holder,
                until=context.leases.until(),
                now=context.clock(),
            )
        if claim is not None:
            run_under_lease(context, _work(context, claim), partial(use_case, context, claim))


def answer_call(runner: SegmentRunner, has_died: threading.Event) -> bool | None:
    """Speak an urgent segment; False if there is none, None if that could not be found out.

    `has_died`: as in `gpu_tasks`.
    """
    with _watched("rendering"):
        try:
            return runner.render_urgent()
        except EngineDied:
            _end_of(runner, has_died)
    return None


def _render(context: WorkerContext, runner: SegmentRunner, has_died: threading.Event) -> None:
    with _watched("rendering"):
        try:
            # One wake-up per segment: the next is sent when this segment ends, so a draining worker
            # stops between two segments.
            if runner.render_next():
                wake(context.broker, Task.RENDER)
        except EngineDied:
            _end_of(runner, has_died)


def _end_of(runner: SegmentRunner, has_died: threading.Event) -> None:
    runner.drain()
    has_died.set()


def _prepare(
    context: WorkerContext, voice_maker: VoiceMaker, voice_levels: VoiceLevels, voice_id: str
) -> None:
    with _watched("preparing"), structlog.contextvars.bound_contextvars(voice_id=voice_id):
        prepare_voice(context, voice_maker, voice_levels, voice_id)


def _work(context: WorkerContext, claim: StepClaim) -> Work:
    def renew(session: Session, *, until: datetime) -> bool:
        return renew_step(session, claim, until=until)

    return Work(
        job_id=claim.job_id,
        tries=claim.tries,
        renew=renew,
        hand_back=lambda session, not_before, tries: hand_back_step(
            session, claim, not_before=not_before, tries=tries
        ),
        fail=lambda session, error: fail_step(session, claim, error, now=context.clock()),
    )


@contextmanager
def _watched(task: str) -> Iterator[None]:
    """Measure a task. If a dependency is away the wake-up is dropped; the sweeper sends another."""
    outcome = "done"
    try:
        with telemetry.TASK_SECONDS.labels(task=task).time():
            yield
    except TransientError as error:
        outcome = "deferred"
        log.info("wakeup_unused", task=task, reason=str(error))
    except BaseException:
        outcome = "crashed"
        raise
    finally:
        telemetry.TASKS.labels(task=task, outcome=outcome).inc()
