"""Claims on preparing voices: take one, finish it, release it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from narration.broker.interface import Task
from narration.broker.wakeups import queue_wakeup
from narration.voices.record import Voice, VoiceState


def claim_voice(session: Session, voice_id: str, *, until: datetime, now: datetime) -> Voice | None:
    """Claim a voice to prepare; None if it is done, taken or deleted."""
    return session.scalar(
        update(Voice)
        .where(Voice.id == voice_id, Voice.state == VoiceState.PREPARING)
        .where(or_(Voice.lease_until.is_(None), Voice.lease_until <= now))
        .values(lease_until=until, tries=Voice.tries + 1)
        .returning(Voice)
    )


def mark_voice_ready(
    session: Session,
    voice_id: str,
    *,
    digest: str,
    conditioning_key: str,
    similarity: float | None = None,
) -> bool:
    """Mark a voice as ready. Preparing is deterministic, so the first result is as good as any."""
    return _end(
        session,
        voice_id,
        {
            "state": VoiceState.READY,
            "digest": digest,
            "conditioning_key": conditioning_key,
            "similarity": similarity,
        },
    )


def mark_voice_failed(session: Session, voice_id: str, error: str) -> bool:
    """Record why a voice cannot be used."""
    return _end(session, voice_id, {"state": VoiceState.FAILED, "error": error})


def release_voice(session: Session, voice_id: str, *, not_before: datetime) -> None:
    """Release the voice; nobody claims it before the given moment."""
    session.execute(update(Voice).where(Voice.id == voice_id).values(lease_until=not_before))


def find_unprepared_voices(session: Session, *, now: datetime) -> list[str]:
    """Return the voices that wait for preparation and that nobody has claimed."""
    query = select(Voice.id).where(Voice.state == VoiceState.PREPARING)
    return list(
        session.scalars(query.where(or_(Voice.lease_until.is_(None), Voice.lease_until <= now)))
    )


def resume_voices(session: Session) -> None:
    """End every lease on a voice, and send wake-ups to prepare them; see `resume_work`."""
    is_preparing = Voice.state == VoiceState.PREPARING
    session.execute(update(Voice).where(is_preparing).values(lease_until=None))
    for voice_id in session.scalars(select(Voice.id).where(is_preparing)):
        queue_wakeup(session, Task.PREPARE_VOICE, voice_id)


def _end(session: Session, voice_id: str, values: Mapping[str, Any]) -> bool:
    ended = session.execute(
        update(Voice)
        .where(Voice.id == voice_id, Voice.state == VoiceState.PREPARING)
        .values(lease_until=None, **values)
        .returning(Voice.id)
    )
    return ended.first() is not None
