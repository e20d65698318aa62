"""What made a job's sound: its voice, fixed at the first segment, and every engine that spoke."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from narration.errors import ConflictError, NotFoundError
from narration.models import Job


def note_provenance(
    session: Session, job_id: str, *, engine: dict[str, Any], voice_digest: str
) -> None:
    """Remember the voice and the engine a segment is spoken with.

    Raises: ConflictError if the job began with another voice: one book, one voice.
    """
    job = session.scalar(select(Job).where(Job.id == job_id).with_for_update())
    if job is None:
        raise NotFoundError(f"there is no job {job_id}")
    if job.voice_digest not in (None, voice_digest):
        raise ConflictError(
            f"voice {job.settings['voice']!r} was replaced while the job ran: submit it again"
        )
    job.voice_digest = voice_digest
    if engine not in job.engines:
        job.engines = [*job.engines, engine]
    session.flush()
