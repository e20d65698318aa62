"""Recompute the counters of a job row from its chunks."""

from typing import Any

from sqlalchemy import ColumnElement, case, func, select, update
from sqlalchemy.orm import Session

from narration.jobs.record import Chunk, Job
from narration.jobs.states import UNSPOKEN, ChunkState

SAMPLES_PER_MS = 24  # chunk audio is stored at 24 kHz


def recount(session: Session, job_id: str) -> None:
    """Set every counter from the chunks, where incrementing is not enough."""
    is_done = Chunk.state.not_in(UNSPOKEN)
    length = Chunk.end - Chunk.start
    row = session.execute(
        select(
            func.count(),
            _sum_if(is_done, 1),
            _sum_if(Chunk.is_cached & is_done, 1),
            _sum_if(Chunk.state == ChunkState.FLAGGED, 1),
            _sum_if(Chunk.state == ChunkState.FAILED, 1),
            _sum_if(is_done, length),
            func.coalesce(func.sum(Chunk.samples), 0),
        ).where(Chunk.job_id == job_id)
    ).one()
    total, finished, cached, flagged, failed, characters, samples = (int(n or 0) for n in row)
    session.execute(
        update(Job)
        .where(Job.id == job_id)
        .values(chunks_total=total, chunks_done=finished, chunks_cached=cached)
        .values(chunks_flagged=flagged, chunks_failed=failed)
        .values(characters_done=characters, audio_ms=samples // SAMPLES_PER_MS)
    )


def _sum_if(condition: ColumnElement[bool], value: Any) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, value), else_=0)), 0)
