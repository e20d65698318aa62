"""Builders of settings, documents and jobs for tests."""

import hashlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from narration.ids import new_id
from narration.jobs import segment_claim
from narration.jobs.checkpoints import checkpoint
from narration.jobs.create import Destination, Source, new_job
from narration.jobs.parts import plan_parts
from narration.jobs.plan import store_plan
from narration.jobs.planned import PlannedChunk
from narration.jobs.record import Job, JobPlan
from narration.jobs.request import JobSettings
from narration.jobs.segment_claim import SegmentClaim, finish_segment, pending_chunks
from narration.jobs.states import ChunkState, JobState
from narration.jobs.step_claim import claim_step
from narration.jobs.takes import Outcome, Take
from narration.jobs.transitions import insert_jobs
from narration.settings import Settings
from narration.storage.profiles import Stores, open_stores

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LEASE = timedelta(seconds=60)
OWNER = "local"
WORDS = (
    "The river kept its own counsel that year, and the mill turned only when it pleased. "
    "Nobody in the valley could remember such a spring, though many pretended to. "
    "Old Marta counted the swallows and wrote the number on the door in chalk. "
)


def make_text(sentences: int, *, name: str = "") -> str:
    """Return a text of so many sentences; texts with different names share none."""
    lines = [f"Sentence {i} of {name or 'the tale'}: {WORDS}" for i in range(sentences)]
    return "\n\n".join(lines)


def make_job(
    session: Session,
    text: str = WORDS,
    *,
    now: datetime = NOW,
    owner: str = OWNER,
    name: str = "tale.txt",
    key_id: str | None = None,
    **settings: Any,
) -> Job:
    """Insert a queued job."""
    data = text.encode()
    job = new_job(
        session,
        job_id=new_id("job", now),
        owner=owner,
        settings=JobSettings.model_validate({"outputs": ["flac"], **settings}),
        source=Source(
            name=name,
            media_type="text/markdown" if name.endswith(".md") else "text/plain",
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            data=data,
        ),
        destination=Destination(profile="default"),
        now=now,
        key_id=key_id,
    )
    insert_jobs(session, [job], now=now)
    return job


def make_settings(folder: Path, **parts: Any) -> Settings:
    """Return settings that store everything in a folder, and never wait."""
    worker = {"lease_s": 3.0, "heartbeat_s": 0.5, "retry_s": 0.2, "is_warmed_up": False}
    worker |= {"slots": 2, "encoders": 0, "take_processes": 0}
    return Settings.model_validate(
        {
            "data_dir": folder,
            **parts,
            "worker": worker | parts.get("worker", {}),
            "sweeper": {"interval_s": 0.3, "stalled_s": 1.0} | parts.get("sweeper", {}),
        }
    )


def stores_in(folder: Path) -> Stores:
    """Return stores with their objects below a folder."""
    return open_stores(make_settings(folder))


def plan_job(
    session: Session,
    job: Job,
    *,
    chunks: int,
    segment_chunks: int = 2,
    characters: int = 10,
    pause_ms: int = 100,
    now: datetime = NOW,
) -> None:
    """Give a queued job a plan of so many chunks of as many characters, as the planner would."""
    claim = claim_step(
        session, job.id, JobState.PLANNING, holder="planner", until=now + LEASE, now=now
    )
    assert claim is not None
    plan = JobPlan(
        job_id=job.id, owner=job.owner, characters=characters * chunks, chapters=(), spans=[]
    )
    planned = [
        _chunk(index, index // segment_chunks, characters, pause_ms) for index in range(chunks)
    ]
    parts = plan_parts(planned)
    store_plan(session, claim, plan, planned, parts, title=None, author=None, wakeups=4, now=now)


def claim_segment(session: Session, holder: str = "w1", **changes: Any) -> SegmentClaim | None:
    """Claim the next segment with default arguments."""
    arguments = {
        "holder": holder,
        "until": NOW + LEASE,
        "now": NOW,
        "window_segments": 4,
        "poison_losses": 5,
    }
    return segment_claim.claim_segment(session, **(arguments | changes))


def make_outcome(index: int, **changes: Any) -> Outcome:
    """Return an accepted chunk whose audio is named after its number."""
    digest = f"{index:064x}"
    take = Take(cache_key=digest, sha256=digest, samples=24_000, is_watermarked=False, findings=())
    values: dict[str, Any] = {"state": ChunkState.ACCEPTED, "take_number": 0, "seed": 1}
    return Outcome(index=index, **({"take": take} | values | changes))


def speak(session: Session, claim: SegmentClaim, **changes: Any) -> None:
    """End every chunk of a claimed segment, and the segment."""
    for chunk in pending_chunks(session, claim):
        outcome = make_outcome(chunk.index, **changes)
        checkpoint(session, claim, outcome, until=NOW + LEASE, now=NOW)
    finish_segment(session, claim, now=NOW)


def _chunk(index: int, segment: int, characters: int, pause_ms: int) -> PlannedChunk:
    text = "ten chars." * (characters // 10)
    return PlannedChunk(
        index=index,
        segment=segment,
        chapter=0,
        start=characters * index,
        end=characters * (index + 1),
        text=text,
        caption=text,
        spoken_text=text,
        pause_after_ms=pause_ms,
    )
