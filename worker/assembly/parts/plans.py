"""Plans what each part's encoder is fed, and where its packets go in a file.

Pure: rows in, plans out. Positions are samples of the programme; a run is a stretch of parts that
share one packet grid. A cut in a long enough silence starts a new run, and its part depends on
nothing outside itself; where the pause is too short, the part continues the run and feeds some of
its neighbours' sound to its encoder.
"""

import hashlib
import json
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from narration.errors import IncompletePlanError
from worker.assembly.parts.codecs import Codec


@dataclass(frozen=True, slots=True, kw_only=True)
class SpokenChunk:
    """A chunk's take as recorded in its row.   Units: samples.

    `quiet_tail` is how much of its end is inaudible.
    """

    sha256: str
    samples: int
    pause: int
    quiet_tail: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Samples [start, stop) of a chunk, or as many zeros where `chunk` is None."""

    chunk: int | None
    start: int
    stop: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPlan:
    """One part for one codec: feed the pieces to an encoder, keep `packets` after `dropped`."""

    first: int  # chunks [first, end) belong to it
    end: int
    pieces: tuple[Piece, ...]
    dropped: int
    packets: int
    run: int  # the first chunk of its run
    start: int  # its position in the run, in packets

    @property
    def begins_run(self) -> bool:
        """Whether it starts in silence, on its own packet grid."""
        return self.first == self.run

    @property
    def chunks(self) -> tuple[int, ...]:
        """The chunks whose sound it needs, its neighbours' included."""
        return tuple(sorted({p.chunk for p in self.pieces if p.chunk is not None}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A part's place in a file: the number of its first packet, and how many packets are used."""

    part: int
    first_packet: int
    packets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """Chunks [first, end) on one packet grid; `cuts` are the first chunks of its parts."""

    first: int
    end: int
    cuts: tuple[int, ...]


def plan_parts(
    chunks: Sequence[SpokenChunk],
    cuts: Sequence[int],
    codec: Codec,
    *,
    breaks: frozenset[int] = frozenset(),
) -> tuple[PartPlan, ...]:
    """Plan every part; `cuts` are their first chunks.

    A new run starts at `breaks` even without a pause before, since a new file starts there.
    """
    runs = _runs(chunks, cuts, codec, breaks)
    return tuple(plan for run in runs for plan in _plan_run(chunks, run, codec))


def place_parts(
    chunks: Sequence[SpokenChunk], plans: Sequence[PartPlan], codec: Codec
) -> tuple[Place, ...]:
    """Lay consecutive parts out in one file that begins with the first of them.

    Each run starts at the packet nearest to its position. The last run starts early enough that all
    of it is played, which may be one packet earlier.
    """
    first, end = plans[0].first, plans[-1].end
    starts = list(accumulate((c.samples + c.pause for c in chunks[first:end]), initial=0))
    origins: list[int] = []
    for plan in plans:
        if plan.begins_run:
            origin, shift = starts[plan.first - first], codec.packet // 2
            if plan.run == plans[-1].run:
                shift = min(shift, chunks[end - 1].pause + chunks[end - 1].quiet_tail)
            run_packet = (origin + shift) // codec.packet
        origins.append(run_packet + plan.start)
    total = -(-(starts[-1] + codec.delay) // codec.packet)
    places = tuple(
        Place(part=number, first_packet=start, packets=stop - start)
        for number, (start, stop) in enumerate(pairwise([*origins, total]))
    )
    if not all(0 <= place.packets <= plans[place.part].packets for place in places):
        raise IncompletePlanError("a part is shorter than its place in the programme")
    return places


def digest_part(plan: PartPlan, chunks: Sequence[SpokenChunk], codec: Codec, *, level: str) -> str:
    """Return the SHA-256 of all that shapes a part's bytes; `level` describes gain and ceiling."""
    pieces = [
        [None if p.chunk is None else chunks[p.chunk].sha256, p.start, p.stop] for p in plan.pieces
    ]
    shape = [codec.identity(), level, plan.dropped, plan.packets, pieces]
    return hashlib.sha256(json.dumps(shape).encode()).hexdigest()


def _runs(
    chunks: Sequence[SpokenChunk], cuts: Sequence[int], codec: Codec, breaks: frozenset[int]
) -> Iterator[_Run]:
    run_cuts: list[int] = []
    for cut, following in pairwise([*cuts, len(chunks)]):
        run_cuts.append(cut)
        is_end = following == len(chunks) or following in breaks
        if is_end or chunks[following - 1].pause >= codec.quiet:
            yield _Run(first=run_cuts[0], end=following, cuts=tuple(run_cuts))
            run_cuts = []


def _plan_run(chunks: Sequence[SpokenChunk], run: _Run, codec: Codec) -> Iterator[PartPlan]:
    line = _Line(chunks, run)
    packet = codec.packet
    seams = [round(line.start_of(cut) / packet) for cut in run.cuts]
    # Silence at the end, enough for any start of the next run and for a decoder's delay.
    seams.append(-(-line.length // packet) + codec.dropped + 1)
    ends = [*run.cuts[1:], run.end]
    for number, (start, stop) in enumerate(pairwise(seams)):
        is_first, is_last = number == 0, number == len(ends) - 1
        dropped = codec.dropped + (0 if is_first else codec.lead)
        tail = codec.dropped if is_last else codec.tail
        yield PartPlan(
            first=run.cuts[number],
            end=ends[number],
            pieces=tuple(line.slice((start - dropped) * packet, (stop + tail) * packet)),
            dropped=dropped,
            packets=stop - start,
            run=run.first,
            start=start,
        )


class _Line:
    """A run's samples from 0 on: chunks and pauses in order, silence before and after them."""

    def __init__(self, chunks: Sequence[SpokenChunk], run: _Run) -> None:
        self._chunks, self._first = chunks, run.first
        spans = (c.samples + c.pause for c in chunks[run.first : run.end])
        self._starts = list(accumulate(spans, initial=0))

    @property
    def length(self) -> int:
        return self._starts[-1]

    def start_of(self, chunk: int) -> int:
        return self._starts[chunk - self._first]

    def slice(self, start: int, stop: int) -> Iterator[Piece]:
        silence = 0
        for piece in self._slices(start, stop):
            if piece.chunk is None:
                silence += piece.stop
                continue
            if silence:
                yield Piece(chunk=None, start=0, stop=silence)
                silence = 0
            yield piece
        if silence:
            yield Piece(chunk=None, start=0, stop=silence)

    def _slices(self, start: int, stop: int) -> Iterator[Piece]:
        if start < 0:
            yield Piece(chunk=None, start=0, stop=-start)
        index = max(bisect_right(self._starts, max(start, 0)) - 1, 0)
        while index < len(self._starts) - 1 and self._starts[index] < stop:
            number, at = self._first + index, self._starts[index]
            begin = max(start - at, 0)
            size = self._chunks[number].samples
            if begin < min(size, stop - at):
                yield Piece(chunk=number, start=begin, stop=min(size, stop - at))
            quiet = min(stop, self._starts[index + 1]) - max(at + size, start)
            if quiet > 0:
                yield Piece(chunk=None, start=0, stop=quiet)
            index += 1
        if stop > max(self.length, start):
            yield Piece(chunk=None, start=0, stop=stop - max(self.length, start))
