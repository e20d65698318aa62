"""What of a job was spoken before is ended for the whole job, when a worker begins it."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import structlog
from sqlalchemy.orm import Session

from narration import telemetry
from narration.errors import DatabaseUnavailable
from narration.jobs.record import Chunk
from narration.jobs.reuse import finish_reused, untouched_segments
from narration.jobs.segment_claim import SegmentClaim
from narration.jobs.takes import Outcome, Take, find_takes
from worker.context import Drain, WorkerContext
from worker.leases import Lease
from worker.rendering.segment_settings import SegmentSettings
from worker.rendering.takes import SpokenTake, resolve_take

log = structlog.get_logger(__name__)

REMEMBERED = 1024  # jobs that were begun
SEGMENTS = 32  # in a transaction: others wait for the row of their job meanwhile


class Reuse:
    """Ends segments that are in the chunk cache as a whole; used by all threads of a worker."""

    def __init__(self, context: WorkerContext) -> None:
        self._context = context
        self._begun: OrderedDict[str, None] = OrderedDict()
        self._guard = threading.Lock()

    def finish_rest(
        self, claim: SegmentClaim, settings: SegmentSettings, lease: Lease, drain: Drain
    ) -> None:
        """End what is cached of the job behind a claimed segment, once for each job.

        It goes on while it finds something. The beginning is left to those who speak it, since
        somebody may wait to hear it.
        Raises: LeaseLost if the claimed segment is somebody else's by now.
        """
        if claim.index == 0 or not self._is_first(claim.job_id):
            return
        try:
            self._finish_from(claim, settings, lease, drain)
        except DatabaseUnavailable as error:  # those who speak the segments look again
            log.warning("reuse_given_up", reason=str(error))
            self._forget(claim.job_id)

    def _finish_from(
        self, claim: SegmentClaim, settings: SegmentSettings, lease: Lease, drain: Drain
    ) -> None:
        after = claim.index
        while not drain.is_begun:
            lease.check()
            now = self._context.clock()
            with self._context.session() as session:
                segments = untouched_segments(
                    session, claim.job_id, after=after, most=SEGMENTS, now=now
                )
                reused = self._reused(session, claim.owner, segments, settings)
            if not reused:
                return
            with self._context.session() as session:
                ended = finish_reused(
                    session,
                    claim.job_id,
                    reused,
                    holder=self._context.holder,
                    until=self._context.leases.until(),
                    now=now,
                )
            _count([outcome for number in ended for outcome in reused[number]])
            after = max(segments)

    def _is_first(self, job_id: str) -> bool:
        with self._guard:
            is_first = job_id not in self._begun
            self._begun[job_id] = None
            if len(self._begun) > REMEMBERED:
                self._begun.popitem(last=False)
        return is_first

    def _forget(self, job_id: str) -> None:
        with self._guard:
            self._begun.pop(job_id, None)

    def _reused(
        self,
        session: Session,
        owner: str,
        segments: Mapping[int, Sequence[Chunk]],
        settings: SegmentSettings,
    ) -> dict[int, list[Outcome]]:
        """Return the outcomes of segments all of whose chunks have a take that is kept."""
        keys = {
            chunk.index: _cache_key(chunk, settings)
            for chunks in segments.values()
            for chunk in chunks
            if not chunk.voicing  # spoken in a way of its own: for those who speak it
        }
        takes = find_takes(session, owner, keys.values(), now=self._context.clock())
        found = {
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
            for number, outcomes in found.items()
            if len(outcomes) == len(segments[number])
        }


def _cache_key(chunk: Chunk, settings: SegmentSettings) -> str:
    return settings.parameters.cache_key(chunk.spoken_text, chunk.first_take)


def _outcome(chunk: Chunk, take: Take, settings: SegmentSettings) -> Outcome | None:
    """Return what a cached first take makes of a chunk; None if it would be spoken again."""
    pending = settings.make_pending(chunk)
    spoken = SpokenTake(
        number=pending.number,
        seed=settings.parameters.seed(pending.spoken_text, pending.number),
        take=take,
        is_cached=True,
    )
    result = resolve_take(pending, spoken, settings.quality.policy)
    return result if isinstance(result, Outcome) and result.take is take else None


def _count(outcomes: Sequence[Outcome]) -> None:
    for outcome in outcomes:
        telemetry.CHUNKS.labels(outcome=outcome.state.value).inc()
