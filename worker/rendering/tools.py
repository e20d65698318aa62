"""What all segments of one worker share."""

from dataclasses import dataclass

from narration import telemetry
from worker.chatterbox.config import SAMPLE_RATE_HZ
from worker.context import Drain, WorkerContext
from worker.engine.types import SpeechEngine
from worker.rendering.checkpoint_writer import CheckpointWriter
from worker.rendering.pace import Pace
from worker.rendering.take_pool import TakePool
from worker.rendering.take_sound import StoredSound


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What all segments of a worker are spoken with."""

    context: WorkerContext
    engine: SpeechEngine
    takes: TakePool
    checkpoints: CheckpointWriter
    drain: Drain
    pace: Pace

    def count(self, sound: StoredSound) -> None:
        """Count a take in the metrics and in the worker's pace."""
        spoken_s = sound.samples / SAMPLE_RATE_HZ
        telemetry.AUDIO_SECONDS.inc(spoken_s)
        self.pace.add_speech(spoken_s)
        telemetry.TAKES.labels(verdict="flagged" if sound.findings else "accepted").inc()
