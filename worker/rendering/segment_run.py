"""Speaks one segment: feeds the engine, has takes checked and stored, retakes, records the results.

Each chunk goes through three asynchronous steps: the engine speaks it, its take is checked and
stored, and its outcome is recorded. Completed steps come back through one queue.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from functools import partial

from sqlalchemy.orm import Session

from narration import telemetry
from narration.errors import LeaseLost, SpeechError
from narration.jobs.checkpoints import FinishedChunk, Standing, lease_lost
from narration.jobs.record import Chunk
from narration.jobs.request import Voicing
from narration.jobs.segment_claim import SegmentClaim, start_chunks
from narration.jobs.states import ChunkState
from narration.jobs.takes import Outcome, Take, record_passed_take, store_take
from narration.telemetry import log_step
from worker.engine.types import Delivery, Speech, Utterance
from worker.leases import Lease
from worker.rendering.completions import Completions
from worker.rendering.reuse import find_earlier
from worker.rendering.segment_settings import SegmentSettings
from worker.rendering.take_sound import SpokenSound, StoredSound
from worker.rendering.takes import PendingChunk, SpokenTake, resolve_failure, resolve_take
from worker.rendering.tools import Tools

SETTLE_S = 60.0  # for outcomes to be recorded before a segment is released

_ResolvedTake = tuple[PendingChunk, Take, PendingChunk | Outcome]


class SegmentRun:
    """One segment being spoken; used by one thread, once."""

    def __init__(
        self,
        tools: Tools,
        claim: SegmentClaim,
        settings: SegmentSettings,
        lease: Lease,
        record: Callable[[Session], None] | None,
    ) -> None:
        """`record` writes down what an urgent segment is spoken with, unless that is done."""
        self._tools = tools
        self._context = tools.context
        self._drain = tools.drain
        self._claim = claim
        self._settings = settings
        self._lease = lease
        self._record = record
        self._waiting: deque[PendingChunk] = deque()
        self._speaking: set[Future[Speech]] = set()
        self._storing: set[Future[StoredSound]] = set()
        self._recording: set[Future[Standing]] = set()
        self._is_silent = False  # while the first chunk of a text that somebody waits for is spoken
        self._completions = Completions()
        self._remaining = 0

    def run(self, chunks: Sequence[Chunk]) -> bool:
        """Speak every chunk; return False if the worker is stopping and some are left.

        Raises: LeaseLost if another worker has the segment or its job was canceled;
        StorageUnavailable, DatabaseUnavailable, EngineDied.
        """
        self._remaining = len(chunks)
        try:
            self._begin([self._settings.make_pending(chunk) for chunk in chunks])
            while self._has_work():
                self._lease.check()
                self._submit_next()
                self._completions.handle(may_wait=not self._may_submit())
        finally:
            for future in self._speaking:
                future.cancel()
            # The segment may only be released after its spoken chunks are recorded.
            wait(self._recording, SETTLE_S)
            self._completions.end(self._speaking, self._storing, self._recording)
        return self._remaining == 0

    def _has_work(self) -> bool:
        if self._drain.is_begun:
            return self._is_under_way() and not self._drain.is_over
        return self._is_under_way() or bool(self._waiting)

    def _is_under_way(self) -> bool:
        return bool(self._speaking or self._storing or self._recording)

    def _begin(self, pending_chunks: Sequence[PendingChunk]) -> None:
        """Finish chunks that have a cached take, from any job; queue the others for a new one.

        In an urgent segment the first chunk is submitted before its start is recorded.
        """
        earlier = find_earlier(self._context, self._claim.owner, self._settings, pending_chunks)
        log_step("cache_read")
        reused = [self._reuse(pending, earlier) for pending in pending_chunks]
        self._waiting.extend(one for _, one in reused if isinstance(one, PendingChunk))
        unspoken = [one.index for one in self._waiting]
        if self._settings.is_urgent and not self._claim.is_suspect:
            self._submit_next()
        self._record_begun(unspoken)
        for resolved, result in reused:
            for step in resolved:
                self._record_unkept(*step)
            if isinstance(result, Outcome):
                self._end(result)

    def _record_begun(self, unspoken: Sequence[int]) -> None:
        with self._context.session() as session:
            if self._settings.is_urgent and self._record is not None:
                self._record(session)
            # A suspect segment's chunks start one by one, so that a crash points to a single chunk.
            if unspoken and not self._claim.is_suspect:
                start_chunks(session, self._claim, unspoken)

    def _reuse(
        self, pending: PendingChunk, earlier: dict[str, Take]
    ) -> tuple[list[_ResolvedTake], PendingChunk | Outcome]:
        """Apply cached takes to a chunk; return each take with its result, and the final result."""
        resolved: list[_ResolvedTake] = []
        while take := earlier.get(self._settings.cache_key(pending, pending.number)):
            result = self._resolve(pending, take, is_cached=True)
            resolved.append((pending, take, result))
            if isinstance(result, Outcome):
                return resolved, result
            pending = result
        return resolved, pending

    def _may_submit(self) -> bool:
        """Return whether the next chunk may be given to the engine now.

        The first sound of a text comes sooner if the other chunks of its segment do not share T3's
        batch, and if this thread does not wait for room for them.
        """
        is_held_back = self._is_silent or (self._claim.is_suspect and self._is_under_way())
        return bool(self._waiting) and not is_held_back and not self._drain.is_begun

    def _submit_next(self) -> None:
        """Submit the next chunk to the engine, if it may be; blocks while the engine is full."""
        if not self._may_submit():
            return
        pending = self._waiting.popleft()
        if self._claim.is_suspect:
            with self._context.session() as session:
                start_chunks(session, self._claim, [pending.index])
        utterance = Utterance(
            text=pending.spoken_text,
            voice=self._settings.voice,
            delivery=Delivery(**self._settings.parameters_of(pending).delivery.model_dump()),
            seed=self._settings.seed(pending),
            turn=self._settings.turn(pending),
        )
        self._note("handed_over", pending.index)
        self._is_silent = self._settings.is_urgent and pending.index == 0
        speech = self._tools.engine.submit(utterance)
        receive = partial(self._receive_speech, pending, utterance.steps)
        self._completions.follow(speech, self._speaking, receive)

    def _receive_speech(
        self, pending: PendingChunk, steps: Mapping[str, float], future: Future[Speech]
    ) -> None:
        self._note("spoken", pending.index, engine=steps)
        if pending.index == 0:
            self._is_silent = False
        try:
            speech = future.result()
        except SpeechError as error:
            self._fail_take(pending, error)
            return
        sound = SpokenSound(
            tokens=speech.tokens,
            waveform=speech.waveform,
            spoken_text=pending.spoken_text,
            is_truncated=speech.is_truncated,
            waiting=self._settings.waiting(self._claim, pending),
        )
        receive = partial(self._receive_sound, pending, speech)
        self._completions.follow(self._tools.takes.submit(sound), self._storing, receive)

    def _receive_sound(
        self, pending: PendingChunk, speech: Speech, future: Future[StoredSound]
    ) -> None:
        self._note("stored", pending.index)
        try:
            sound = future.result()
        except SpeechError as error:
            self._fail_take(pending, error)
            return
        self._tools.count(sound)
        take = Take(
            cache_key=self._settings.cache_key(pending, pending.number),
            level=sound.level,
            sha256=sound.sha256,
            samples=sound.samples,
            is_watermarked=speech.is_watermarked,
            findings=sound.findings,
        )
        result = self._resolve(pending, take, is_cached=False)
        if isinstance(result, PendingChunk):
            with self._context.session() as session:
                store_take(session, self._claim.owner, take, now=self._context.clock())
        self._record_unkept(pending, take, result)
        self._continue(result)

    def _fail_take(self, pending: PendingChunk, error: SpeechError) -> None:
        telemetry.TAKES.labels(verdict="failed").inc()
        self._continue(resolve_failure(pending, error, self._settings.seed(pending)))

    def _note(self, step: str, index: int, **fields: object) -> None:
        """Log what becomes of a text's first chunk, whose listener hears nothing yet."""
        if self._settings.is_urgent and index == 0:
            log_step(step, **fields)

    def _record_unkept(
        self, pending: PendingChunk, take: Take, result: PendingChunk | Outcome
    ) -> None:
        """Record a take that is not the one kept, so that users can compare takes by ear."""
        if isinstance(result, Outcome) and result.take is take:
            return
        outcome = Outcome(
            index=pending.index,
            state=ChunkState.FLAGGED,
            take_number=pending.number,
            seed=self._settings.seed(pending),
            take=take,
        )
        with self._context.session() as session:
            record_passed_take(
                session,
                self._claim,
                outcome,
                spoken_text=pending.spoken_text,
                voicing=pending.voicing or Voicing(),
            )

    def _resolve(
        self, pending: PendingChunk, take: Take, *, is_cached: bool
    ) -> PendingChunk | Outcome:
        spoken_take = SpokenTake(
            number=pending.number, seed=self._settings.seed(pending), take=take, is_cached=is_cached
        )
        return resolve_take(pending, spoken_take, self._settings.quality.policy)

    def _continue(self, result: PendingChunk | Outcome) -> None:
        if isinstance(result, Outcome):
            self._end(result)
        else:
            self._waiting.appendleft(result)

    def _end(self, outcome: Outcome) -> None:
        chunk = FinishedChunk(claim=self._claim, outcome=outcome)
        standing = self._tools.checkpoints.write(chunk, is_urgent=self._settings.is_urgent)
        self._completions.follow(
            standing, self._recording, partial(self._receive_standing, outcome)
        )

    def _receive_standing(self, outcome: Outcome, future: Future[Standing]) -> None:
        self._note("recorded", outcome.index)
        standing = future.result()
        if standing is Standing.LOST:
            raise lease_lost(self._claim)
        self._remaining -= 1
        telemetry.CHUNKS.labels(outcome=outcome.state.value).inc()
        if standing is Standing.UNWANTED:
            raise LeaseLost(f"job {self._claim.job_id} is not wanted any more")
