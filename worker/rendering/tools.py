"""What all segments of one worker share."""

from dataclasses import dataclass

from worker.context import Drain, WorkerContext
from worker.engine.types import SpeechEngine
from worker.rendering.checkpoint_writer import CheckpointWriter
from worker.rendering.pace import Pace
from worker.rendering.take_pool import TakePool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What all segments of a worker are spoken with."""

    context: WorkerContext
    engine: SpeechEngine
    takes: TakePool
    checkpoints: CheckpointWriter
    drain: Drain
    pace: Pace
