"""Claims on the source -> spans that cover the source in order."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from narration.documents.types import SkipReason
from narration.errors import IncompletePlanError
from narration.text.types import Span, SpanKind


class Claim(NamedTuple):
    """source[start:end] belongs to a chunk, or is skipped for a reason; sorted by position."""

    start: int
    end: int
    chunk: int | None
    reason: SkipReason | None


def partition(source: str, claims: Iterable[Claim]) -> Iterator[Span]:
    """Turn sorted, disjoint claims into spans; unclaimed white space becomes a pause.

    Raises: IncompletePlanError if two claims overlap.
    """
    position = 0
    for claim in _joined(claims):
        if claim.start < position:
            raise IncompletePlanError(f"two parts of the plan claim character {claim.start}")
        yield from _unclaimed(source, position, claim.start)
        if claim.start < claim.end:
            kind = SpanKind.SKIPPED if claim.chunk is None else SpanKind.CHUNK
            yield Span(
                kind=kind, start=claim.start, end=claim.end, chunk=claim.chunk, reason=claim.reason
            )
        position = claim.end
    yield from _unclaimed(source, position, len(source))


def carve(
    pieces: Iterable[tuple[int, int]], holes: Iterable[tuple[int, int]]
) -> Iterator[tuple[tuple[int, int], bool]]:
    """Cut pieces at holes, both sorted, each hole inside one piece; return which are holes."""
    pending = list(holes)[::-1]
    for start, end in pieces:
        position = start
        while pending and pending[-1][1] <= end:
            first, last = pending.pop()
            if position < first:
                yield (position, first), False
            yield (first, last), True
            position = last
        if position < end:
            yield (position, end), False


def _joined(claims: Iterable[Claim]) -> Iterator[Claim]:
    """Merge adjacent claims of the same kind."""
    previous: Claim | None = None
    for claim in claims:
        if previous is not None and previous.end == claim.start and previous[2:] == claim[2:]:
            previous = previous._replace(end=claim.end)
            continue
        if previous is not None:
            yield previous
        previous = claim
    if previous is not None:
        yield previous


def _unclaimed(source: str, start: int, end: int) -> Iterator[Span]:
    if start == end:
        return
    if source[start:end].strip():
        yield Span(kind=SpanKind.SKIPPED, start=start, end=end, reason=SkipReason.MARKUP)
    else:
        yield Span(kind=SpanKind.PAUSE, start=start, end=end)
