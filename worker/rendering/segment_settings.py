"""How the chunks of one segment are to be spoken."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from narration.jobs.create import URGENT_PRIORITY
from narration.jobs.record import Chunk
from narration.jobs.request import QualityPolicy, QualitySettings
from narration.jobs.sound import RenderParameters
from worker.rendering.takes import PendingChunk

if TYPE_CHECKING:
    from worker.chatterbox.voice import Voice


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentSettings:
    """What a job's settings say about its chunks, with the voice loaded."""

    voice: "Voice"
    parameters: RenderParameters
    quality: QualitySettings
    priority: int
    gain_db: float  # the voice's

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
            spoken_text=chunk.spoken_text,
            number=chunk.first_take,
            last_number=chunk.first_take + self.takes - 1,
            pause_after_ms=chunk.pause_after_ms,
            text_findings=chunk.text_findings or (),
        )
