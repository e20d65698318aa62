"""Rendering: claim the segment whose turn it is, speak it, finish it.

Works with the engine it is given and no tensors; the queries check who may write what.
"""

import math
import threading
import time
from collections.abc import Sequence
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.orm import Session

from narration.broker.interface import Task
from narration.broker.wakeups import queue_wakeup
from narration.engine import EngineIdentity
from narration.jobs.advance import fail_job
from narration.jobs.create import URGENT_PRIORITY
from narration.jobs.lookup import get_job
from narration.jobs.record import Chunk
from narration.jobs.segment_claim import (
    SegmentClaim,
    claim_segment,
    finish_segment,
    hand_back_segment,
    pending_chunks,
    renew_segment,
)
from narration.jobs.sound import RenderParameters
from narration.jobs.stored import read_settings
from narration.jobs.takes import is_recorded, record_provenance
from narration.sound.gain import Loudness
from narration.telemetry import log_step
from narration.voices.record import Voice as VoiceRow
from worker.context import Drain, WorkerContext
from worker.engine.types import SpeechEngine
from worker.lease_runner import Work, run_under_lease
from worker.leases import Lease
from worker.rendering.checkpoint_writer import CheckpointWriter
from worker.rendering.pace import Pace
from worker.rendering.places import URGENT_PLACE, Place, Places
from worker.rendering.reuse import Reuse
from worker.rendering.segment_run import SegmentRun
from worker.rendering.segment_settings import SegmentSettings
from worker.rendering.take_pool import TakePool
from worker.rendering.tools import Tools
from worker.rendering.voice_cache import VoiceCache
from worker.rendering.voice_levels import VoiceLevels


class SegmentRunner:
    """Renders segments with a warm engine; its methods may be called from many threads."""

    def __init__(
        self,
        context: WorkerContext,
        engine: SpeechEngine,
        identity: EngineIdentity,
        voice_cache: VoiceCache,
        voice_levels: VoiceLevels,
        *,
        takes: TakePool,
        checkpoints: CheckpointWriter,
        places: Places,
    ) -> None:
        self._context = context
        self._takes = takes
        self._checkpoints = checkpoints
        self._places = places
        self._engine = engine
        self._identity = identity
        self._voice_cache = voice_cache
        self._voice_levels = voice_levels
        self._drain = Drain()
        self._reuse = Reuse(context)
        self._claiming = threading.Lock()  # one by one: the first of a job may hold up the others
        self._nothing_since = -math.inf  # when the last claim that found nothing began
        self.pace = Pace()

    def render_next(self) -> bool:
        """Render the segment whose turn it is; return False if there is nothing left to do now.

        Raises: EngineDied, after handing the segment back.
        """
        with self._places.take() as place:
            is_rendered = self._render_one(place)
        return is_rendered or place.is_missed

    def render_urgent(self) -> bool:
        """Render a segment that somebody waits for, beside all places; False if there is none.

        Raises: as `render_next`.
        """
        return self._render_one(URGENT_PLACE)

    @property
    def is_draining(self) -> bool:
        """Whether no more segments are claimed."""
        return self._drain.is_begun

    def drain(self) -> None:
        """Claim no more segments; chunks in flight may finish, the rest is handed back."""
        self._drain.begin(self._context.settings.grace_s)

    def _render_one(self, place: Place) -> bool:
        claim, is_first = self._take(place)
        if claim is None:
            return False
        try:
            with structlog.contextvars.bound_contextvars(job_id=claim.job_id, segment=claim.index):
                log_step("claimed")
                work = partial(self._render, claim, is_first=is_first)
                with self.pace.at_work():
                    run_under_lease(self._context, self._work(claim), work)
        finally:
            if is_first:
                self._reuse.leave(claim)
        return True

    def _take(self, place: Place) -> tuple[SegmentClaim | None, bool]:
        """Claim a segment; also return whether its job is to be looked up in the chunk cache."""
        if place.least_priority >= URGENT_PRIORITY:
            return self._claim(place), False
        since = time.monotonic()
        with self._claiming:
            self._reuse.wait(since)
            # A book wakes dozens of threads. Once one of them finds nothing left, neither would
            # those that were awake before it looked.
            if place.is_ordinary and since < self._nothing_since:
                return None, False
            began_at = time.monotonic()
            claim = self._claim(place)
            if claim is None and place.is_ordinary:
                self._nothing_since = began_at
            return claim, claim is not None and self._reuse.enter(claim)

    def _claim(self, place: Place) -> SegmentClaim | None:
        if self._drain.is_begun:
            return None
        context = self._context
        with context.session() as session:
            return claim_segment(
                session,
                holder=context.holder,
                until=context.leases.until(),
                now=context.clock(),
                window_segments=context.settings.window_segments if place.is_ordinary else 1,
                poison_losses=context.settings.poison_losses,
                least_priority=place.least_priority,
            )

    def _work(self, claim: SegmentClaim) -> Work:
        context = self._context

        def renew(session: Session, *, until: datetime) -> bool:
            return renew_segment(session, claim, until=until)

        def give_up(session: Session, error: Exception) -> bool:
            is_ours = renew(session, until=context.leases.until())
            return is_ours and fail_job(session, claim.job_id, error, now=context.clock())

        return Work(
            job_id=claim.job_id,
            tries=claim.tries,
            renew=renew,
            hand_back=lambda session, not_before, tries: hand_back_segment(
                session, claim, not_before=not_before, tries=tries
            ),
            fail=give_up,
        )

    def _render(self, claim: SegmentClaim, lease: Lease, *, is_first: bool) -> None:
        settings, chunks, has_record = self._read(claim)
        log_step("settings_read")
        record = (
            None
            if has_record
            else partial(
                record_provenance,
                job_id=claim.job_id,
                engine=self._identity,
                voice_digest=settings.voice.digest,
                gain_db=settings.gain_db,
            )
        )
        if not settings.is_urgent:
            if record is not None:
                with self._context.session() as session:
                    record(session)
            if is_first:
                self._reuse.finish_rest(claim, settings, lease, self._drain)
        if is_first:
            self._reuse.leave(claim)
        tools = Tools(
            context=self._context,
            engine=self._engine,
            takes=self._takes,
            checkpoints=self._checkpoints,
            drain=self._drain,
            pace=self.pace,
        )
        segment_run = SegmentRun(tools, claim, settings, lease, record)
        if segment_run.run(chunks):
            self._finish(claim)
        else:
            with self._context.session() as session:
                hand_back_segment(session, claim, not_before=self._context.clock())
                queue_wakeup(session, Task.RENDER)  # for a worker that goes on

    def _read(self, claim: SegmentClaim) -> tuple[SegmentSettings, Sequence[Chunk], bool]:
        """Return how a segment is to be spoken, its unspoken chunks, and whether that is recorded.

        The first segment of a job records what the job is spoken with.
        """
        with self._context.session(is_read_only=True) as session:
            job = get_job(session, claim.job_id)
            chunks = pending_chunks(session, claim)
            settings = read_settings(job.settings)
            row_or_voice = self._voice_cache.find(session, job)
        voice = self._voice_cache.load(row_or_voice)
        loudness = Loudness(**settings.loudness.model_dump()) if settings.loudness else None
        is_own = isinstance(row_or_voice, VoiceRow)
        gain_db = self._voice_levels.gain_db(claim.owner if is_own else "", voice, loudness)
        parameters = RenderParameters(
            voice_digest=voice.digest,
            delivery=settings.delivery,
            job_seed=settings.seed,
            engine=self._identity,
        )
        segment_settings = SegmentSettings(
            voice=voice,
            parameters=parameters,
            quality=settings.quality,
            priority=job.priority,
            submitted_s=job.created_at.timestamp(),
            gain_db=gain_db,
        )
        has_record = is_recorded(
            job, engine=self._identity, voice_digest=voice.digest, gain_db=gain_db
        )
        return segment_settings, chunks, has_record

    def _finish(self, claim: SegmentClaim) -> None:
        with self._context.session() as session:
            finish_segment(session, claim, now=self._context.clock())
