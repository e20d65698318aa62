"""Rendering: take the segment whose turn it is, speak it, end it.

Holds the engine it was given and names no tensor; who may write what lies in the queries.
"""

from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.orm import Session

from narration.jobs.lookup import get_job
from narration.jobs.request import JobSettings
from narration.jobs.segment_claim import (
    SegmentClaim,
    claim_segment,
    finish_segment,
    hand_back_segment,
    pending_chunks,
    renew_segment,
)
from narration.jobs.takes import record_provenance
from narration.jobs.transitions import fail_job
from narration.jobs.wakeups import announce
from worker.context import Drain, Workplace
from worker.engine.types import SpeechEngine
from worker.lease_runner import Work, attend
from worker.leases import Lease
from worker.rendering.identity import EngineIdentity, Recipe
from worker.rendering.segment_run import Recital, Score
from worker.rendering.voice_cache import VoiceShelf


class Narrator:
    """A warm engine that works off segments; its methods may run on many threads."""

    def __init__(
        self, place: Workplace, engine: SpeechEngine, identity: EngineIdentity, shelf: VoiceShelf
    ) -> None:
        self._place = place
        self._engine = engine
        self._identity = identity
        self._shelf = shelf
        self._drain = Drain()

    def render_next(self) -> bool:
        """Render the segment whose turn it is; False if there was none.

        Raises: EngineDied, after handing the segment back.
        """
        claim = None if self._drain.is_begun else self._claim()
        if claim is None:
            return False
        with structlog.contextvars.bound_contextvars(job_id=claim.job_id, segment=claim.index):
            attend(self._place, self._work(claim), partial(self._render, claim))
        return True

    def drain(self) -> None:
        """Start nothing more: what is being spoken may be finished, the rest is handed back."""
        self._drain.begin(self._place.settings.grace_s)

    def _claim(self) -> SegmentClaim | None:
        place = self._place
        with place.session() as session:
            return claim_segment(
                session,
                holder=place.holder,
                until=place.leases.until(),
                now=place.clock(),
                window_segments=place.settings.window_segments,
                poison_losses=place.settings.poison_losses,
            )

    def _work(self, claim: SegmentClaim) -> Work:
        place = self._place

        def renew(session: Session, *, until: datetime) -> bool:
            return renew_segment(session, claim, until=until)

        def give_up(session: Session, error: Exception) -> bool:
            is_ours = renew(session, until=place.leases.until())
            return is_ours and fail_job(session, claim.job_id, error, now=place.clock())

        return Work(
            tries=claim.tries,
            renew=renew,
            hand_back=lambda session, not_before: hand_back_segment(
                session, claim, not_before=not_before
            ),
            fail=give_up,
        )

    def _render(self, claim: SegmentClaim, lease: Lease) -> None:
        score = self._read_score(claim)
        with self._place.session() as session:
            chunks = pending_chunks(session, claim)
            record_provenance(
                session,
                claim.job_id,
                engine=self._identity.describe(),
                voice_digest=score.voice.digest,
            )
        recital = Recital(
            place=self._place,
            engine=self._engine,
            claim=claim,
            score=score,
            lease=lease,
            drain=self._drain,
        )
        if recital.perform(chunks):
            self._finish(claim)
        else:
            with self._place.session() as session:
                hand_back_segment(session, claim, not_before=self._place.clock())

    def _read_score(self, claim: SegmentClaim) -> Score:
        with self._place.session(is_read_only=True) as session:
            job = get_job(session, claim.job_id)
            settings = JobSettings.model_validate(job.settings)
            row_or_voice = self._shelf.find(session, claim.owner, settings.voice)
        voice = self._shelf.load(row_or_voice)
        recipe = Recipe(
            voice_digest=voice.digest,
            delivery=settings.delivery,
            job_seed=settings.seed,
            engine=self._identity,
        )
        return Score(voice=voice, recipe=recipe, quality=settings.quality)

    def _finish(self, claim: SegmentClaim) -> None:
        with self._place.session() as session:
            has_moved = finish_segment(session, claim, now=self._place.clock())
            state = get_job(session, claim.job_id).state
        if has_moved:
            announce(self._place.broker, claim.job_id, state)
