"""What a job takes over from the one whose text was changed into its own: the unchanged chunks.

Takes are taken over as they are, with whatever was retaken, corrected or accepted; so a revision
sounds like its original wherever the text is the same, whatever engine speaks the rest.
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
    """The chunks of a plan, some of them spoken already, and what is to be noted of their sound."""

    chunks: list[PlannedChunk]
    provenance: Mapping[str, Any]  # columns of the job; empty if nothing was taken over


def inherit_chunks(session: Session, job: Job, chunks: Sequence[PlannedChunk]) -> Inherited:
    """Fill in the takes of chunks that the original of a job has spoken, in the order of both."""
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
        same = spoken.get((planned.text, planned.caption, planned.spoken_text))
        filled.append(_keeping(planned, same.popleft()) if same else planned)
    if all(chunk.kept is None for chunk in filled):
        return Inherited(chunks=filled, provenance={})
    provenance = {"voice_digest": original.voice_digest, "engines": original.engines}
    return Inherited(chunks=filled, provenance=provenance)


def _keeping(planned: PlannedChunk, chunk: Chunk) -> PlannedChunk:
    kept = KeptTake(**{name: getattr(chunk, name) for name in KeptTake.__dataclass_fields__})
    # What the planned text tells is no matter of one that was corrected.
    text_findings = planned.text_findings if chunk.planned_text is None else ()
    return replace(planned, kept=kept, text_findings=text_findings)
