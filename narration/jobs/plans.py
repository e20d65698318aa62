"""Plans before any job: create, store with the source for a limited time, look up, delete."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from narration.api_settings import LimitSettings
from narration.bounded import BoundedCalls
from narration.clock import Clock, utc_now
from narration.database import session_scope
from narration.errors import NotFoundError
from narration.ids import new_id
from narration.jobs.create import Destination
from narration.jobs.document import read_apart
from narration.jobs.estimate import (
    SpeakableChunk,
    cached_seconds,
    find_parameters,
    speakable,
)
from narration.jobs.kept_plan import KeptPlan
from narration.jobs.outline import outline, record_outline
from narration.jobs.outline_record import OutlineRecord
from narration.jobs.request import JobSettings
from narration.jobs.sound import RenderParameters
from narration.jobs.stored import dump_settings, read_settings
from narration.jobs.submission import Submission, choose_job_voice, with_delivery_of
from narration.jobs.work import cover_type, require_cover
from narration.storage.keys import check_prefix, cover_key, source_key
from narration.storage.profiles import Stores

BATCH = 100  # plans per sweep


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What reading and planning a document returns; `chunks` only if they can be looked up."""

    record: OutlineRecord
    media_type: str
    chunks: tuple[SpeakableChunk, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRequest:
    """What planning needs to know, in a form that can be sent to another process."""

    data: bytes
    name: str
    media_type: str | None
    settings: JobSettings
    parameters: RenderParameters | None


# Runs in this process, or in one that can be stopped.
PlanDocument: TypeAlias = Callable[[PlanRequest], Planned]


def plan_document(limits: LimitSettings, request: PlanRequest) -> Planned:
    """Read and plan a document in this process.

    Raises: DocumentError.
    """
    outlined = outline(
        limits,
        request.data,
        name=request.name,
        media_type=request.media_type,
        settings=request.settings,
    )
    parameters = request.parameters
    return Planned(
        record=record_outline(outlined, request.settings),
        media_type=outlined.document.media_type,
        chunks=tuple(speakable(outlined, parameters)) if parameters else (),
    )


def plan_apart(calls: BoundedCalls, limits: LimitSettings, request: PlanRequest) -> Planned:
    """Read and plan a document in a separate process, limited as for a submission.

    Raises: DocumentError; BusyError if all such processes are in use.
    """
    return read_apart(calls, request.data, plan_document, limits, request)


@dataclass(frozen=True, slots=True, kw_only=True)
class Planner:
    """Creates and stores plans."""

    database: Engine
    stores: Stores
    limits: LimitSettings
    plan: PlanDocument
    clock: Clock = utc_now

    def make(self, submission: Submission) -> KeptPlan:
        """Plan what would be submitted and store it, or refuse it completely, as for a job.

        Raises: DocumentError, OutputError, FieldsError, BusyError, VoiceNotReady, RecordingError;
        StorageUnavailable, DatabaseUnavailable.
        """
        if submission.cover is not None:
            require_cover(submission.cover)
        prefix = check_prefix(submission.destination.prefix)
        destination = Destination(profile=submission.destination.profile, prefix=prefix)
        self.stores.profile(destination.profile)
        with session_scope(self.database, is_read_only=True) as session:
            voice = choose_job_voice(session, submission)
            settings = with_delivery_of(session, submission.settings, voice)
            parameters = find_parameters(session, submission.owner, settings, now=self.clock())
        planned = self.plan(
            PlanRequest(
                data=submission.data,
                name=submission.name,
                media_type=submission.media_type,
                settings=settings,
                parameters=parameters,
            )
        )
        record = planned.record
        if parameters is not None:
            with session_scope(self.database, is_read_only=True) as session:
                seconds = cached_seconds(
                    session, submission.owner, planned.chunks, parameters, settings
                )
            record = _with_cached(record, seconds)
        submission = replace(submission, settings=settings)
        return self._keep(submission, destination, planned.media_type, record)

    def _keep(
        self,
        submission: Submission,
        destination: Destination,
        media_type: str,
        record: OutlineRecord,
    ) -> KeptPlan:
        now = self.clock()
        plan_id = new_id("plan", now)
        is_inline = len(submission.data) <= self.limits.inline_source_bytes
        plan = KeptPlan(
            id=plan_id,
            owner=submission.owner,
            settings=dump_settings(submission.settings),
            outline=record,
            source=submission.data if is_inline else None,
            source_key=None if is_inline else source_key(plan_id),
            source_name=submission.name,
            source_media_type=media_type,
            source_size_bytes=len(submission.data),
            source_sha256=hashlib.sha256(submission.data).hexdigest(),
            cover_key=cover_key(plan_id) if submission.cover else None,
            destination_profile=destination.profile,
            destination_prefix=destination.prefix,
            created_at=now,
            expires_at=now + timedelta(seconds=self.limits.plan_s),
        )
        # The row first, so that every object in the store has one.
        with session_scope(self.database) as session:
            session.add(plan)
            _drop_oldest(session, self.stores, submission.owner, kept=self.limits.plans)
        try:
            self._store(submission, plan)
        except BaseException:
            with session_scope(self.database) as session:
                delete_plan(session, self.stores, plan_id)
            raise
        return plan

    def _store(self, submission: Submission, plan: KeptPlan) -> None:
        if plan.source_key is not None:
            media_type = plan.source_media_type
            self.stores.work.put(plan.source_key, submission.data, media_type=media_type)
        if plan.cover_key is not None and submission.cover is not None:
            media_type = cover_type(submission.cover) or ""
            self.stores.work.put(plan.cover_key, submission.cover, media_type=media_type)


def get_plan(session: Session, plan_id: str, *, owner: str, now: datetime) -> KeptPlan:
    """Return an owner's plan.

    Raises: NotFoundError if there is none, or it has expired.
    """
    plan = session.get(KeptPlan, plan_id)
    if plan is None or plan.owner != owner or plan.expires_at <= now:
        raise NotFoundError(f"there is no plan {plan_id}: plans are kept for a while only")
    return plan


def submission_of(
    session: Session, stores: Stores, plan_id: str, *, owner: str, now: datetime
) -> Submission:
    """Return the submission of a job from a plan, before anything in it is overridden.

    Raises: NotFoundError; StorageUnavailable.
    """
    plan = get_plan(session, plan_id, owner=owner, now=now)
    data = plan.source
    if data is None:
        assert plan.source_key is not None
        data = stores.work.get(plan.source_key)
    return Submission(
        owner=owner,
        name=plan.source_name,
        media_type=plan.source_media_type,
        data=data,
        settings=read_settings(plan.settings),
        destination=Destination(profile=plan.destination_profile, prefix=plan.destination_prefix),
        cover=None if plan.cover_key is None else stores.work.get(plan.cover_key),
    )


def delete_plan(
    session: Session, stores: Stores, plan_id: str, *, owner: str | None = None
) -> None:
    """Delete a plan and its source.

    Raises: NotFoundError; StorageUnavailable.
    """
    plan = session.get(KeptPlan, plan_id)
    if plan is None or owner not in (None, plan.owner):
        raise NotFoundError(f"there is no plan {plan_id}: plans are kept for a while only")
    _drop(session, stores, plan)


def forget_plans(session: Session, stores: Stores, *, now: datetime) -> bool:
    """Delete a batch of expired plans; False if there are no more."""
    query = select(KeptPlan).where(KeptPlan.expires_at <= now).limit(BATCH)
    expired = list(session.scalars(query))
    for plan in expired:
        _drop(session, stores, plan)
    return bool(expired)


def count_plans(session: Session) -> int:
    """Return how many plans are stored."""
    return session.execute(select(func.count()).select_from(KeptPlan)).scalar_one()


def _drop_oldest(session: Session, stores: Stores, owner: str, *, kept: int) -> None:
    query = select(KeptPlan).where(KeptPlan.owner == owner).order_by(KeptPlan.id.desc())
    session.flush()
    for plan in session.scalars(query.offset(kept)).all():
        _drop(session, stores, plan)


def _drop(session: Session, stores: Stores, plan: KeptPlan) -> None:
    session.delete(plan)
    session.flush()
    for key in (plan.source_key, plan.cover_key):
        if key is not None:
            stores.work.delete(key)


def _with_cached(record: OutlineRecord, seconds: dict[int, float]) -> OutlineRecord:
    chapters = [
        chapter.model_copy(update={"cached_s": round(seconds.get(chapter.number, 0.0), 1)})
        for chapter in record.chapters
    ]
    cached_s = round(sum(seconds.values()), 1)
    return record.model_copy(update={"cached_s": cached_s, "chapters": chapters})
