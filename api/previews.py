"""Previews of voices: a sentence, spoken once per engine and kept for a month.

A preview is a job that is spoken before all narrations. Later requests find it by its idempotency
key.
"""

import hashlib
import json
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from api.deps import Resources
from api.sounding import NotSpokenError
from api.uploads import Uploads
from narration.clock import utc_now
from narration.database import session_scope
from narration.jobs import control
from narration.jobs.create import Destination
from narration.jobs.lookup import find_by_idempotency_key
from narration.jobs.record import Job
from narration.jobs.request import DAY_S, JobSettings, OutputFormat
from narration.jobs.states import RETRYABLE, JobKind, JobState
from narration.jobs.submission import Submission
from narration.keys.scopes import Allowance
from narration.settings import DEFAULT_PROFILE
from narration.voices.delivery import DeliverySettings
from narration.workers import warm_engines

SENTENCE = (
    "This is how I read: without haste where the story is quiet, and a little quicker when "
    "somebody comes through the door."
)
KEPT_S = 30 * DAY_S
AGAIN_AFTER = timedelta(seconds=10)  # a failed preview is retried, but not on every poll


async def find_preview(
    uploads: Uploads,
    resources: Resources,
    owner: str,
    voice: str,
    *,
    delivery: DeliverySettings | None = None,
    exaggeration: float | None = None,
    allowance: Allowance | None = None,
) -> Job:
    """Return the job of a voice's preview, and create it if there is none.

    `delivery` is in the voice's notes: when it changes, the preview is spoken anew; `exaggeration`
    overrides it.
    Raises: NotSpokenError if it has just failed, and what submitting a job raises.
    """
    key = await uploads.run(_key, resources, voice, delivery, exaggeration)
    job: Job | None = await uploads.run(_find, resources, owner, key)
    if job is None:
        submission = Submission(
            owner=owner,
            name="preview",
            media_type="text/plain",
            data=SENTENCE.encode(),
            settings=_settings(voice, exaggeration),
            destination=Destination(profile=DEFAULT_PROFILE),
            idempotency_key=key,
            kind=JobKind.PREVIEW,
            allowance=allowance,
        )
        job = (await uploads.submit_urgent(submission)).job
    return job


def _settings(voice: str, exaggeration: float | None) -> JobSettings:
    settings = JobSettings(voice=voice, outputs=(OutputFormat.MP3,), retention_s=KEPT_S)
    if exaggeration is None:
        return settings
    return settings.model_copy(update={"delivery": DeliverySettings(exaggeration=exaggeration)})


def _key(
    resources: Resources,
    voice: str,
    delivery: DeliverySettings | None,
    exaggeration: float | None,
) -> str:
    """Return the idempotency key of a preview, which differs between engines."""
    with session_scope(resources.database, is_read_only=True) as session:
        engines = warm_engines(session, now=utc_now())
    shapes: list[Any] = [asdict(engine) for engine in engines]
    if delivery is not None:
        shapes.append(delivery.model_dump(mode="json"))
    if exaggeration is not None:
        shapes.append({"exaggeration": exaggeration})
    digest = hashlib.sha256(json.dumps(shapes, sort_keys=True).encode()).hexdigest()
    return f"preview:{voice}:{digest}"


def _find(resources: Resources, owner: str, key: str) -> Job | None:
    """Return an earlier preview; retry one that failed."""
    now = utc_now()
    with session_scope(resources.database) as session:
        job = find_by_idempotency_key(session, owner, key)
        if job is None or job.state not in RETRYABLE:
            return job
        if job.ended_at is None or now - job.ended_at > AGAIN_AFTER:
            return control.retry_job(session, job.id, owner=owner, now=now)
    if job.state is JobState.CANCELED:
        raise NotSpokenError("the preview was canceled: ask for it again in a moment")
    reason = (job.error and job.error.message) or "see the job"
    raise NotSpokenError(f"the preview could not be spoken ({reason}): job {job.id}")
