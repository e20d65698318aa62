"""Listening to a job, while it is being rendered and for as long as its parts are kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.errors import GoneError, NotFoundError, NothingSpoken
from narration.jobs.lookup import get_artifacts, get_job
from narration.jobs.part_audio import BATCH
from narration.jobs.part_sound import PartSound, Segment, lay_out
from narration.jobs.parts import get_parts, sound_columns
from narration.jobs.record import Part
from narration.jobs.request import CAPTIONS
from narration.jobs.sound_record import PartAudio
from narration.jobs.states import ENDED, JobState
from narration.jobs.stored import read_settings

KEPT_FOR = timedelta(hours=1)  # how often use of a part is recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """The parts of a job that can be played; an ended job will not get more.

    `was_idle` if the use of its parts should be recorded.
    """

    segments: tuple[Segment, ...]
    is_ended: bool
    was_idle: bool


def store_sounds(session: Session, job_id: str, sounds: Iterable[PartSound | None]) -> None:
    """Store the sound of every part of a job, once all of it is at its final level."""
    for part, sound in zip(get_parts(session, job_id), sounds, strict=True):
        if sound is None:
            continue
        # Most were stored when they were encoded. Only rows that differ are written, in one batch.
        for name, value in sound_columns(sound).items():
            if getattr(part, name) != value:
                setattr(part, name, value)


def read_stream(session: Session, job_id: str, *, owner: str, now: datetime) -> Stream:
    """Return what can be played of an owner's job so far.

    Raises: NotFoundError; NothingSpoken if its first part is not encoded yet; GoneError if parts of
    it have been deleted.
    """
    job = get_job(session, job_id, owner=owner)
    if all(output in CAPTIONS for output in read_settings(job.settings).outputs):
        raise NotFoundError(f"job {job_id} has no sound: only captions were asked for")
    parts = get_parts(session, job_id)
    sounds = _leading_sounds(parts)
    is_complete = bool(parts) and len(sounds) == len(parts)
    if job.state is JobState.SUCCEEDED and not is_complete:
        raise GoneError(gone_message(session, job.id))
    if not sounds:
        if job.state in ENDED:
            raise NotFoundError(f"job {job_id} is {job.state}, and none of it was encoded")
        raise NothingSpoken(f"job {job_id} is {job.state}, and its first part is not encoded yet")
    used_at = _uses(session, owner, {sound.sha256 for sound in sounds})
    if any(sound.sha256 not in used_at for sound in sounds):
        raise GoneError(gone_message(session, job.id))
    return Stream(
        segments=tuple(lay_out(sounds, is_complete=is_complete)),
        is_ended=job.state in ENDED,
        was_idle=min(used_at.values()) < now - KEPT_FOR,
    )


def find_segment(session: Session, job_id: str, *, owner: str, part: int, number: int) -> Segment:
    """Return one segment of an owner's job. Raises: NotFoundError."""
    get_job(session, job_id, owner=owner)
    parts = get_parts(session, job_id)
    sounds = _leading_sounds(parts[: part + 1])
    for segment in lay_out(sounds, is_complete=len(sounds) == len(parts)):
        if (segment.part, segment.piece) == (part, number):
            return segment
    raise NotFoundError(f"job {job_id} has no segment {part}-{number}: read its playlist again")


def keep_sounds(session: Session, owner: str, sha256s: Iterable[str], *, now: datetime) -> None:
    """Record that parts were used, so that they are kept; at most once an hour."""
    for batch in _batches(sorted(set(sha256s))):
        session.execute(
            update(PartAudio)
            .where(PartAudio.owner == owner, PartAudio.sha256.in_(batch))
            .where(PartAudio.used_at < now - KEPT_FOR)
            .values(used_at=now),
            execution_options=UNSYNCHRONIZED,
        )


def gone_message(session: Session, job_id: str) -> str:
    """Return the error that a job's parts are gone; it names the file to use instead."""
    files = [a.name for a in get_artifacts(session, job_id) if a.media_type.startswith("audio/")]
    message = f"the parts of job {job_id} are not kept any more"
    return f"{message}: its file {files[0]} is" if files else message


def _leading_sounds(parts: Iterable[Part]) -> list[PartSound]:
    """Return the sounds from the first part on, up to the first part that is not encoded."""
    sounds: list[PartSound] = []
    for part in parts:
        if part.audio_sha256 is None:
            break
        sounds.append(
            PartSound(
                sha256=part.audio_sha256,
                samples=part.audio_samples or 0,
                packets=part.audio_packets or 0,
                ends_run=bool(part.ends_run),
            )
        )
    return sounds


def _uses(session: Session, owner: str, sha256s: set[str]) -> dict[str | None, datetime]:
    """Return when each of these sounds was last used; deleted ones are missing."""
    used_at: dict[str | None, datetime] = {}
    for batch in _batches(sorted(sha256s)):
        query = select(PartAudio.sha256, PartAudio.used_at).where(PartAudio.owner == owner)
        used_at |= {
            row[0]: row[1] for row in session.execute(query.where(PartAudio.sha256.in_(batch)))
        }
    return used_at


def _batches(items: Sequence[str]) -> Iterable[Sequence[str]]:
    return (items[start : start + BATCH] for start in range(0, len(items), BATCH))
