"""Claims on the source -> spans that, one after the other, are the source."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from narration.documents.types import SkipReason
from narration.errors import IncompletePlanError
from narration.text.types import Span, SpanKind


class Claim(NamedTuple):
    """source[start:end] belongs to a chunk, or is skipped for a reason; sorts by its place."""

    start: int
    end: int
    chunk: int | None
    reason: SkipReason | None


def partition(source: str, claims: Iterable[Claim]) -> Iterator[Span]:
    """Turn claims, sorted and disjoint, into spans; white space that nobody claims is a pause.

    Raises: IncompletePlanError if two of them claim the same characters.
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
    """Cut pieces at holes, both sorted, each hole inside one piece; tell which cuts are holes."""
    waiting = list(holes)[::-1]
    for start, end in pieces:
        position = start
        while waiting and waiting[-1][1] <= end:
            first, last = waiting.pop()
            if position < first:
                yield (position, first), False
            yield (first, last), True
            position = last
        if position < end:
            yield (position, end), False


def _joined(claims: Iterable[Claim]) -> Iterator[Claim]:
    """Make one of neighbours that touch and have the same fate."""
    waiting: Claim | None = None
    for claim in claims:
        if waiting is not None and waiting.end == claim.start and waiting[2:] == claim[2:]:
            waiting = waiting._replace(end=claim.end)
            continue
        if waiting is not None:
            yield waiting
        waiting = claim
    if waiting is not None:
        yield waiting


def _unclaimed(source: str, start: int, end: int) -> Iterator[Span]:
    if start == end:
        return
    if source[start:end].strip():
        yield Span(kind=SpanKind.SKIPPED, start=start, end=end, reason=SkipReason.MARKUP)
    else:
        yield Span(kind=SpanKind.PAUSE, start=start, end=end)
