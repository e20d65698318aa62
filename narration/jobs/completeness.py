"""The guarantee that no text is lost: every character of the source belongs to one span; pure."""

from collections.abc import Iterable, Sequence

from narration.errors import IncompletePlanError
from narration.text.types import Span, SpanKind

SpanRow = Sequence[object]  # kind, start, end, chunk number or reason: as the plan stores it


def span_rows(spans: Iterable[Span]) -> list[list[object]]:
    """Return spans in the form in which a plan stores them."""
    return [
        [span.kind.value, span.start, span.end, span.reason if span.chunk is None else span.chunk]
        for span in spans
    ]


def check_complete(spans: Iterable[SpanRow], characters: int, chunks: int) -> None:
    """Check that the spans cover the source in order without gaps and name every chunk.

    Raises: IncompletePlanError naming the first characters that belong to no span: a plan that
    loses text must never be spoken.
    """
    position = 0
    spoken_chunks: set[object] = set()
    for kind, start, end, detail in spans:
        if start != position:
            raise IncompletePlanError(f"characters {position} to {start} belong to no span")
        if not isinstance(end, int) or (kind == SpanKind.SKIPPED and not detail):
            raise IncompletePlanError(f"characters {start} to {end} have no reason")
        if kind == SpanKind.CHUNK:
            spoken_chunks.add(detail)
        position = end
    if position != characters:
        raise IncompletePlanError(f"characters {position} to {characters} belong to no span")
    if spoken_chunks != set(range(chunks)):
        raise IncompletePlanError("a chunk has no place in the source")
