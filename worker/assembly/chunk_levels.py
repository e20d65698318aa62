"""Measures the levels of takes that were spoken before rows stored levels."""

from collections.abc import Iterable

from narration.jobs.record import Chunk
from narration.jobs.takes import store_take_level
from narration.sound.take import measure_take
from worker.chunk_audio import read_chunk
from worker.context import WorkerContext


def fill_levels(context: WorkerContext, chunks: Iterable[Chunk]) -> None:
    """Set every chunk's missing level, in its row and in these objects.

    Raises: LostAudio; StorageUnavailable.
    """
    for chunk in chunks:
        if chunk.level is None:
            level = measure_take(read_chunk(context.stores.work, chunk)).pack()
            with context.session() as session:
                store_take_level(session, chunk, level)
            chunk.level = level
