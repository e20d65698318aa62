"""Which take of a chunk is kept: the first that passes its checks, else the best of all; pure."""

from dataclasses import dataclass, replace

from narration.errors import SpeechError
from narration.jobs.request import QualityPolicy
from narration.jobs.states import ChunkState
from narration.jobs.takes import Outcome, Take


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenTake:
    """A take with its number and seed; `is_cached` if it was spoken before this segment."""

    number: int
    seed: int
    take: Take
    is_cached: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A chunk on its way: the number of the take to speak next, and the best of those before."""

    index: int
    spoken_text: str
    number: int
    last_number: int
    best: SpokenTake | None = None


def weigh(line: Line, spoken_take: SpokenTake, policy: QualityPolicy) -> Line | Outcome:
    """Return what a take makes of a chunk: its end, or the same chunk at its next take."""
    if not spoken_take.take.findings or policy is QualityPolicy.OFF:
        return _outcome(line, spoken_take, ChunkState.ACCEPTED)
    best = min(filter(None, (line.best, spoken_take)), key=_badness)
    return _next(replace(line, best=best), None)


def miss(line: Line, error: SpeechError, seed: int) -> Line | Outcome:
    """Return what a take that could not be spoken at all makes of a chunk."""
    failed = Outcome(
        index=line.index,
        state=ChunkState.FAILED,
        take_number=line.number,
        seed=seed,
        error=str(error),
    )
    return _next(line, failed)


def _next(line: Line, failed: Outcome | None) -> Line | Outcome:
    if line.number < line.last_number:
        return replace(line, number=line.number + 1)
    if line.best is not None:
        return _outcome(line, line.best, ChunkState.FLAGGED)
    assert failed is not None, "a take that was spoken is a best take"
    return failed


def _outcome(line: Line, spoken_take: SpokenTake, state: ChunkState) -> Outcome:
    return Outcome(
        index=line.index,
        state=state,
        take_number=spoken_take.number,
        seed=spoken_take.seed,
        take=spoken_take.take,
        is_cached=spoken_take.is_cached,
    )


def _badness(spoken_take: SpokenTake) -> tuple[int, int]:
    return len(spoken_take.take.findings), spoken_take.number
