"""The registry of worker processes: each reports periodically, and counts as long as it does."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, String, delete, func, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from narration.database import OWNER, Base, JsonColumn, StoredAs, UtcDateTime, state_column
from narration.engine import EngineIdentity

SERVICE_OWNER = "rhapsode"
# The default of worker.heartbeat_s, during which a worker reports three times.
SILENT_AFTER_S = 15.0
RESTARTS_WITHIN_S = 600.0
VOICES_KEPT_S = 300.0
# Characters of the host name in a worker's name; the rest distinguishes its processes.
HOST_LENGTH = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedEngine(EngineIdentity):
    """An engine as stored in a worker's row, with the digest of each of its model's voices."""

    voice_digests: dict[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> EngineIdentity:
        """Return the engine's identity, as jobs record it."""
        return EngineIdentity(**{f.name: getattr(self, f.name) for f in fields(EngineIdentity)})


class WorkerState(StrEnum):
    """warming → ready → draining."""

    WARMING = "warming"
    READY = "ready"
    DRAINING = "draining"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerEngine:
    """A warm engine as its worker reports it, with the voices stored with its model.

    `voices`: their digests by name. `speech_rate`: see Worker.
    """

    identity: EngineIdentity
    voices: Mapping[str, str]
    speech_rate: float | None = None


class Worker(Base):
    """A worker process. `slots`: segments it holds at once, none if it does not speak.

    `engine` is set once the worker is warm; `awaits` says, by part, why it is not ready.
    `speech_rate`: seconds of speech produced per second of work, once it has spoken enough.
    """

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    owner: Mapped[str] = mapped_column(OWNER)
    state: Mapped[WorkerState] = mapped_column(state_column(WorkerState))
    slots: Mapped[int]
    engine: Mapped[ServedEngine | None] = mapped_column(StoredAs(ServedEngine))
    speech_rate: Mapped[float | None]
    awaits: Mapped[dict[str, str] | None] = mapped_column(JsonColumn)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


def host_of(worker: Worker) -> str:
    """Return the host in a worker's name; restarted containers keep theirs."""
    return worker.id.rsplit("-", 2)[0]


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
    awaits: dict[str, str] | None = None,
) -> None:
    """Record that a worker is alive, and what it can do."""
    values: dict[str, Any] = {"state": state, "slots": slots, "seen_at": now, "awaits": awaits}
    if engine is not None:
        values["engine"] = ServedEngine(
            **engine.identity.describe(), voice_digests=dict(engine.voices)
        )
        values["speech_rate"] = engine.speech_rate
    session.execute(update(Worker).where(Worker.id == worker_id).values(**values))


def unregister(session: Session, worker_id: str) -> None:
    """Remove a worker that is shutting down."""
    session.execute(delete(Worker).where(Worker.id == worker_id))


def warm_workers(
    session: Session, *, now: datetime, silent_after_s: float = SILENT_AFTER_S
) -> list[Worker]:
    """Return the workers that can speak now."""
    query = select(Worker).where(*_is_warm(now, silent_after_s))
    return list(session.scalars(query.order_by(Worker.id)))


def recent_workers(session: Session, *, since: datetime) -> list[Worker]:
    """Return the workers that reported since the given time, the latest start first."""
    query = select(Worker).where(Worker.seen_at >= since)
    return list(session.scalars(query.order_by(Worker.started_at.desc(), Worker.id)))


def bundled_voices(session: Session, *, now: datetime) -> list[str]:
    """Return the voices stored with the model, as reported by warm workers."""
    # Longer than a heartbeat, so that the list of voices does not change while a worker restarts.
    warm = warm_workers(session, now=now, silent_after_s=VOICES_KEPT_S)
    return sorted(
        {name for worker in warm if worker.engine for name in worker.engine.voice_digests}
    )


def bundled_digests(session: Session, *, now: datetime) -> dict[str, str]:
    """Return the voices stored with the model, with their digests."""
    digests: dict[str, str] = {}
    for worker in warm_workers(session, now=now, silent_after_s=VOICES_KEPT_S):
        digests |= worker.engine.voice_digests if worker.engine else {}
    return digests


def warm_models(session: Session, *, now: datetime) -> dict[str, datetime]:
    """Return the models that speak, each with the start of the first worker that runs it."""
    models: dict[str, datetime] = {}
    for worker in warm_workers(session, now=now, silent_after_s=VOICES_KEPT_S):
        if worker.engine is not None:
            name = worker.engine.model
            models[name] = min(worker.started_at, models.get(name, worker.started_at))
    return models


def warm_engines(session: Session, *, now: datetime) -> list[ServedEngine]:
    """Return the engines that speak, each once, in a stable order."""
    engines: list[ServedEngine] = []
    for worker in warm_workers(session, now=now, silent_after_s=VOICES_KEPT_S):
        if worker.engine is not None and worker.engine not in engines:
            engines.append(worker.engine)
    return sorted(engines, key=repr)


def count_slots(session: Session, *, now: datetime, silent_after_s: float = SILENT_AFTER_S) -> int:
    """Return how many segments can be in progress at once."""
    query = select(func.coalesce(func.sum(Worker.slots), 0))
    return session.execute(query.where(*_is_warm(now, silent_after_s))).scalar_one()


def count_lost_starts(
    session: Session, host: str, *, now: datetime, silent_after_s: float = SILENT_AFTER_S
) -> int:
    """Return how many workers of a host started recently and ended without unregistering."""
    query = select(func.count()).where(
        Worker.id.startswith(f"{host}-", autoescape=True),
        Worker.started_at > now - timedelta(seconds=RESTARTS_WITHIN_S),
        Worker.seen_at <= now - timedelta(seconds=silent_after_s),
    )
    return session.execute(query).scalar_one()


def forget_silent(session: Session, *, before: datetime) -> None:
    """Remove workers that have not reported since the given time."""
    session.execute(delete(Worker).where(Worker.seen_at < before))


def _is_warm(now: datetime, silent_after_s: float) -> tuple[ColumnElement[bool], ...]:
    since = now - timedelta(seconds=silent_after_s)
    return Worker.state == WorkerState.READY, Worker.seen_at > since, Worker.slots > 0
