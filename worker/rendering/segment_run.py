"""Speaking one segment: feed the engine, judge, retake, checkpoint every chunk."""

from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from narration import telemetry
from narration.errors import LeaseLost, SpeechError
from narration.jobs.record import Chunk
from narration.jobs.request import QualityPolicy, QualitySettings
from narration.jobs.segment_claim import SegmentClaim, start_chunks
from narration.jobs.takes import Outcome, Take, checkpoint, find_takes, store_take
from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.chunk_audio import store_chunk
from worker.context import Drain, Workplace
from worker.engine.types import Delivery, Speech, SpeechEngine, Utterance
from worker.leases import Lease
from worker.rendering.edges import trim_edges
from worker.rendering.identity import Recipe
from worker.rendering.quality import judge
from worker.rendering.takes import Line, SpokenTake, miss, weigh

if TYPE_CHECKING:
    from worker.chatterbox.voice import Voice

GLANCE_S = 0.5  # a wait for the engine hides a lost lease or a drain no longer than this


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """How the chunks of a segment are to be spoken."""

    voice: "Voice"
    recipe: Recipe
    quality: QualitySettings

    @property
    def takes(self) -> int:
        """How often a chunk may be spoken in this attempt."""
        return 1 if self.quality.policy is QualityPolicy.OFF else self.quality.max_takes


class Recital:
    """One segment being spoken; used by one thread, once."""

    def __init__(
        self,
        *,
        place: Workplace,
        engine: SpeechEngine,
        claim: SegmentClaim,
        score: Score,
        lease: Lease,
        drain: Drain,
    ) -> None:
        self._place = place
        self._engine = engine
        self._claim = claim
        self._score = score
        self._lease = lease
        self._drain = drain
        self._waiting: deque[Line] = deque()
        self._spoken: dict[Future[Speech], Line] = {}
        self._left = 0

    def perform(self, chunks: Sequence[Chunk]) -> bool:
        """Bring every chunk to its end; False if the worker drains and some are left.

        Raises: LeaseLost if the segment is somebody else's or nobody wants it any more;
        StorageUnavailable, DatabaseUnavailable, EngineDied.
        """
        self._left = len(chunks)
        try:
            self._reuse([self._line(chunk) for chunk in chunks])
            while self._has_work():
                self._lease.check()
                self._feed()
                self._collect()
        finally:
            for future in self._spoken:
                future.cancel()
        return self._left == 0

    def _has_work(self) -> bool:
        if self._drain.is_begun:
            return bool(self._spoken) and not self._drain.is_over
        return bool(self._spoken or self._waiting)

    def _line(self, chunk: Chunk) -> Line:
        return Line(
            index=chunk.index,
            spoken_text=chunk.spoken_text,
            number=chunk.first_take,
            last_number=chunk.first_take + self._score.takes - 1,
        )

    def _reuse(self, lines: Sequence[Line]) -> None:
        """End what was spoken before, in whatever job; the rest waits for its first new take."""
        keys = {
            self._score.recipe.cache_key(line.spoken_text, number)
            for line in lines
            for number in range(line.number, line.last_number + 1)
        }
        with self._place.session() as session:
            earlier = find_takes(session, self._claim.owner, keys, now=self._place.clock())
        for line in lines:
            self._recall(line, earlier)

    def _recall(self, line: Line, earlier: dict[str, Take]) -> None:
        while take := earlier.get(self._score.recipe.cache_key(line.spoken_text, line.number)):
            result = self._weigh(line, take, is_cached=True)
            if isinstance(result, Outcome):
                self._end(result)
                return
            line = result
        self._waiting.append(line)

    def _feed(self) -> None:
        """Hand the engine the next chunk; it blocks while the engine is full."""
        is_held_back = self._claim.is_suspect and self._spoken
        if not self._waiting or is_held_back or self._drain.is_begun:
            return
        line = self._waiting.popleft()
        with self._place.session() as session:
            start_chunks(session, self._claim, [line.index])
        utterance = Utterance(
            text=line.spoken_text,
            voice=self._score.voice,
            delivery=Delivery(**self._score.recipe.delivery.model_dump()),
            seed=self._seed(line),
        )
        self._spoken[self._engine.submit(utterance)] = line

    def _collect(self) -> None:
        is_hungry = self._waiting and not self._claim.is_suspect and not self._drain.is_begun
        timeout_s = 0 if is_hungry else GLANCE_S
        for future in wait(self._spoken, timeout_s, FIRST_COMPLETED).done:
            self._take_in(self._spoken.pop(future), future)

    def _take_in(self, line: Line, future: Future[Speech]) -> None:
        try:
            speech = future.result()
        except SpeechError as error:
            telemetry.TAKES.labels(verdict="failed").inc()
            self._go_on(miss(line, error, self._seed(line)))
            return
        take = self._keep(line, speech)
        result = self._weigh(line, take, is_cached=False)
        if isinstance(result, Line):
            with self._place.session() as session:
                store_take(session, self._claim.owner, take, now=self._place.clock())
        self._go_on(result)

    def _keep(self, line: Line, speech: Speech) -> Take:
        """Judge a take and store its sound under its own digest."""
        waveform = speech.waveform
        findings = judge(
            speech.tokens, waveform, line.spoken_text, is_truncated=speech.is_truncated
        ).findings
        waveform = trim_edges(waveform)
        telemetry.AUDIO_SECONDS.inc(waveform.size / SAMPLE_RATE_HZ)
        telemetry.TAKES.labels(verdict="flagged" if findings else "accepted").inc()
        return Take(
            cache_key=self._score.recipe.cache_key(line.spoken_text, line.number),
            sha256=store_chunk(self._place.stores.work, waveform),
            samples=waveform.size,
            is_watermarked=speech.is_watermarked,
            findings=[asdict(finding) for finding in findings],
        )

    def _weigh(self, line: Line, take: Take, *, is_cached: bool) -> Line | Outcome:
        spoken_take = SpokenTake(
            number=line.number, seed=self._seed(line), take=take, is_cached=is_cached
        )
        return weigh(line, spoken_take, self._score.quality.policy)

    def _seed(self, line: Line) -> int:
        return self._score.recipe.seed(line.spoken_text, line.number)

    def _go_on(self, result: Line | Outcome) -> None:
        if isinstance(result, Outcome):
            self._end(result)
        else:
            self._waiting.appendleft(result)

    def _end(self, outcome: Outcome) -> None:
        with self._place.session() as session:
            is_wanted = checkpoint(
                session,
                self._claim,
                outcome,
                until=self._place.leases.until(),
                now=self._place.clock(),
            )
        self._left -= 1
        telemetry.CHUNKS.labels(outcome=outcome.state.value).inc()
        if not is_wanted:
            raise LeaseLost(f"job {self._claim.job_id} is not wanted any more")
