"""The last step of a job: succeeded, or back to rendering where chunk audio was lost."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from narration.jobs.plan import start_rendering
from narration.jobs.record import Artifact, Chunk, ChunkAudio, Job
from narration.jobs.states import SPOKEN, ChunkState, JobState
from narration.jobs.step_claim import UNLEASED, StepClaim, require_step
from narration.jobs.transitions import expiry_of


def reopen_job(session: Session, claim: StepClaim, lost: Iterable[int], *, now: datetime) -> None:
    """Send a job whose stored chunk audio is missing or damaged back to rendering.

    Raises: LeaseLost.
    """
    chunks = (Chunk.job_id == claim.job_id, Chunk.index.in_(list(lost)))
    sounds = list(session.scalars(select(Chunk.sha256).where(*chunks)))
    session.execute(delete(ChunkAudio).where(ChunkAudio.sha256.in_(sounds)))
    session.execute(
        update(Chunk)
        .where(*chunks)
        .values(state=ChunkState.PENDING, sha256=None, samples=None, take=None, is_cached=False)
    )
    start_rendering(session, claim, now=now)


def finish_job(
    session: Session, claim: StepClaim, artifacts: Sequence[Artifact], *, now: datetime
) -> None:
    """Move a job to succeeded; impossible while one chunk is not spoken.

    Raises: LeaseLost.
    """
    holes = select(Chunk.index).where(
        Chunk.job_id == claim.job_id, Chunk.state.not_in(SPOKEN) | Chunk.sha256.is_(None)
    )
    settings = session.execute(select(Job.settings).where(Job.id == claim.job_id)).scalar_one()
    require_step(
        session,
        claim,
        ~holes.exists(),
        Job.state == JobState.ASSEMBLING,
        state=JobState.SUCCEEDED,
        ended_at=now,
        updated_at=now,
        expires_at=expiry_of(settings, now),
        **UNLEASED,
    )
    session.add_all(artifacts)
