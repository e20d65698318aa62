"""Chooses the take of a chunk to keep: the first that passes its checks, else the best of all."""

from dataclasses import dataclass, replace

from narration.errors import SpeechError
from narration.findings import Finding
from narration.jobs.request import QualityPolicy, Voicing
from narration.jobs.states import ChunkState
from narration.jobs.takes import Outcome, Take


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenTake:
    """A take with its number and seed; `is_cached` if it came from the chunk cache."""

    number: int
    seed: int
    take: Take
    is_cached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingChunk:
    """A chunk in progress: the number of the take to speak next, and the best take so far.

    `start` is its place in the text, in characters. `text_findings` hold for every take: they flag
    the chunk however well it is spoken.
    """

    index: int
    start: int
    spoken_text: str
    number: int
    last_number: int
    pause_after_ms: int
    voicing: Voicing | None = None  # settings of its own
    best: SpokenTake | None = None
    text_findings: tuple[Finding, ...] = ()


def resolve_take(
    pending: PendingChunk, spoken_take: SpokenTake, policy: QualityPolicy
) -> PendingChunk | Outcome:
    """Return the chunk's outcome with this take, or the chunk at its next take."""
    if not spoken_take.take.findings or policy is QualityPolicy.OFF:
        is_flagged = pending.text_findings and policy is not QualityPolicy.OFF
        state = ChunkState.FLAGGED if is_flagged else ChunkState.ACCEPTED
        return _outcome(pending, spoken_take, state)
    best = min(filter(None, (pending.best, spoken_take)), key=_penalty)
    return _next(replace(pending, best=best), None)


def resolve_failure(pending: PendingChunk, error: SpeechError, seed: int) -> PendingChunk | Outcome:
    """Return the chunk's outcome after a take that could not be spoken, or its next take."""
    failed = Outcome(
        index=pending.index,
        state=ChunkState.FAILED,
        take_number=pending.number,
        seed=seed,
        error=str(error),
        text_findings=pending.text_findings,
    )
    return _next(pending, failed)


def _next(pending: PendingChunk, failed: Outcome | None) -> PendingChunk | Outcome:
    if pending.number < pending.last_number:
        return replace(pending, number=pending.number + 1)
    if pending.best is not None:
        return _outcome(pending, pending.best, ChunkState.FLAGGED)
    assert failed is not None, "a take that was spoken is a best take"
    return failed


def _outcome(pending: PendingChunk, spoken_take: SpokenTake, state: ChunkState) -> Outcome:
    return Outcome(
        index=pending.index,
        state=state,
        take_number=spoken_take.number,
        seed=spoken_take.seed,
        take=spoken_take.take,
        is_cached=spoken_take.is_cached,
        text_findings=pending.text_findings,
    )


def _penalty(spoken_take: SpokenTake) -> tuple[int, int]:
    return len(spoken_take.take.findings), spoken_take.number
