"""The spoken chunks of a job, for a client that listens while it is rendered."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import and_, select
from sqlalchemy.orm import Session

from narration.errors import NotFoundError
from narration.jobs.job_error import JobError
from narration.jobs.record import Chunk, Job
from narration.jobs.states import SPOKEN, JobState

_AT_ONCE = 16  # chunks per query


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenChunk:
    """A spoken chunk: where its sound is stored, and its level (narration.sound.take)."""

    index: int
    sha256: str
    pause_after_ms: int
    level: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A job, and the chunks that follow without a gap on those already played."""

    state: JobState
    error: JobError | None
    gain_db: float | None
    chunks_total: int
    chunks: Sequence[SpokenChunk]


def read_spoken(session: Session, job_id: str, *, first: int) -> Spoken:
    """Return a job and its spoken chunks from number `first` up to the first unspoken one.

    Raises: NotFoundError if the job no longer exists.
    """
    is_next = and_(
        Chunk.job_id == Job.id,
        Chunk.index >= first,
        Chunk.index < first + _AT_ONCE,
        Chunk.state.in_(SPOKEN),
    )
    columns = (Chunk.index.label("number"), Chunk.sha256, Chunk.pause_after_ms, Chunk.level)
    query = select(Job.state, Job.error, Job.gain_db, Job.chunks_total, *columns)
    query = query.outerjoin(Chunk, is_next).where(Job.id == job_id).order_by(Chunk.index)
    rows = session.execute(query).all()
    if not rows:
        raise NotFoundError(f"there is no job {job_id}: it was deleted")
    return Spoken(
        state=rows[0].state,
        error=rows[0].error,
        gain_db=rows[0].gain_db,
        chunks_total=rows[0].chunks_total,
        chunks=[
            SpokenChunk(
                index=row.number,
                sha256=row.sha256,
                pause_after_ms=row.pause_after_ms,
                level=row.level,
            )
            for number, row in enumerate(rows, first)
            if row.number == number
        ],
    )
