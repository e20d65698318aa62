"""What the segments of one worker are spoken with."""

from dataclasses import dataclass

from worker.context import Drain, WorkerContext
from worker.engine.types import SpeechEngine
from worker.rendering.notes import NoteWriter
from worker.rendering.pace import Pace
from worker.rendering.take_pool import TakePool


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What a worker speaks segments with, many at once."""

    context: WorkerContext
    engine: SpeechEngine
    takes: TakePool
    notes: NoteWriter
    drain: Drain
    pace: Pace
