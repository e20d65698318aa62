"""Mend a job: speak one of its chunks again, or choose another of its takes.

A job that has ended returns to rendering and is delivered again as its next revision; until then
the files it delivered stay where they are.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from narration.broker.interface import Task
from narration.broker.wakeups import queue_wakeup
from narration.errors import ConflictError, FieldsError, NotFoundError, QualityError, SpeechError
from narration.jobs.advance import advance_if_rendered, find_quality_error
from narration.jobs.counters import recount
from narration.jobs.job_error import describe_error
from narration.jobs.lookup import get_chunk, lock_job, require_voice
from narration.jobs.part_transitions import needs_chunk, reset_parts
from narration.jobs.parts import wake_encoders
from narration.jobs.past_takes import (
    SHARED,
    find_past_take,
    keep_past_takes,
    last_past_take,
)
from narration.jobs.plan import open_segments
from narration.jobs.record import Chunk, Job, Segment
from narration.jobs.request import QualityPolicy, Voicing
from narration.jobs.states import UNSPOKEN, ChunkState, JobState, SegmentState
from narration.jobs.stored import deadline_of, dump_voicing, read_settings, read_voicing
from narration.jobs.transitions import UNLEASED, end_chunks, move_job, reset_chunks
from narration.text.english import English
from narration.text.findings import find_unknown
from narration.text.normalize import has_words, normalize
from narration.voices.delivery import DeliverySettings

MAX_SPOKEN_CHARS = 400  # the planner's own limit for a chunk
_MENDABLE = frozenset({JobState.RENDERING, JobState.ASSEMBLING, JobState.SUCCEEDED})
_MENDABLE_FAILURES = frozenset({QualityError.code, SpeechError.code})
_DELIVERING = frozenset({JobState.ASSEMBLING, JobState.SUCCEEDED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Retake:
    """How a chunk is to be spoken again; fields left out keep the chunk's current values."""

    spoken_text: str | None = None
    delivery: DeliverySettings | None = None  # only the fields that were set explicitly count
    seed: int | None = None


def retake_chunk(
    session: Session, job_id: str, index: int, retake: Retake, *, owner: str, now: datetime
) -> Job:
    """Queue a chunk to be spoken again, with seeds that it has not used before.

    Raises: NotFoundError; ConflictError if the job or the chunk is not at rest, or its voice was
    deleted; FieldsError if no voice can speak the corrected text.
    """
    job, chunk = _lock_mendable(session, job_id, index, owner)
    require_voice(session, job)
    settings = read_settings(job.settings)
    spent = 1 if settings.quality.policy is QualityPolicy.OFF else settings.quality.max_takes
    current = -1 if chunk.take is None else chunk.take
    last = max(current, last_past_take(session, job_id, index), chunk.first_take + spent - 1)
    present = read_voicing(chunk.voicing)
    delivery = (present.delivery or settings.delivery).with_changes(retake.delivery)
    voicing = Voicing(
        delivery=None if delivery == settings.delivery else delivery,
        seed=present.seed if retake.seed is None else retake.seed,
    )
    reset_chunks(
        session,
        job_id,
        Chunk.index == index,
        now=now,
        first_take=last + 1,
        voicing=dump_voicing(voicing),
        **_corrected(chunk, retake.spoken_text, settings.english),
    )
    return _reopen(session, job, now)


def accept_take(
    session: Session, job_id: str, index: int, number: int | None, *, owner: str, now: datetime
) -> Job:
    """Accept a chunk's current take, or another of its takes, after listening.

    If the sound does not change, a delivered job stays as it is.
    Raises: NotFoundError; ConflictError if the job or the chunk is not at rest.
    """
    job, chunk = _lock_mendable(session, job_id, index, owner)
    is_as_it_is = chunk.sha256 is not None and number in (None, chunk.take)
    if is_as_it_is and chunk.state is ChunkState.ACCEPTED:
        return job
    if is_as_it_is:
        _accept(session, chunk, now, take=chunk.take)
    else:
        _choose(session, chunk, number, now)
    error = find_quality_error(session, job_id) if job.state is JobState.FAILED else None
    if error is not None:  # other chunks still failed: the error says which
        job.error = describe_error(error)
    if error is not None or (is_as_it_is and job.state is not JobState.FAILED):
        recount(session, job_id)
        session.refresh(job)
        return job
    return _reopen(session, job, now)


def _lock_mendable(session: Session, job_id: str, index: int, owner: str) -> tuple[Job, Chunk]:
    job = lock_job(session, job_id, owner=owner)
    chunk = get_chunk(session, job_id, index)
    code = job.error and job.error.code
    is_unsettled = job.state is JobState.FAILED and code in _MENDABLE_FAILURES
    if job.state not in _MENDABLE and not is_unsettled:
        what_now = (
            "retry it first" if job.state in (JobState.FAILED, JobState.CANCELED) else "wait for it"
        )
        raise ConflictError(f"job {job_id} is {job.state}: {what_now}")
    if chunk.state in UNSPOKEN:
        raise ConflictError(f"chunk {index} is being spoken: wait until it is done")
    return job, chunk


def _corrected(chunk: Chunk, spoken_text: str | None, english: English) -> dict[str, Any]:
    """Return the columns that a corrected text changes.

    Raises: FieldsError if no voice can speak it.
    """
    if spoken_text is None:
        return {}
    spoken = normalize(" ".join(spoken_text.split()), english)
    unknown = find_unknown(spoken)
    fault = None
    if not has_words(spoken):
        fault = "holds nothing that can be spoken: write words"
    elif len(spoken) > MAX_SPOKEN_CHARS:
        fault = f"has {len(spoken)} characters as spoken, and the limit is {MAX_SPOKEN_CHARS}"
    elif unknown is not None:
        fault = f"no voice can say {unknown.detail}: write it out in letters"
    if fault is not None:
        raise FieldsError([{"pointer": "/spoken_text", "detail": fault}])
    return {
        "spoken_text": spoken,
        "planned_text": chunk.planned_text or chunk.spoken_text,
        "text_findings": (),  # whoever wrote the correction knows how it should be spoken
    }


def _choose(session: Session, chunk: Chunk, number: int | None, now: datetime) -> None:
    if number is None:
        raise ConflictError(
            f"chunk {chunk.index} has no take: name one of its /takes, or retake it"
        )
    past = find_past_take(session, chunk.job_id, chunk.index, number)
    if past is None:
        raise NotFoundError(f"chunk {chunk.index} has no take {number}: see its /takes")
    keep_past_takes(session, chunk.job_id, Chunk.index == chunk.index)
    values = {name: getattr(past, name) for name in SHARED}
    findings = (*(chunk.text_findings or ()), *past.findings)
    _accept(session, chunk, now, take=number, findings=findings, error=None, **values)
    reset_parts(session, chunk.job_id, needs_chunk(chunk.index), now=now)
    wake_encoders(session, chunk.job_id, [chunk.index])


def _accept(session: Session, chunk: Chunk, now: datetime, **values: Any) -> None:
    end_chunks(
        session,
        chunk.job_id,
        ChunkState.ACCEPTED,
        Chunk.index == chunk.index,
        now=now,
        payload={"take": values["take"]},
        job_values={"updated_at": now},
        **values,
    )


def _reopen(session: Session, job: Job, now: datetime) -> Job:
    """Return a job to rendering; one that is or was being delivered starts its next revision."""
    is_ended = (SegmentState.DONE, SegmentState.FAILED)
    opened = open_segments(session, job.id, Segment.state.in_(is_ended), now=now)
    if job.state is not JobState.RENDERING:
        revision = job.revision + int(job.state in _DELIVERING)
        move_job(
            session,
            job.id,
            JobState.RENDERING,
            now=now,
            payload={"revision": revision},
            revision=revision,
            fence=Job.fence + 1,
            error=None,
            ended_at=None,
            expires_at=None,
            rendered_at=None,
            reopened_at=now,
            deadline_at=deadline_of(read_settings(job.settings), now),
            **UNLEASED,
        )
    recount(session, job.id)
    if opened:
        queue_wakeup(session, Task.RENDER)
    advance_if_rendered(session, job.id, now=now)
    session.refresh(job)
    return job
