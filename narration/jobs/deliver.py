"""The last step of a job: to succeeded, or back to rendering if chunk audio was lost."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from narration.errors import LeaseLost
from narration.jobs.history import PastArtifact
from narration.jobs.past_takes import forget_past_takes
from narration.jobs.plan import start_rendering
from narration.jobs.record import Artifact, Chunk, Job
from narration.jobs.sound_record import ChunkAudio
from narration.jobs.states import SPOKEN, JobState
from narration.jobs.step_claim import StepClaim
from narration.jobs.stored import expiry_of
from narration.jobs.transitions import UNLEASED, move_job, reset_chunks


def reopen_job(
    session: Session, claim: StepClaim, lost: Iterable[int], *, wakeups: int, now: datetime
) -> None:
    """Move a job back to rendering because stored chunk audio is missing or damaged.

    Raises: LeaseLost.
    """
    chunks = (Chunk.job_id == claim.job_id, Chunk.index.in_(list(lost)))
    sounds = list(session.scalars(select(Chunk.sha256).where(*chunks)))
    session.execute(delete(ChunkAudio).where(ChunkAudio.sha256.in_(sounds)))
    reset_chunks(session, claim.job_id, Chunk.index.in_(list(lost)), now=now, is_lost=True)
    forget_past_takes(session, claim.job_id, *filter(None, sounds))
    start_rendering(session, claim, wakeups=wakeups, now=now)


def finish_job(
    session: Session,
    claim: StepClaim,
    artifacts: Sequence[Artifact],
    *,
    gain_db: float | None = None,
    now: datetime,
) -> None:
    """Move a job to succeeded; refused while any chunk is not spoken.

    Its previous delivery stays listed. `gain_db` is stored so that chunks mended later get the same
    level as the rest.
    Raises: LeaseLost.
    """
    holes = select(Chunk.index).where(
        Chunk.job_id == claim.job_id, Chunk.state.not_in(SPOKEN) | Chunk.sha256.is_(None)
    )
    gain_columns = {} if gain_db is None else {"gain_db": gain_db, "is_gain_kept": True}
    settings = session.execute(select(Job.settings).where(Job.id == claim.job_id)).scalar_one()
    moved = move_job(
        session,
        claim.job_id,
        JobState.SUCCEEDED,
        Job.fence == claim.fence,
        ~holes.exists(),
        now=now,
        payload={"artifacts": [artifact.name for artifact in artifacts]},
        ended_at=now,
        expires_at=expiry_of(settings, now),
        **gain_columns,
        **UNLEASED,
    )
    if moved is None:
        raise LeaseLost(f"job {claim.job_id} is no longer ours (fence {claim.fence})")
    _replace_artifacts(session, claim.job_id, now)
    session.add_all(artifacts)


def _replace_artifacts(session: Session, job_id: str, now: datetime) -> None:
    """List the files of the previous delivery as past artifacts."""
    shared = [column.name for column in Artifact.__table__.columns]
    for artifact in session.scalars(select(Artifact).where(Artifact.job_id == job_id)).all():
        values = {name: getattr(artifact, name) for name in shared}
        session.add(PastArtifact(**values, replaced_at=now))
        session.delete(artifact)
    session.flush()
