"""How loud a voice is: measured once, kept for every job that speaks with it."""

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
    """Whose voice, spoken by which engine; `owner` is empty for the voices of a model."""

    owner: str
    key: str  # digest of voice and engine
    voice_digest: str


def level_key(voice_digest: str, engine: EngineIdentity) -> str:
    """Return the digest of a voice and the engine that speaks with it."""
    content = json.dumps([voice_digest, engine.describe()], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def find_level(session: Session, key: LevelKey) -> VoiceLevelRow | None:
    """Return what was measured of a voice, if it was."""
    return session.get(VoiceLevelRow, (key.owner, key.key), populate_existing=True)


def store_level(
    session: Session, key: LevelKey, level: VoiceLevel | None, *, now: datetime
) -> None:
    """Note what was measured; the first to say so wins."""
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
    """Drop what was measured of a voice that is deleted."""
    session.execute(
        delete(VoiceLevelRow).where(
            VoiceLevelRow.owner == owner, VoiceLevelRow.voice_digest == voice_digest
        )
    )
