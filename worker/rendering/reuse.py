"""When a worker starts a job, finishes every segment of it that is already in the chunk cache."""

import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

import structlog
from sqlalchemy.orm import Session

from narration import telemetry
from narration.broker.interface import Task
from narration.broker.wakeups import queue_wakeup
from narration.errors import DatabaseUnavailable
from narration.jobs.record import Chunk
from narration.jobs.reuse import claim_reused, finish_reused, untouched_segments
from narration.jobs.segment_claim import SegmentClaim, hand_back_segment, renew_segment
from narration.jobs.takes import Outcome, Take, find_takes, has_takes
from worker.context import Drain, WorkerContext
from worker.lease_runner import write_patiently
from worker.leases import Lease
from worker.rendering.segment_settings import SegmentSettings
from worker.rendering.takes import PendingChunk, SpokenTake, resolve_take

log = structlog.get_logger(__name__)

REMEMBERED = 1024  # jobs that were started
# Segments at once: about fourteen hours. If a worker is lost meanwhile, they wait for the end of
# their leases, and each counts a loss.
CLAIMED = 256
SEGMENTS = 32  # finished per transaction: other workers wait for the job's row meanwhile
WAIT_S = 1.0  # the longest that claims wait for a look into the cache


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """Claimed segments with the outcomes of all their chunks; `last` is the last one looked at."""

    claims: list[SegmentClaim]
    outcomes: Mapping[int, Sequence[Outcome]]
    last: int


class Reuse:
    """Finishes segments whose chunks are all in the chunk cache; shared by a worker's threads."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        # Not all that a job may have claimed, or nobody could claim what is to be spoken.
        self._claimed = max(1, min(CLAIMED, context.settings.window_segments // 2))
        self._started: OrderedDict[str, None] = OrderedDict()
        self._looking: set[str] = set()  # jobs that are being looked up
        self._changed = threading.Condition()

    def enter(self, claim: SegmentClaim) -> bool:
        """Return whether to call `finish_rest` for a claimed segment; call `leave` afterwards then.

        That is so once per job. The first segment is left out: somebody may wait to listen to it.
        """
        return claim.index > 0 and self._is_first(claim.job_id)

    def leave(self, claim: SegmentClaim) -> None:
        """End what `enter` began, if it has not ended."""
        with self._changed:
            self._looking.discard(claim.job_id)
            self._changed.notify_all()

    def wait(self, since: float) -> None:
        """Wait while a job is looked up, before a segment is claimed; at most WAIT_S from `since`.

        Otherwise all threads of a worker would claim cached segments one by one meanwhile.
        `since` is a time of `time.monotonic`.
        """
        left_s = max(0.0, since + WAIT_S - time.monotonic())
        with self._changed:
            self._changed.wait_for(lambda: not self._looking, left_s)

    def finish_rest(
        self, claim: SegmentClaim, settings: SegmentSettings, lease: Lease, drain: Drain
    ) -> None:
        """Finish the cached segments after a claimed one, for as long as some are found.

        Raises: LeaseLost if another worker has the claimed segment by now.
        """
        try:
            after = claim.index
            while not drain.is_begun and (found := self._find(claim, settings, after)):
                with self._held(found.claims):
                    # The others find only segments that are to be spoken, up to the last that was
                    # looked up.
                    self.leave(claim)
                    self._finish(found, lease, drain)
                after = found.last
        except DatabaseUnavailable as error:  # speaking a segment looks the cache up again
            log.warning("reuse_given_up", reason=str(error))
            self._forget(claim.job_id)

    def _find(self, claim: SegmentClaim, settings: SegmentSettings, after: int) -> _Found | None:
        """Claim the next cached segments of a job; None if there are none."""
        now = self._context.clock()
        with self._context.session() as session:
            segments = untouched_segments(
                session, claim.job_id, after=after, most=self._claimed, now=now
            )
            outcomes = self._cached_outcomes(session, claim.owner, segments, settings)
        if not outcomes:
            return None
        with self._context.session() as session:
            claims = claim_reused(
                session,
                claim.job_id,
                outcomes,
                holder=self._context.holder,
                until=self._context.leases.until(),
                now=now,
            )
        return _Found(claims=claims, outcomes=outcomes, last=max(segments))

    @contextmanager
    def _held(self, claims: list[SegmentClaim]) -> Iterator[None]:
        """Renew the leases on claimed segments; hand back those that are left at the end."""

        def renew(session: Session, *, until: datetime) -> bool:
            held = [renew_segment(session, claim, until=until) for claim in tuple(claims)]
            return any(held)

        with self._context.leases.keep(renew):
            try:
                yield
            finally:
                if claims:
                    write_patiently(self._context, partial(self._hand_back, claims))

    def _hand_back(self, claims: Sequence[SegmentClaim], session: Session) -> None:
        now = self._context.clock()
        for claim in claims:
            if hand_back_segment(session, claim, not_before=now):
                queue_wakeup(session, Task.RENDER)

    def _finish(self, found: _Found, lease: Lease, drain: Drain) -> None:
        """Finish claimed segments, and remove them from the claims."""
        while found.claims and not drain.is_begun:
            lease.check()
            batch = found.claims[:SEGMENTS]
            with self._context.session() as session:
                finished = finish_reused(
                    session,
                    batch,
                    found.outcomes,
                    until=self._context.leases.until(),
                    now=self._context.clock(),
                )
            del found.claims[:SEGMENTS]
            _count([outcome for number in finished for outcome in found.outcomes[number]])

    def _is_first(self, job_id: str) -> bool:
        with self._changed:
            is_first = job_id not in self._started
            if is_first:
                self._looking.add(job_id)
            self._started[job_id] = None
            if len(self._started) > REMEMBERED:
                self._started.popitem(last=False)
        return is_first

    def _forget(self, job_id: str) -> None:
        with self._changed:
            self._started.pop(job_id, None)

    def _cached_outcomes(
        self,
        session: Session,
        owner: str,
        segments: Mapping[int, Sequence[Chunk]],
        settings: SegmentSettings,
    ) -> dict[int, list[Outcome]]:
        """Return the outcomes of segments all of whose chunks have a cached take that is good."""
        keys = {
            chunk.index: _cache_key(chunk, settings)
            for chunks in segments.values()
            for chunk in chunks
            if not chunk.voicing  # it has settings of its own, which speaking its segment applies
        }
        takes = find_takes(session, owner, keys.values(), now=self._context.clock())
        outcomes_by_segment = {
            number: [
                outcome
                for chunk in chunks
                if (take := takes.get(keys.get(chunk.index, ""))) is not None
                and (outcome := _outcome(chunk, take, settings)) is not None
            ]
            for number, chunks in segments.items()
        }
        return {
            number: outcomes
            for number, outcomes in outcomes_by_segment.items()
            if len(outcomes) == len(segments[number])
        }


def find_earlier(
    context: WorkerContext,
    owner: str,
    settings: SegmentSettings,
    pending_chunks: Sequence[PendingChunk],
) -> dict[str, Take]:
    """Return cached takes that the chunks may use, by cache key, and mark them as used.

    A further take counts only if those before it are cached and have findings, which is rare.
    """
    keys = [settings.cache_key(pending, pending.number) for pending in pending_chunks]
    earlier = _find_cached(context, owner, keys, is_urgent=settings.is_urgent)
    further = [
        settings.cache_key(pending, number)
        for pending, key in zip(pending_chunks, keys, strict=True)
        if key in earlier and earlier[key].findings
        for number in range(pending.number + 1, pending.last_number + 1)
    ]
    if further:
        earlier |= _find_cached(context, owner, further, is_urgent=settings.is_urgent)
    return earlier


def _find_cached(
    context: WorkerContext, owner: str, keys: Collection[str], *, is_urgent: bool
) -> dict[str, Take]:
    if is_urgent:  # mostly a new text, for which one round trip is enough
        with context.session(is_read_only=True) as session:
            if not has_takes(session, owner, keys):
                return {}
    with context.session() as session:
        return find_takes(session, owner, keys, now=context.clock())


def _cache_key(chunk: Chunk, settings: SegmentSettings) -> str:
    return settings.parameters.cache_key(chunk.spoken_text, chunk.first_take)


def _outcome(chunk: Chunk, take: Take, settings: SegmentSettings) -> Outcome | None:
    """Return a chunk's outcome with its cached first take; None if it needs another take."""
    pending = settings.make_pending(chunk)
    cached_take = SpokenTake(
        number=pending.number,
        seed=settings.parameters.seed(pending.spoken_text, pending.number),
        take=take,
        is_cached=True,
    )
    result = resolve_take(pending, cached_take, settings.quality.policy)
    return result if isinstance(result, Outcome) and result.take is take else None


def _count(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        telemetry.CHUNKS.labels(outcome=outcome.state.value).inc()
