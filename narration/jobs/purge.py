"""Delete jobs, voices and unused chunk audio, with their objects."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from narration.errors import ConflictError
from narration.jobs.history import PastTake
from narration.jobs.lookup import list_delivered_keys, lock_job
from narration.jobs.record import Chunk, Job
from narration.jobs.sound_record import ChunkAudio
from narration.jobs.states import ENDED
from narration.jobs.transitions import delete_job_row
from narration.jobs.usage import add_deleted
from narration.storage.keys import cover_key, is_delivered, job_folder
from narration.storage.profiles import Stores
from narration.voices import lookup
from narration.voices.levels import forget_levels
from narration.voices.record import Voice, VoiceState

BATCH = 500  # rows per transaction


def delete_job(
    session: Session, stores: Stores, job_id: str, *, owner: str | None = None, now: datetime
) -> None:
    """Delete an ended job: its rows, source and deliveries; its chunk audio is shared and stays.

    The objects are deleted inside the transaction: if the store does not answer, the rows remain
    for another try, and a retry of the job cannot begin while its source is being deleted.
    Raises: NotFoundError; ConflictError if the job has not ended; StorageUnavailable; OutputError
    if the destination is no longer reachable.
    """
    job = lock_job(session, job_id, owner=owner)
    if job.state not in ENDED:
        raise ConflictError(f"job {job_id} is under way: cancel it first")
    delivered_keys = list_delivered_keys(session, job_id)
    delete_job_row(session, job, now=now)
    _delete_objects(stores, job, delivered_keys)
    add_deleted(session, job)  # last, because other deletions wait for the row it locks


def find_expired(session: Session, *, now: datetime) -> list[Job]:
    """Return ended jobs whose retention is over."""
    query = select(Job).where(Job.state.in_(ENDED), Job.expires_at <= now).limit(BATCH)
    return list(session.scalars(query))


def delete_voice(session: Session, stores: Stores, voice_id: str, *, owner: str) -> None:
    """Remove a voice from its owner; its objects are deleted once no active job uses it.

    Raises: NotFoundError; StorageUnavailable.
    """
    voice = lookup.retire_voice(session, voice_id, owner=owner)
    if not _is_spoken_with(session, voice_id):
        _delete_voice(session, stores, voice)


def delete_retired_voices(session: Session, stores: Stores) -> None:
    """Delete voices that were removed from their owners and that no job needs any more."""
    retired = select(Voice).where(Voice.state == VoiceState.DELETED).limit(BATCH)
    for voice in session.scalars(retired).all():
        if not _is_spoken_with(session, voice.id):
            _delete_voice(session, stores, voice)


def forget_unused_audio(session: Session, *, before: datetime) -> list[str]:
    """Delete cache rows not used since `before`; return the sounds that nothing refers to any more.

    A sound that a chunk or a take of any job refers to is kept, even without its cache row.
    """
    old = select(ChunkAudio.sha256).where(ChunkAudio.used_at < before).distinct().limit(BATCH)
    sounds = list(session.scalars(old))
    session.execute(
        delete(ChunkAudio).where(ChunkAudio.sha256.in_(sounds), ChunkAudio.used_at < before)
    )
    cached = select(ChunkAudio.sha256).where(ChunkAudio.sha256.in_(sounds))
    in_chunks = select(Chunk.sha256).where(Chunk.sha256.in_(sounds))
    in_past_takes = select(PastTake.sha256).where(PastTake.sha256.in_(sounds))
    used = {
        *session.scalars(cached),
        *session.scalars(in_chunks),
        *session.scalars(in_past_takes),
    }
    return [sha256 for sha256 in sounds if sha256 not in used]


def _delete_objects(stores: Stores, job: Job, delivered_keys: Iterable[str]) -> None:
    destination = stores.profile(job.destination_profile)
    prefix = job.destination_prefix
    # Files that lost tries left behind are not listed anywhere, but their names have the form of a
    # delivery.
    keys = [info.key for info in destination.find(job_folder(prefix, job.id))]
    leftovers = [key for key in keys if is_delivered(key, prefix, job.id)]
    for key in {*delivered_keys, *leftovers}:
        destination.delete(key)
    if job.source_key is not None:
        stores.work.delete(job.source_key)
    stores.work.delete(cover_key(job.id))


def _is_spoken_with(session: Session, voice_id: str) -> bool:
    under_way = select(Job.id).where(Job.state.not_in(ENDED), Job.voice == voice_id).limit(1)
    return session.scalar(under_way) is not None


def _delete_voice(session: Session, stores: Stores, voice: Voice) -> None:
    session.delete(voice)
    session.flush()
    if voice.digest is not None:
        forget_levels(session, voice.owner, voice.digest)
    for key in (voice.recording_key, voice.conditioning_key):
        if key is not None:
            stores.work.delete(key)
