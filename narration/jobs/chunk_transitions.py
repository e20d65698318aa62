"""The one writer of the final states of spoken chunks, many at once: see `transitions`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Table, bindparam, select, tuple_, update
from sqlalchemy.orm import Session

from narration.jobs.record import Chunk
from narration.jobs.states import CHUNK_MOVES, UNSPOKEN, ChunkState, sources_of

ChunkKey = tuple[str, int]
"""A chunk, by its job and its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkEnd:
    """How one chunk ended: its state, and what its row records of the take."""

    job_id: str
    index: int
    state: ChunkState
    values: Mapping[str, Any]

    @property
    def key(self) -> ChunkKey:
        """Identify the chunk."""
        return self.job_id, self.index


def end_spoken_chunks(session: Session, ends: Sequence[ChunkEnd]) -> dict[ChunkKey, int]:
    """End those chunks that have not ended yet; return the number of characters of each.

    All ends must set the same columns. The caller writes the events, as it counts them in the job
    rows.
    """
    by_key = {end.key: end for end in reversed(ends)}  # if a chunk occurs twice, the first counts
    # Locked in a fixed order, so that two transactions never wait for each other.
    unspoken = (
        select(Chunk.job_id, Chunk.index, Chunk.state, Chunk.end - Chunk.start)
        .where(tuple_(Chunk.job_id, Chunk.index).in_(sorted(by_key)), Chunk.state.in_(UNSPOKEN))
        .order_by(Chunk.job_id, Chunk.index)
        .with_for_update()
    )
    lengths: dict[ChunkKey, int] = {}
    rows: list[dict[str, Any]] = []
    for job_id, index, state, length in session.execute(unspoken):
        end = by_key[job_id, index]
        if state in sources_of(CHUNK_MOVES, end.state):
            lengths[end.key] = length
            rows.append({"of_job": job_id, "at": index, "state": end.state, **end.values})
    if rows:
        session.connection().execute(_update_one(), rows)
    return lengths


def _update_one() -> Any:
    """Return the statement that is executed per row; it sets the columns that the rows name."""
    table = Chunk.__table__
    assert isinstance(table, Table)
    is_it = (table.c.job_id == bindparam("of_job"), table.c.index == bindparam("at"))
    return update(table).where(*is_it)
