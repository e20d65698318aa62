"""Shared by the tests of mending over HTTP: delivered jobs, made without a worker."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from api.deps import Resources
from narration.database import session_scope
from narration.findings import Finding
from narration.jobs.checkpoints import checkpoint
from narration.jobs.deliver import finish_job
from narration.jobs.lookup import get_job
from narration.jobs.record import Artifact
from narration.jobs.segment_claim import finish_segment, pending_chunks
from narration.jobs.states import ChunkState, JobState
from narration.jobs.step_claim import claim_step
from narration.jobs.takes import Take
from narration.storage.keys import chunk_audio_key
from tests.builders import claim_segment, make_outcome, plan_job
from tests.unit.api.routes.jobs import submit

NOW = datetime(2027, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
SILENT = Finding(flag="silent", measured=-90.0, limit=-50.0, unit="dBFS")


def digest_of(index: int, take: int) -> str:
    return f"{index:032x}{take:032x}"


def sound_of(index: int, take: int) -> bytes:
    return f"fLaC, chunk {index}, take {take}".encode()


def speak_again(resources: Resources, job_id: str, take: int) -> None:
    """Finish all pending chunks of a job with this take, the first one silent, and deliver it."""
    with session_scope(resources.database) as session:
        while (claim := claim_segment(session, now=NOW, until=LATER)) is not None:
            for chunk in pending_chunks(session, claim):
                digest = digest_of(chunk.index, take)
                is_silent = chunk.index == 0
                spoken = Take(
                    cache_key=digest,
                    sha256=digest,
                    samples=24_000,
                    is_watermarked=False,
                    findings=(SILENT,) if is_silent else (),
                )
                resources.stores.work.put(chunk_audio_key(digest), sound_of(chunk.index, take))
                state = ChunkState.FLAGGED if is_silent else ChunkState.ACCEPTED
                outcome = make_outcome(chunk.index, take=spoken, take_number=take, state=state)
                checkpoint(session, claim, outcome, until=LATER, now=NOW)
            finish_segment(session, claim, now=NOW)
    deliver(resources, job_id)


def deliver(resources: Resources, job_id: str) -> None:
    """Finish a job that waits to be assembled, with one file."""
    with session_scope(resources.database) as session:
        step = claim_step(session, job_id, JobState.ASSEMBLING, holder="w", until=LATER, now=NOW)
        if step is None:
            return
        job = get_job(session, job_id)
        key = f"{job_id}/1-{step.fence}/audio.mp3"
        content = f"the book, revision {job.revision}".encode()
        resources.stores.work.put(key, content)
        artifact = Artifact(
            job_id=job_id,
            name="audio.mp3",
            owner=job.owner,
            key=key,
            media_type="audio/mpeg",
            size_bytes=len(content),
            sha256="0" * 64,
            duration_ms=1500,
            revision=job.revision,
        )
        finish_job(session, step, [artifact], now=NOW)


def delivered(client: httpx.Client, resources: Resources, **settings: Any) -> str:
    """Return the address of a job of two chunks that has ended; the first chunk is flagged."""
    job_id = submit(client, **settings)["id"]
    with session_scope(resources.database) as session:
        plan_job(session, get_job(session, job_id), chunks=2, now=NOW)
    speak_again(resources, job_id, 0)
    return f"/v1/jobs/{job_id}"
