"""What a revision takes over from the job whose text it changes: the unchanged chunks.

Their takes are used as they are, whether retaken, corrected or accepted; so a revision sounds like
its original wherever the text is the same, whichever engine speaks the rest.
"""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy.orm import Session

from narration.jobs.lookup import get_chunks
from narration.jobs.planned import KeptTake, PlannedChunk
from narration.jobs.record import Chunk, Job
from narration.jobs.states import SPOKEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """The chunks of a plan, some of them already spoken, and where that sound came from."""

    chunks: list[PlannedChunk]
    provenance: Mapping[str, Any]  # columns of the job; empty if nothing was inherited


def inherit_chunks(session: Session, job: Job, chunks: Sequence[PlannedChunk]) -> Inherited:
    """Fill in the takes of chunks that the job's original has spoken, matching both in order."""
    original = session.get(Job, job.revision_of) if job.revision_of else None
    if original is None or original.owner != job.owner:
        return Inherited(chunks=list(chunks), provenance={})
    spoken: defaultdict[tuple[str, str, str], deque[Chunk]] = defaultdict(deque)
    for chunk in get_chunks(session, original.id):
        if chunk.state in SPOKEN:
            planned_text = chunk.planned_text or chunk.spoken_text
            spoken[chunk.text, chunk.caption, planned_text].append(chunk)
    filled: list[PlannedChunk] = []
    for planned in chunks:
        unchanged = spoken.get((planned.text, planned.caption, planned.spoken_text))
        filled.append(_keeping(planned, unchanged.popleft()) if unchanged else planned)
    if all(chunk.kept is None for chunk in filled):
        return Inherited(chunks=filled, provenance={})
    provenance = {"voice_digest": original.voice_digest, "engines": original.engines}
    return Inherited(chunks=filled, provenance=provenance)


def _keeping(planned: PlannedChunk, chunk: Chunk) -> PlannedChunk:
    take = KeptTake(**{name: getattr(chunk, name) for name in KeptTake.__dataclass_fields__})
    # Findings on the planned text do not apply to a chunk whose text was corrected.
    text_findings = planned.text_findings if chunk.planned_text is None else ()
    return replace(planned, kept=take, text_findings=text_findings)
