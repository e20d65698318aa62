"""What a job takes over from the one whose text was changed into its own: the unchanged chunks.

Takes are taken over as they are, with whatever was retaken, corrected or accepted; so a revision
sounds like its original wherever the text is the same, whatever engine speaks the rest.
"""

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from narration.jobs.lookup import get_chunks
from narration.jobs.record import Chunk, Job
from narration.jobs.states import SPOKEN, UNSPOKEN_VALUES, ChunkState

_TAKEN_OVER = (
    "state",
    "spoken_text",
    "planned_text",
    "voicing",
    "first_take",
    "take",
    "seed",
    "cache_key",
    "sha256",
    "samples",
    "is_watermarked",
    "level",
    "findings",
)
_NOTHING: dict[str, Any] = {
    **UNSPOKEN_VALUES,
    "state": ChunkState.PENDING,
    "planned_text": None,
    "voicing": None,
    "first_take": 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inherited:
    """The chunks of a plan, some of them spoken already, and what is to be noted of their sound."""

    chunks: list[dict[str, Any]]
    provenance: Mapping[str, Any]  # columns of the job; empty if nothing was taken over


def inherit_chunks(session: Session, job: Job, chunks: Sequence[dict[str, Any]]) -> Inherited:
    """Fill in the takes of chunks that the original of a job has spoken, in the order of both."""
    original = session.get(Job, job.revision_of) if job.revision_of else None
    if original is None or original.owner != job.owner:
        return Inherited(chunks=list(chunks), provenance={})
    spoken: defaultdict[tuple[str, str, str], deque[Chunk]] = defaultdict(deque)
    for chunk in get_chunks(session, original.id):
        if chunk.state in SPOKEN:
            planned = chunk.planned_text or chunk.spoken_text
            spoken[chunk.text, chunk.caption, planned].append(chunk)
    filled: list[dict[str, Any]] = []
    for row in chunks:
        same = spoken.get((row["text"], row["caption"], row["spoken_text"]))
        filled.append(_spoken(row, same.popleft()) if same else {**_NOTHING, **row})
    if all(row["sha256"] is None for row in filled):
        return Inherited(chunks=filled, provenance={})
    provenance = {"voice_digest": original.voice_digest, "engines": list(original.engines)}
    return Inherited(chunks=filled, provenance=provenance)


def _spoken(row: Mapping[str, Any], chunk: Chunk) -> dict[str, Any]:
    taken_over = {name: getattr(chunk, name) for name in _TAKEN_OVER}
    findings = row["text_findings"] if chunk.planned_text is None else []
    return {
        **_NOTHING,
        **row,
        **taken_over,
        "text_findings": findings,
        "is_cached": True,
    }
