"""Converts rows of jobs, chunks, takes, artifacts and events to response bodies."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime

from fastapi import Response

from api.job_form import DestinationBody
from api.links import Links
from api.mending import ArtifactBody, TakeBody
from api.schemas import (
    ChunkBody,
    EngineBody,
    EventBody,
    EventData,
    Failure,
    FindingBody,
    JobBody,
    Progress,
    SourceBody,
    Timings,
    Urls,
    Warning_,
)
from narration.clock import utc_now
from narration.errors import public_message
from narration.jobs.counters import SAMPLES_PER_MS
from narration.jobs.events import JobEvent
from narration.jobs.history import PastArtifact
from narration.jobs.job_error import JobError, read_error
from narration.jobs.past_takes import KnownTake
from narration.jobs.reading_record import ReadingRecord
from narration.jobs.record import Artifact, Chunk, Job
from narration.jobs.states import ENDED, JobState
from narration.jobs.stored import read_settings, read_voicing
from narration.jobs.submission import Submitted
from narration.jobs.trouble import is_trouble_shown

JSON = "application/json"
MIN_SPOKEN_FOR_ETA = 5  # chunks; with fewer the estimate is noise
MIN_RETRY_S, MAX_RETRY_S = 1, 30
WAITED_PER_RETRY_S = 20  # poll a job that has run for ten minutes every thirty seconds


def job_path(job_id: str) -> str:
    """Return a job's address."""
    return f"/v1/jobs/{job_id}"


def job_etag(job: Job, now: datetime) -> str:
    """Return the ETag of a job's state; weak, because the body's ETA changes by itself."""
    trouble = f"-{job.trouble_code}" if is_trouble_shown(job, now) else ""
    return f'W/"{job.attempt}-{job.updated_at.timestamp():.6f}-{job.chunks_done}{trouble}"'


def retry_after_s(job: Job, now: datetime) -> int | None:
    """Return when to poll again: less often the longer a job runs; None once it has ended."""
    if job.state in ENDED:
        return None
    waited_s = (now - job.created_at).total_seconds()
    return max(MIN_RETRY_S, min(MAX_RETRY_S, round(waited_s / WAITED_PER_RETRY_S)))


def job_body(
    job: Job, now: datetime, reading: ReadingRecord | None = None, *, links: Links
) -> JobBody:
    """Convert a job to its body, with its reading report if given."""
    return JobBody(
        id=job.id,
        kind=job.kind,
        state=job.state,
        attempt=job.attempt,
        revision=job.revision,
        revision_of=job.revision_of,
        title=job.title,
        author=job.author,
        settings=read_settings(job.settings),
        labels=job.labels,
        source=SourceBody(
            name=job.source_name,
            media_type=job.source_media_type,
            size_bytes=job.source_size_bytes,
            sha256=job.source_sha256,
        ),
        destination=DestinationBody(profile=job.destination_profile, prefix=job.destination_prefix),
        voice_digest=job.voice_digest,
        engines=[EngineBody(**engine.describe()) for engine in job.engines],
        characters=job.characters,
        progress=progress_body(job, now),
        timings=_timings(job, now),
        reading=reading,
        warnings=_warnings(job, now),
        error=None if job.error is None else _failure(job.error),
        created_at=job.created_at,
        ended_at=job.ended_at,
        deadline_at=job.deadline_at,
        expires_at=job.expires_at,
        urls=_urls(job, links),
    )


def job_response(
    job: Job,
    links: Links,
    reading: ReadingRecord | None = None,
    *,
    status_code: int = 200,
    if_none_match: str | None = None,
) -> Response:
    """Answer with a job: its body, its ETag, and when to poll again."""
    now = utc_now()
    headers = {"ETag": job_etag(job, now), "Cache-Control": "private, no-cache"}
    retry_s = retry_after_s(job, now)
    if retry_s is not None:
        headers["Retry-After"] = str(retry_s)
    if if_none_match is not None and headers["ETag"] in if_none_match:
        return Response(status_code=304, headers=headers)
    content = job_body(job, now, reading, links=links).model_dump_json()
    return Response(content, status_code=status_code, media_type=JSON, headers=headers)


def accepted(submitted: Submitted, links: Links, *, status_code: int = 202) -> Response:
    """Answer with an accepted job, and whether an equal request had created it before."""
    response = job_response(submitted.job, links, status_code=status_code)
    response.headers["Location"] = job_path(submitted.job.id)
    if submitted.is_replay:
        response.headers["Idempotency-Replayed"] = "true"
    return response


def chunk_body(chunk: Chunk) -> ChunkBody:
    """Convert a chunk to its body."""
    return ChunkBody(
        index=chunk.index,
        segment=chunk.segment,
        chapter=chunk.chapter,
        state=chunk.state,
        start=chunk.start,
        end=chunk.end,
        text=chunk.text,
        caption=chunk.caption,
        spoken_text=chunk.spoken_text,
        planned_text=chunk.planned_text,
        delivery=read_voicing(chunk.voicing).delivery,
        pause_after_ms=chunk.pause_after_ms,
        take=chunk.take,
        seed=None if chunk.seed is None else str(chunk.seed),
        duration_s=None if chunk.samples is None else chunk.samples / SAMPLES_PER_MS / 1000,
        is_cached=chunk.is_cached,
        findings=[FindingBody(**asdict(finding)) for finding in chunk.findings],
        error=chunk.error,
    )


def take_body(job_id: str, index: int, take: KnownTake, links: Links) -> TakeBody:
    """Convert a take to its body."""
    return TakeBody(
        number=take.number,
        is_kept=take.is_kept,
        spoken_text=take.spoken_text,
        delivery=take.voicing.delivery,
        seed=str(take.seed),
        duration_s=take.samples / SAMPLES_PER_MS / 1000,
        findings=[FindingBody(**asdict(finding)) for finding in take.findings],
        url=links.signed(f"{job_path(job_id)}/chunks/{index}/audio", f"take={take.number}"),
    )


def artifact_body(
    artifact: Artifact | PastArtifact, url: str, url_expires_s: int | None
) -> ArtifactBody:
    """Convert an artifact to its body."""
    return ArtifactBody(
        name=artifact.name,
        media_type=artifact.media_type,
        size_bytes=artifact.size_bytes,
        sha256=artifact.sha256,
        duration_s=_seconds(artifact.duration_ms),
        url=url,
        url_expires_s=url_expires_s,
    )


def event_body(event: JobEvent) -> EventBody:
    """Convert an event to its body."""
    payload = dict(event.payload)
    error = payload.pop("error", None)
    if isinstance(error, Mapping):
        payload["error"] = _failure(read_error(error))
    elif error is not None:  # an error of a chunk is a message
        payload["detail"] = error
    return EventBody(
        id=f"{event.job_id}/{event.number}",
        type=event.type,
        job_id=event.job_id,
        number=event.number,
        created_at=event.created_at,
        data=EventData.model_validate(payload),
    )


def progress_body(job: Job, now: datetime) -> Progress:
    """Convert a job's counters to its progress."""
    # Characters, not chunks: chunks differ in length by a factor of ten.
    share = job.characters_done / job.characters if job.characters else 0.0
    return Progress(
        chunks_total=job.chunks_total,
        chunks_done=job.chunks_done,
        chunks_cached=job.chunks_cached,
        chunks_flagged=job.chunks_flagged,
        chunks_failed=job.chunks_failed,
        percent=100.0 if job.state == JobState.SUCCEEDED else round(100 * min(share, 1.0), 1),
        audio_s=job.audio_ms / 1000,
        eta_s=_eta_s(job, now),
    )


def _eta_s(job: Job, now: datetime) -> float | None:
    """Estimate from what was really spoken, as cached chunks say nothing about the rest."""
    spoken = job.chunks_done - job.chunks_cached
    is_reckonable = job.state == JobState.RENDERING and spoken >= MIN_SPOKEN_FOR_ETA
    if not is_reckonable or job.planned_at is None:
        return None
    elapsed_s = (now - (job.reopened_at or job.planned_at)).total_seconds()
    return round(max(elapsed_s * (job.chunks_total - job.chunks_done) / spoken, 0.0), 1)


def _timings(job: Job, now: datetime) -> Timings:
    end = job.ended_at or now

    def between(first: datetime | None, last: datetime | None) -> float | None:
        if first is None:
            return None
        return round(max(((last or end) - first).total_seconds(), 0.0), 3)

    return Timings(
        queued_and_planning_s=between(job.created_at, job.planned_at) or 0.0,
        rendering_s=between(job.reopened_at or job.planned_at, job.rendered_at),
        assembling_s=between(job.rendered_at, job.ended_at),
    )


def _warnings(job: Job, now: datetime) -> list[Warning_]:
    warnings = [
        Warning_(code=warning.code, detail=warning.detail) for warning in job.warnings or ()
    ]
    if is_trouble_shown(job, now):
        since = f"{job.trouble_since:%Y-%m-%d %H:%M} UTC"
        code = job.trouble_code or "unavailable"
        reason = public_message(code, job.trouble_detail or "")
        detail = f"waits since {since}, and goes on once it is mended: {reason}"
        warnings.append(Warning_(code=code, detail=detail))
    for state, count in (("flagged", job.chunks_flagged), ("failed", job.chunks_failed)):
        if count:
            where = f"GET {job_path(job.id)}/chunks?state={state}"
            detail = f"{count} of {job.chunks_total} chunks are {state}: {where} lists them"
            warnings.append(Warning_(code=f"chunks_{state}", detail=detail))
    return warnings


def _failure(error: JobError) -> Failure:
    detail = public_message(error.code, error.message)
    return Failure(code=error.code, detail=detail, retryable=error.is_retryable)


def _urls(job: Job, links: Links) -> Urls:
    path = job_path(job.id)
    return Urls(
        self=links.to(path),
        chunks=links.to(f"{path}/chunks"),
        events=links.to(f"{path}/events"),
        revisions=links.to(f"{path}/revisions"),
        artifacts=links.to(f"{path}/artifacts"),
        listen=links.signed(f"{path}/listen.m3u8"),
        cancel=links.to(f"{path}/cancel"),
        retry=links.to(f"{path}/retry"),
    )


def _seconds(duration_ms: int | None) -> float | None:
    return None if duration_ms is None else duration_ms / 1000
