"""How the chunks of one segment are to be spoken."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from narration.broker.first_sounds import Waiting
from narration.jobs.create import URGENT_PRIORITY
from narration.jobs.cuts import CHARS_PER_S
from narration.jobs.record import Chunk
from narration.jobs.request import QualityPolicy, QualitySettings
from narration.jobs.segment_claim import SegmentClaim
from narration.jobs.sound import RenderParameters
from narration.jobs.stored import read_voicing
from worker.engine.types import Turn, make_turn
from worker.rendering.takes import PendingChunk

if TYPE_CHECKING:
    from worker.chatterbox.voice import Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSettings:
    """What a job's settings say about its chunks, with the voice loaded.

    `submitted_s`: when the job was submitted, in seconds since 1970.
    """

    voice: "Voice"
    parameters: RenderParameters
    quality: QualitySettings
    priority: int
    submitted_s: float
    gain_db: float  # the voice's
    # By chunk and take: each is needed several times, and takes digests of the whole text.
    _digests: dict[tuple[int, int], tuple[int, str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    @property
    def is_urgent(self) -> bool:
        """Whether somebody waits for the sound."""
        return self.priority >= URGENT_PRIORITY

    @property
    def takes(self) -> int:
        """How many takes a chunk may have in this attempt."""
        return 1 if self.quality.policy is QualityPolicy.OFF else self.quality.max_takes

    def make_pending(self, chunk: Chunk) -> PendingChunk:
        """Return a chunk that is yet to be spoken, at its first take."""
        return PendingChunk(
            index=chunk.index,
            start=chunk.start,
            spoken_text=chunk.spoken_text,
            number=chunk.first_take,
            last_number=chunk.first_take + self.takes - 1,
            pause_after_ms=chunk.pause_after_ms,
            voicing=read_voicing(chunk.voicing) if chunk.voicing else None,
            text_findings=chunk.text_findings or (),
        )

    def parameters_of(self, pending: PendingChunk) -> RenderParameters:
        """Return what a chunk is spoken with: the job's parameters, or its own."""
        voicing = pending.voicing
        return self.parameters if voicing is None else self.parameters.with_voicing(voicing)

    def turn(self, pending: PendingChunk) -> Turn:
        """Return when it is a chunk's turn in the engine."""
        due_s = self.submitted_s + pending.start / CHARS_PER_S
        return make_turn(self.priority, pending.index, due_s)

    def seed(self, pending: PendingChunk) -> int:
        """Return the seed of a chunk's next take."""
        return self._find_digests(pending, pending.number)[0]

    def cache_key(self, pending: PendingChunk, number: int) -> str:
        """Return the key of a chunk's take in the chunk cache."""
        return self._find_digests(pending, number)[1]

    def waiting(self, claim: SegmentClaim, pending: PendingChunk) -> Waiting | None:
        """Return who hears nothing until a chunk is spoken, if anybody listens."""
        if not self.is_urgent or pending.index > 0:
            return None
        return Waiting(
            owner=claim.owner,
            job_id=claim.job_id,
            gain_db=self.gain_db,
            pause_after_ms=pending.pause_after_ms,
        )

    def _find_digests(self, pending: PendingChunk, number: int) -> tuple[int, str]:
        """Return a take's seed and cache key."""
        take = (pending.index, number)
        if take not in self._digests:
            parameters = self.parameters_of(pending)
            self._digests[take] = parameters.seed_and_key(pending.spoken_text, number)
        return self._digests[take]
