"""Speaking one segment: feed the engine, judge, retake, checkpoint every chunk."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import TYPE_CHECKING

from narration import telemetry
from narration.errors import LeaseLost, SpeechError
from narration.findings import load_findings
from narration.jobs.checkpoints import checkpoint
from narration.jobs.record import Chunk
from narration.jobs.request import QualityPolicy, QualitySettings, Voicing
from narration.jobs.segment_claim import SegmentClaim, start_chunks
from narration.jobs.sound import RenderParameters
from narration.jobs.states import ChunkState
from narration.jobs.stored import read_voicing
from narration.jobs.takes import Outcome, Take, find_takes, note_passed_take, store_take
from narration.sound.take import measure_take
from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.chunk_audio import store_chunk
from worker.context import Drain, WorkerContext
from worker.engine.types import Delivery, Speech, SpeechEngine, Utterance, make_turn
from worker.leases import Lease
from worker.rendering.edges import trim_edges
from worker.rendering.pace import Pace
from worker.rendering.quality import judge
from worker.rendering.takes import PendingChunk, SpokenTake, resolve_failure, resolve_take

if TYPE_CHECKING:
    from worker.chatterbox.voice import Voice

POLL_S = 0.5  # how often a wait for the engine checks for a lost lease or a drain


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSettings:
    """How the chunks of a segment are to be spoken."""

    voice: "Voice"
    parameters: RenderParameters
    quality: QualitySettings
    priority: int
    gain_db: float  # of the voice

    @property
    def takes(self) -> int:
        """How often a chunk may be spoken in this attempt."""
        return 1 if self.quality.policy is QualityPolicy.OFF else self.quality.max_takes


class SegmentRun:
    """One segment being spoken; used by one thread, once."""

    def __init__(
        self,
        *,
        context: WorkerContext,
        engine: SpeechEngine,
        claim: SegmentClaim,
        settings: SegmentSettings,
        lease: Lease,
        drain: Drain,
        pace: Pace,
    ) -> None:
        self._context = context
        self._engine = engine
        self._claim = claim
        self._settings = settings
        self._lease = lease
        self._drain = drain
        self._voicings: dict[int, Voicing] = {}  # of chunks that are spoken in a way of their own
        self._pace = pace
        self._waiting: deque[PendingChunk] = deque()
        self._spoken: dict[Future[Speech], PendingChunk] = {}
        self._left = 0

    def run(self, chunks: Sequence[Chunk]) -> bool:
        """Speak every chunk; False if the worker is stopping and some are left.

        Raises: LeaseLost if the segment is somebody else's or nobody wants it any more;
        StorageUnavailable, DatabaseUnavailable, EngineDied.
        """
        self._left = len(chunks)
        self._voicings = {c.index: read_voicing(c.voicing) for c in chunks if c.voicing}
        try:
            self._reuse([self._pending(chunk) for chunk in chunks])
            while self._has_work():
                self._lease.check()
                self._submit_next()
                self._collect()
        finally:
            for future in self._spoken:
                future.cancel()
        return self._left == 0

    def _has_work(self) -> bool:
        if self._drain.is_begun:
            return bool(self._spoken) and not self._drain.is_over
        return bool(self._spoken or self._waiting)

    def _pending(self, chunk: Chunk) -> PendingChunk:
        return PendingChunk(
            index=chunk.index,
            spoken_text=chunk.spoken_text,
            number=chunk.first_take,
            last_number=chunk.first_take + self._settings.takes - 1,
            text_findings=load_findings(chunk.text_findings or ()),
        )

    def _reuse(self, pending_chunks: Sequence[PendingChunk]) -> None:
        """Finish chunks that have a cached take, of any job; queue the others for a new one."""
        keys = {
            self._cache_key(pending, number)
            for pending in pending_chunks
            for number in range(pending.number, pending.last_number + 1)
        }
        with self._context.session() as session:
            earlier = find_takes(session, self._claim.owner, keys, now=self._context.clock())
        for pending in pending_chunks:
            self._reuse_takes(pending, earlier)

    def _reuse_takes(self, pending: PendingChunk, earlier: dict[str, Take]) -> None:
        while take := earlier.get(self._cache_key(pending, pending.number)):
            result = self._resolve(pending, take, is_cached=True)
            self._note_passed(pending, take, result)
            if isinstance(result, Outcome):
                self._end(result)
                return
            pending = result
        self._waiting.append(pending)

    def _submit_next(self) -> None:
        """Hand the engine the next chunk; it blocks while the engine is full."""
        is_held_back = self._claim.is_suspect and self._spoken
        if not self._waiting or is_held_back or self._drain.is_begun:
            return
        pending = self._waiting.popleft()
        with self._context.session() as session:
            start_chunks(session, self._claim, [pending.index])
        utterance = Utterance(
            text=pending.spoken_text,
            voice=self._settings.voice,
            delivery=Delivery(**self._parameters(pending).delivery.model_dump()),
            seed=self._seed(pending),
            turn=make_turn(self._settings.priority, pending.index),
        )
        self._spoken[self._engine.submit(utterance)] = pending

    def _collect(self) -> None:
        may_submit = self._waiting and not self._claim.is_suspect and not self._drain.is_begun
        timeout_s = 0 if may_submit else POLL_S
        for future in wait(self._spoken, timeout_s, FIRST_COMPLETED).done:
            self._receive(self._spoken.pop(future), future)

    def _receive(self, pending: PendingChunk, future: Future[Speech]) -> None:
        try:
            speech = future.result()
        except SpeechError as error:
            telemetry.TAKES.labels(verdict="failed").inc()
            self._continue(resolve_failure(pending, error, self._seed(pending)))
            return
        take = self._store(pending, speech)
        result = self._resolve(pending, take, is_cached=False)
        if isinstance(result, PendingChunk):
            with self._context.session() as session:
                store_take(session, self._claim.owner, take, now=self._context.clock())
        self._note_passed(pending, take, result)
        self._continue(result)

    def _note_passed(
        self, pending: PendingChunk, take: Take, result: PendingChunk | Outcome
    ) -> None:
        """Write a take down that is not the one kept, for those who compare takes by ear."""
        if isinstance(result, Outcome) and result.take is take:
            return
        outcome = Outcome(
            index=pending.index,
            state=ChunkState.FLAGGED,
            take_number=pending.number,
            seed=self._seed(pending),
            take=take,
        )
        with self._context.session() as session:
            note_passed_take(
                session,
                self._claim,
                outcome,
                spoken_text=pending.spoken_text,
                voicing=self._voicings.get(pending.index, Voicing()),
            )

    def _store(self, pending: PendingChunk, speech: Speech) -> Take:
        """Judge a take and store its sound under its own digest."""
        waveform = speech.waveform
        findings = judge(
            speech.tokens, waveform, pending.spoken_text, is_truncated=speech.is_truncated
        ).findings
        waveform = trim_edges(waveform)
        telemetry.AUDIO_SECONDS.inc(waveform.size / SAMPLE_RATE_HZ)
        self._pace.note(waveform.size / SAMPLE_RATE_HZ)
        telemetry.TAKES.labels(verdict="flagged" if findings else "accepted").inc()
        return Take(
            cache_key=self._cache_key(pending, pending.number),
            level=measure_take(waveform).pack(),
            sha256=store_chunk(self._context.stores.work, waveform),
            samples=waveform.size,
            is_watermarked=speech.is_watermarked,
            findings=findings,
        )

    def _resolve(
        self, pending: PendingChunk, take: Take, *, is_cached: bool
    ) -> PendingChunk | Outcome:
        spoken_take = SpokenTake(
            number=pending.number, seed=self._seed(pending), take=take, is_cached=is_cached
        )
        return resolve_take(pending, spoken_take, self._settings.quality.policy)

    def _seed(self, pending: PendingChunk) -> int:
        return self._parameters(pending).seed(pending.spoken_text, pending.number)

    def _cache_key(self, pending: PendingChunk, number: int) -> str:
        return self._parameters(pending).cache_key(pending.spoken_text, number)

    def _parameters(self, pending: PendingChunk) -> RenderParameters:
        voicing = self._voicings.get(pending.index)
        parameters = self._settings.parameters
        return parameters if voicing is None else parameters.with_voicing(voicing)

    def _continue(self, result: PendingChunk | Outcome) -> None:
        if isinstance(result, Outcome):
            self._end(result)
        else:
            self._waiting.appendleft(result)

    def _end(self, outcome: Outcome) -> None:
        with self._context.session() as session:
            is_wanted = checkpoint(
                session,
                self._claim,
                outcome,
                until=self._context.leases.until(),
                now=self._context.clock(),
            )
        self._left -= 1
        telemetry.CHUNKS.labels(outcome=outcome.state.value).inc()
        if not is_wanted:
            raise LeaseLost(f"job {self._claim.job_id} is not wanted any more")
