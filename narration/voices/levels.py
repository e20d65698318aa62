"""The level of a voice: measured once, stored for every job that uses the voice."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, delete
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from narration.engine import EngineIdentity
from narration.sound.gain import VoiceLevel
from narration.voices.record import VoiceLevelRow


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelKey:
    """A voice and the engine that speaks with it; `owner` is empty for the voices of a model."""

    owner: str
    key: str  # digest of voice and engine
    voice_digest: str


def level_key(voice_digest: str, engine: EngineIdentity) -> str:
    """Return the digest of a voice together with its engine."""
    content = json.dumps([voice_digest, engine.describe()], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def find_level(session: Session, key: LevelKey) -> VoiceLevelRow | None:
    """Return the measured level of a voice; None if it was not measured."""
    return session.get(VoiceLevelRow, (key.owner, key.key), populate_existing=True)


def store_level(
    session: Session, key: LevelKey, level: VoiceLevel | None, *, now: datetime
) -> None:
    """Store a measured level; the first writer wins."""
    table = VoiceLevelRow.__table__
    assert isinstance(table, Table)
    is_postgres = session.get_bind().dialect.name == "postgresql"
    statement = postgresql.insert(table) if is_postgres else sqlite.insert(table)
    row = {
        "owner": key.owner,
        "key": key.key,
        "voice_digest": key.voice_digest,
        "level": level,
        "measured_at": now,
    }
    session.execute(statement.values(**row).on_conflict_do_nothing())


def forget_levels(session: Session, owner: str, voice_digest: str) -> None:
    """Delete the measured levels of a deleted voice."""
    session.execute(
        delete(VoiceLevelRow).where(
            VoiceLevelRow.owner == owner, VoiceLevelRow.voice_digest == voice_digest
        )
    )
