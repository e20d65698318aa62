"""The cache of encoded parts, by the digest of all that shapes them; kept for a while.

The row is written before the object it names, so that every object in the store has a row. The
object of a row may therefore be missing, or damaged since: the part is then encoded again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from narration.database import UNSYNCHRONIZED
from narration.jobs.sound_record import PartAudio

BATCH = 500  # rows per statement


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodedPart:
    """Packets of one format, by the SHA-256 of their bytes, or the level of a part's takes."""

    digest: str
    sha256: str | None = None
    size_bytes: int = 0
    level: bytes | None = None


def find_encoded(
    session: Session, owner: str, digests: Sequence[str], *, now: datetime
) -> dict[str, EncodedPart]:
    """Return cached entries by digest, and mark them as used."""
    encoded: dict[str, EncodedPart] = {}
    for start in range(0, len(digests), BATCH):
        rows = session.execute(
            update(PartAudio)
            .where(PartAudio.owner == owner)
            .where(PartAudio.digest.in_(digests[start : start + BATCH]))
            .values(used_at=now)
            .returning(PartAudio.digest, PartAudio.sha256, PartAudio.size_bytes, PartAudio.level),
            execution_options=UNSYNCHRONIZED,
        )
        encoded |= {row.digest: EncodedPart(**row._asdict()) for row in rows}
    return encoded


def store_encoded(
    session: Session, owner: str, parts: Iterable[EncodedPart], *, now: datetime
) -> None:
    """Store entries; equal digests mean equal content, so the last writer may win."""
    table = PartAudio.__table__
    assert isinstance(table, Table)
    is_postgres = session.get_bind().dialect.name == "postgresql"
    for part in parts:
        values = {"sha256": part.sha256, "size_bytes": part.size_bytes, "level": part.level}
        insert = postgresql.insert(table) if is_postgres else sqlite.insert(table)
        statement = insert.values(owner=owner, digest=part.digest, used_at=now, **values)
        session.execute(
            statement.on_conflict_do_update(
                index_elements=["owner", "digest"], set_={**values, "used_at": now}
            )
        )


def forget_unused_parts(
    session: Session, *, before: datetime, quota_bytes: int
) -> list[str] | None:
    """Delete entries not used since `before`, and the oldest ones beyond the quota.

    Returns the SHA-256 of bytes that no entry names any more; None if there is nothing left to
    delete.
    """
    old = select(PartAudio.owner, PartAudio.digest, PartAudio.sha256, PartAudio.size_bytes)
    old = old.order_by(PartAudio.used_at, PartAudio.digest).limit(BATCH)
    excess = session.execute(select(func.sum(PartAudio.size_bytes))).scalar_one() or 0
    excess -= quota_bytes
    forgotten = list(session.execute(old.where(PartAudio.used_at < before)))
    excess -= sum(row.size_bytes for row in forgotten)
    if excess > 0:
        for row in session.execute(old.where(PartAudio.used_at >= before)):
            if excess <= 0:
                break
            forgotten.append(row)
            excess -= row.size_bytes
    if not forgotten:
        return None
    for row in forgotten:
        is_it = (PartAudio.owner == row.owner, PartAudio.digest == row.digest)
        session.execute(delete(PartAudio).where(*is_it))
    candidates = {row.sha256 for row in forgotten if row.sha256}
    still_named = set(
        session.scalars(select(PartAudio.sha256).where(PartAudio.sha256.in_(candidates)))
    )
    return sorted(candidates - still_named)
