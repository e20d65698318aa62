"""Which processes make sound: they say so themselves, and are believed while they say it."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import String, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from narration.database import OWNER, Base, JsonColumn, UtcDateTime, state_column
from narration.engine import EngineIdentity

SERVICE_OWNER = "rhapsode"
SILENT_AFTER_S = 60.0  # four missed heartbeats at their default


class WorkerState(StrEnum):
    """warming → ready → draining."""

    WARMING = "warming"
    READY = "ready"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEngine:
    """A warm engine as its worker reports it, with the names of the voices beside its model."""

    identity: EngineIdentity
    voices: tuple[str, ...]


class Worker(Base):
    """A running process that makes sound; `engine` says which, once it is warm."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(OWNER)
    state: Mapped[WorkerState] = mapped_column(state_column(WorkerState))
    slots: Mapped[int]
    engine: Mapped[dict[str, Any] | None] = mapped_column(JsonColumn)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


def register(session: Session, worker_id: str, *, slots: int, now: datetime) -> None:
    """Add a worker that is warming up."""
    session.add(
        Worker(
            id=worker_id,
            owner=SERVICE_OWNER,
            state=WorkerState.WARMING,
            slots=slots,
            started_at=now,
            seen_at=now,
        )
    )


def report(
    session: Session,
    worker_id: str,
    *,
    state: WorkerState,
    slots: int,
    now: datetime,
    engine: WorkerEngine | None = None,
) -> None:
    """Note that a worker lives, and what it can do."""
    values: dict[str, Any] = {"state": state, "slots": slots, "seen_at": now}
    if engine is not None:
        values["engine"] = {**engine.identity.describe(), "voices": list(engine.voices)}
    session.execute(update(Worker).where(Worker.id == worker_id).values(**values))


def unregister(session: Session, worker_id: str) -> None:
    """Remove a worker that ends."""
    session.execute(delete(Worker).where(Worker.id == worker_id))


def warm_workers(session: Session, *, now: datetime) -> list[Worker]:
    """Return the workers that speak at this moment."""
    query = select(Worker).where(Worker.state == WorkerState.READY, Worker.seen_at > _silent(now))
    return list(session.scalars(query.order_by(Worker.id)))


def bundled_voices(session: Session, *, now: datetime) -> list[str]:
    """Return the voices that lie beside the model: warm workers say which."""
    warm = warm_workers(session, now=now)
    return sorted({name for worker in warm for name in (worker.engine or {}).get("voices", ())})


def count_slots(session: Session, *, now: datetime) -> int:
    """Return how many segments could be in work at once."""
    query = select(func.coalesce(func.sum(Worker.slots), 0))
    query = query.where(Worker.state == WorkerState.READY, Worker.seen_at > _silent(now))
    return session.execute(query).scalar_one()


def forget_silent(session: Session, *, before: datetime) -> None:
    """Remove workers that have not been heard of since the given moment."""
    session.execute(delete(Worker).where(Worker.seen_at < before))


def _silent(now: datetime) -> datetime:
    return now - timedelta(seconds=SILENT_AFTER_S)
